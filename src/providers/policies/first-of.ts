import { toFailure } from "../../errors.ts";
import type { Failure } from "../../errors.ts";
import type { Provider } from "../provider.ts";

/** Fallback: the first target that answers. What the client is at fault for ends the search. */
export const firstOf = (targets: readonly Provider[]): Provider => {
  const [only] = targets;
  if (targets.length === 1 && only !== undefined) return only;
  return {
    send: async (call) => {
      let last: Failure | undefined;
      for (const target of targets) {
        try {
          return await target.send(call);
        } catch (thrown) {
          const failure = toFailure(thrown);
          if (failure.recovery === "none" || call.signal.aborted) throw failure;
          // A target that was not even asked says less than one that answered badly.
          if (last === undefined || failure.kind !== "no_healthy_upstream") last = failure;
        }
      }
      throw last ?? new Error("a route has no target");
    },
  };
};
