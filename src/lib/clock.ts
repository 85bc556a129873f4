/** Time as an argument, so that rules can be tested without waiting. */
export interface Clock {
  /** Milliseconds since 1970, for what is written down. */
  epochMs(): number;
  /** Milliseconds on a clock that never jumps, for durations and deadlines. */
  tickMs(): number;
}

export const systemClock: Clock = {
  epochMs: () => Date.now(),
  tickMs: () => performance.now(),
};
