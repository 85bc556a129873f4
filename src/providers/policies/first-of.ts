import { Failure, toFailure } from "../../errors.ts";
import type { Provider, ProviderCall } from "../provider.ts";
import type { Target } from "../target.ts";

/** The targets in the order in which they are asked for one request. */
export interface Ranking {
  readonly order: readonly Target[];
  /** So many of them, at the front, are up as far as is known. */
  readonly readyCount: number;
  /** Called with the one that answered. */
  readonly onServed: ((target: Target) => void) | undefined;
}

/** The longest `retry-after` that a client is kept waiting for, and the longest while another target is free. */
const patienceMs = { lastReady: 30_000, othersReady: 1_000 } as const;

/** A route that has one target only. */
export const only = (target: Target): Provider => ({
  send: (call) => target.send(call, patienceMs.lastReady),
});

/**
 * Fallback: the first target that answers. What the client is at fault for ends the search. A request asks
 * each target once, however bad the outage: what repeats itself is a retry, and has a budget.
 */
export const firstOf = (rank: (call: ProviderCall) => Ranking): Provider => ({
  send: async (call) => {
    const { order, readyCount, onServed } = rank(call);
    const patientFrom = (readyCount === 0 ? order.length : readyCount) - 1;
    let last: Failure | undefined;
    for (const [position, target] of order.entries()) {
      try {
        const patience = position < patientFrom ? patienceMs.othersReady : patienceMs.lastReady;
        const reply = await target.send(call, patience);
        onServed?.(target);
        return reply;
      } catch (thrown) {
        const failure = toFailure(thrown);
        if (failure.recovery === "none" || call.signal.aborted) throw failure;
        if (last === undefined || !wasNotAsked(failure)) last = failure;
      }
    }
    throw last ?? new Failure("no_healthy_upstream", "No provider for this model is set up.");
  },
});

/**
 * A target that was not even asked says less than one that answered badly: it rests, or it cannot do what the
 * request wants while the other one could.
 */
function wasNotAsked({ kind }: Failure): boolean {
  return (
    kind === "no_healthy_upstream" || kind === "invalid_value" || kind === "unsupported_endpoint"
  );
}
