import type { Clock } from "../../src/lib/clock.ts";

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function manualClock(startEpochMs = Date.UTC(2026, 0, 31, 12)): ManualClock {
  let passedMs = 0;
  return {
    epochMs: () => startEpochMs + passedMs,
    tickMs: () => passedMs,
    advance(ms) {
      passedMs += ms;
    },
  };
}
