import { Failure } from "../../../errors.ts";

/** A client can try again a little later. */
const retryAfterMs = 1_000;

/** Rejects with `store_unavailable` instead of what Redis or its client said (the cause). */
export async function orUnavailable<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure("store_unavailable", "Sentinel's Redis does not answer. Try again shortly.", {
      cause,
      retryAfterMs,
    });
  }
}
