import { Failure, toFailure } from "../errors.ts";
import type { EventStream, StreamReply } from "../providers/provider.ts";
import type { Exchange } from "./exchange.ts";
import type { Settle } from "./settle.ts";

/**
 * Watches a stream go by and settles it at its end, whichever that is. Written as an object and not as a
 * generator: `return()` on a generator that has not started skips its `finally`, and a client who left early
 * would never be settled. Runs once per batch of events; budget 1 µs.
 */
export function observe(
  reply: StreamReply,
  { exchange, settle, signal }: { exchange: Exchange; settle: Settle; signal: AbortSignal },
): EventStream {
  const { events } = reply;
  return {
    next: async () => {
      try {
        const batch = await events.next();
        // A provider that waits for nothing does not hear of the abort by itself.
        if (signal.aborted) throw signal.reason;
        if (batch.usage !== undefined) exchange.usage = batch.usage;
        if (batch.isLast) settle(exchange, { kind: "ok" });
        return batch;
      } catch (thrown) {
        const failure = toFailure(thrown);
        settle(exchange, { kind: "failed", failure });
        events.cancel();
        throw failure;
      }
    },
    cancel: () => {
      const failure = new Failure("client_closed_request", "The client left.");
      settle(exchange, { kind: "failed", failure });
      events.cancel();
    },
  };
}
