import { wantsUsage } from "../../protocol/stream-options.ts";
import type { EventBatch, EventStream } from "../../providers/provider.ts";
import type { Exchange } from "../exchange.ts";
import { accountOf } from "./account.ts";
import type { QuoteOf } from "./account.ts";
import { withCost } from "./cost-in-stream.ts";

/** Where a stream tells what it cost: as the cost stands beside its usage, only to who asked for that. */
const toldInStream: ReadonlySet<Exchange["endpoint"]> = new Set(["chat", "completions"]);

/** The stream with what this client pays for it. A stream that does not tell is handed through as it is. */
export function showCost(events: EventStream, exchange: Exchange, quoteOf: QuoteOf): EventStream {
  if (!toldInStream.has(exchange.endpoint) || !wantsUsage(exchange.request)) return events;
  const shown = (batch: EventBatch): EventBatch => {
    if (!batch.isLast || batch.usage === undefined) return batch;
    exchange.account ??= accountOf(exchange, quoteOf);
    return { ...batch, events: withCost(batch.events, exchange.account) };
  };
  return {
    next: async () => shown(await events.next()),
    cancel: () => {
      events.cancel();
    },
  };
}
