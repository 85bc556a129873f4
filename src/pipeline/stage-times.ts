/** By `performance.now()`. */
export interface Arrival {
  /** When the caller was known. */
  readonly identifiedTickMs: number;
  /** When the whole body was there. */
  readonly bodyTickMs: number;
}

/**
 * Milliseconds that an exchange spent in each of Sentinel's own steps; undefined for those that it did not come to. What
 * the steps wait for is in it: the caller's body, a store.
 */
export interface StageTimes {
  /** From the request's arrival until its caller was known. */
  authenticate: number | undefined;
  /** Until its body was read, parsed and checked. */
  read: number | undefined;
  /** The part of `read` that was waiting for the caller, whose network may be slow. */
  bodyWait: number;
  /** The look-up in the cache, whatever it found. */
  cache: number | undefined;
  /** Until limits and budgets had a place for it. */
  admit: number | undefined;
}

/** `arrival` is undefined for a call of Sentinel's own. */
export function beginStages(startedTickMs: number, arrival: Arrival | undefined): StageTimes {
  const later = { cache: undefined, admit: undefined };
  if (arrival === undefined) {
    return { authenticate: undefined, read: undefined, bodyWait: 0, ...later };
  }
  const { identifiedTickMs, bodyTickMs } = arrival;
  return {
    authenticate: identifiedTickMs - startedTickMs,
    read: performance.now() - identifiedTickMs,
    bodyWait: bodyTickMs - identifiedTickMs,
    ...later,
  };
}
