/** When a job that failed is tried again, in milliseconds. */
export interface Backoff {
  /** From 1: the one that failed. */
  readonly attempt: number;
  readonly baseMs: number;
  /** Not before. */
  readonly afterMs: number | undefined;
  /** In [0, 1). */
  readonly random: () => number;
}

const ceilingMsMax = 300_000;
/** Whoever asks for more time is asked again then. */
const afterMsMax = 86_400_000;

/**
 * Full jitter: anything up to a ceiling that doubles with each attempt, so that what failed together does not come back
 * together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/, read 2026-11-21). On top of
 * `afterMs`, which many were told at once.
 */
export function backoffMs({ attempt, baseMs, afterMs = 0, random }: Backoff): number {
  const ceilingMs = Math.min(ceilingMsMax, baseMs * 2 ** Math.min(attempt - 1, doublingsMax));
  const leastMs = Number.isFinite(afterMs) ? Math.min(Math.max(afterMs, 0), afterMsMax) : 0;
  return Math.ceil(leastMs + random() * ceilingMs);
}

/** Further ones would leave the numbers that are exact. */
const doublingsMax = 30;
