/** How long each part of an answer may take, in milliseconds. */
export interface Deadlines {
  /** Until a connection stands. */
  readonly connectMs: number;
  /** From then until the provider's first byte. A whole answer is all written by then, so this is long. */
  readonly firstByteMs: number;
  /** Between two chunks. Long as well: models that think are silent after their first chunk. */
  readonly idleMs: number;
  /** All of it, retries included, from the moment when the request came in. */
  readonly totalMs: number;
}

export const defaultDeadlines: Deadlines = {
  connectMs: 5_000,
  firstByteMs: 300_000,
  idleMs: 300_000,
  totalMs: 900_000,
};
