import { Failure, toFailure } from "../errors.ts";
import type { SseEvent } from "../protocol/sse.ts";
import { wantsUsage } from "../protocol/stream-options.ts";
import type { EventBatch, EventStream, StreamReply } from "../providers/provider.ts";
import { accountOf } from "./cost/account.ts";
import type { QuoteOf } from "./cost/account.ts";
import { withCost } from "./cost/cost-in-stream.ts";
import { DeliveredText } from "./cost/delivered-text.ts";
import { isClientGone, readOn } from "./drains.ts";
import type { Exchange } from "./exchange.ts";
import type { BudgetGuard } from "./limits/budget-guard.ts";
import { responseIdIn } from "./response-id.ts";
import type { Settle } from "./settle.ts";

export interface ObserveOptions {
  readonly exchange: Exchange;
  readonly settle: Settle;
  readonly quoteOf: QuoteOf;
  readonly signal: AbortSignal;
  /** Told once, with the first event that has it; undefined where nobody needs to know. */
  readonly onResponseId: ((id: string) => void) | undefined;
  /** Undefined where no hard budget applies. */
  readonly guard: BudgetGuard | undefined;
  /** Reads on for a client who left, up to so many tokens, and then ends; undefined: such a stream is cancelled. */
  readonly drain: { readonly tokensMax: number } | undefined;
  /** Called once, when nothing more is wanted of the provider. */
  readonly onOver: () => void;
}

/**
 * Watches a stream go by and settles it at its end, whichever that is. Written as an object and not as a
 * generator: `return()` on a generator that has not started skips its `finally`, and a client who left early
 * would never be settled. Runs once per batch of events; budget 1 µs.
 */
export function observe(reply: StreamReply, options: ObserveOptions): EventStream {
  const { events } = reply;
  const { exchange, settle, signal, onResponseId, guard } = options;
  const delivered = (exchange.delivered = new DeliveredText(exchange.endpoint));
  let isUnnamed = onResponseId !== undefined;
  /** Its end was read, or it broke off: there is nothing more to come. */
  let isOver = false;

  const fail = (thrown: unknown): Failure => {
    // Whatever happens to an answer after its client has left, that is how it ended.
    const failure = toFailure(isClientGone(signal) ? signal.reason : thrown);
    if (options.drain !== undefined && !isOver && isClientGone(signal)) {
      void drainAndSettle(events, failure, options, options.drain.tokensMax);
      return failure;
    }
    settle(exchange, { kind: "failed", failure });
    events.cancel();
    options.onOver();
    return failure;
  };

  return {
    next: async () => {
      try {
        isOver = true;
        const batch = await events.next();
        isOver = batch.isLast;
        delivered.add(batch.events);
        if (batch.usage !== undefined) exchange.usage = batch.usage;
        // Whoever is there to take it, what its provider counts is the whole.
        exchange.isDrained = batch.isLast;
        // A provider that waits for nothing does not hear of the abort by itself.
        if (signal.aborted) throw signal.reason;
        if (isUnnamed) isUnnamed = !nameResponse(batch.events, onResponseId);
        if (!batch.isLast) {
          guard?.check();
          return batch;
        }
        const last = withCostShown(batch, options);
        settle(exchange, { kind: "ok" });
        options.onOver();
        return last;
      } catch (thrown) {
        throw fail(thrown);
      }
    },
    cancel: () => {
      if (exchange.end !== undefined) return;
      fail(new Failure("client_closed_request", "The client left."));
    },
  };
}

/** Nobody waits for it: `Drains` ends it at shutdown, and its provider's deadlines before that. */
async function drainAndSettle(
  events: EventStream,
  failure: Failure,
  { exchange, settle, guard, onOver }: ObserveOptions,
  tokensMax: number,
): Promise<void> {
  exchange.isDrained = await readOn(events, exchange, { tokensMax, guard });
  settle(exchange, { kind: "failed", failure });
  onOver();
}

const toldInStream: ReadonlySet<Exchange["endpoint"]> = new Set(["chat", "completions"]);

/** What it cost stands beside the usage that the client asked for. */
function withCostShown(batch: EventBatch, { exchange, quoteOf }: ObserveOptions): EventBatch {
  if (batch.usage === undefined || !toldInStream.has(exchange.endpoint)) return batch;
  if (!wantsUsage(exchange.request)) return batch;
  exchange.account ??= accountOf(exchange, quoteOf);
  return { ...batch, events: withCost(batch.events, exchange.account) };
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
