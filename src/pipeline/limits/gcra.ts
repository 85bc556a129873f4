/**
 * A rate by the generic cell rate algorithm: all that is kept of a bucket is when it will be full again, so one
 * number each, and a limit that is changed takes effect at once. The bucket holds one minute's worth: whoever has
 * waited may take the whole limit at once, and what flows back during that minute on top of it, so that a minute
 * can see up to twice the limit. Times are milliseconds on whatever clock the caller has; runs several times per
 * request, and costs nanoseconds. The same arithmetic stands in `stores/redis/limits/gcra.lua`.
 */
export interface Draw {
  readonly amount: number;
  readonly perMinute: number;
  readonly nowMs: number;
}

export const minuteMs = 60_000;

/** A bucket from which nothing was ever taken. */
export const neverDrawnMs = 0;

/**
 * Sums of fractions are a little off, more so the longer the clock runs. A hundredth of a unit makes up for it also
 * after years, and lets nobody take a whole one more.
 */
const slackMs = (perMinute: number): number => Math.max(0.001, minuteMs / perMinute / 100);

/** After how many milliseconds the amount could be taken: 0 means now, undefined never (it is more than the limit). */
export function waitMs(fullAtMs: number, draw: Draw): number | undefined {
  // Nothing can be taken also from a bucket that is in debt.
  if (draw.amount === 0) return 0;
  if (draw.amount > draw.perMinute) return undefined;
  const missingMs = drawn(fullAtMs, draw) - draw.nowMs - minuteMs;
  return missingMs <= slackMs(draw.perMinute) ? 0 : missingMs;
}

/** When the bucket will be full after the amount was taken, which may be more than it holds: that is a debt. */
export function drawn(fullAtMs: number, { amount, perMinute, nowMs }: Draw): number {
  return Math.max(fullAtMs, nowMs) + (amount * minuteMs) / perMinute;
}

/** The amount put back. A bucket does not get fuller than full. */
export function givenBack(fullAtMs: number, { amount, perMinute, nowMs }: Draw): number {
  return Math.max(nowMs, fullAtMs - (amount * minuteMs) / perMinute);
}

/**
 * What to put back of a reservation of which less was used: only what has not flowed back since by itself. A
 * plain refund would credit that twice.
 */
export function refundOf(reservation: {
  readonly reserved: number;
  readonly used: number;
  readonly perMinute: number;
  readonly heldMs: number;
}): number {
  const { reserved, used, perMinute, heldMs } = reservation;
  return Math.max(0, reserved - used - (perMinute * Math.max(0, heldMs)) / minuteMs);
}

/** How much could be taken now, in whole units; 0 while there is a debt. */
export function remainingAt(fullAtMs: number, perMinute: number, nowMs: number): number {
  const missingMs = Math.max(0, fullAtMs - nowMs);
  const remaining = ((minuteMs - missingMs + slackMs(perMinute)) * perMinute) / minuteMs;
  return Math.min(perMinute, Math.max(0, Math.floor(remaining)));
}
