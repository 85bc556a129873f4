import type { ModelInfo } from "@pydantic/genai-prices";

export interface NextChange {
  readonly epochMs: number;
  /** The price depends on the hour. Which hour counts, the vendors say nowhere: that of the request or of its answer. */
  readonly isDaily: boolean;
}

const dayMs = 86_400_000;

/** When the list has another price for a model, after a given time; never, for most. */
export function nextChangeMs(prices: ModelInfo["prices"], nowMs: number): NextChange {
  const constraints = Array.isArray(prices) ? prices.map(({ constraint }) => constraint) : [];
  let epochMs = Number.POSITIVE_INFINITY;
  let isDaily = false;
  for (const constraint of constraints) {
    if (constraint === undefined) continue;
    if (constraint.type === "start_date") {
      const startMs = Date.parse(constraint.start_date);
      if (startMs > nowMs) epochMs = Math.min(epochMs, startMs);
      continue;
    }
    isDaily = true;
    for (const time of [constraint.start_time, constraint.end_time]) {
      epochMs = Math.min(epochMs, nextTimeMs(time, nowMs));
    }
  }
  return { epochMs, isDaily };
}

/** The next time that it is so late, in UTC or the offset that the time names. */
function nextTimeMs(time: string, nowMs: number): number {
  const offsetMs = Date.parse(`1970-01-01T${time}`);
  // A time that cannot be read is looked at again soon.
  if (Number.isNaN(offsetMs)) return nowMs + 60_000;
  const sinceMs = (((nowMs - offsetMs) % dayMs) + dayMs) % dayMs;
  return nowMs + dayMs - sinceMs;
}
