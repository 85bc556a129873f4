import { Failure, toFailure } from "../errors.ts";
import type { SseEvent } from "../protocol/sse.ts";
import type { EventStream, StreamReply } from "../providers/provider.ts";
import type { Exchange } from "./exchange.ts";
import { responseIdIn } from "./response-id.ts";
import type { Settle } from "./settle.ts";

export interface ObserveOptions {
  readonly exchange: Exchange;
  readonly settle: Settle;
  readonly signal: AbortSignal;
  /** Told once, with the first event that has it; undefined where nobody needs to know. */
  readonly onResponseId: ((id: string) => void) | undefined;
}

/**
 * Watches a stream go by and settles it at its end, whichever that is. Written as an object and not as a
 * generator: `return()` on a generator that has not started skips its `finally`, and a client who left early
 * would never be settled. Runs once per batch of events; budget 1 µs.
 */
export function observe(reply: StreamReply, options: ObserveOptions): EventStream {
  const { events } = reply;
  const { exchange, settle, signal, onResponseId } = options;
  let isUnnamed = onResponseId !== undefined;
  return {
    next: async () => {
      try {
        const batch = await events.next();
        // A provider that waits for nothing does not hear of the abort by itself.
        if (signal.aborted) throw signal.reason;
        if (isUnnamed) isUnnamed = !nameResponse(batch.events, onResponseId);
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

/** Whether the events said what the response is called. */
function nameResponse(
  events: readonly SseEvent[],
  onResponseId: ObserveOptions["onResponseId"],
): boolean {
  const id = responseIdIn(events);
  if (id !== undefined) onResponseId?.(id);
  return id !== undefined;
}
