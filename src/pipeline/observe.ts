import { Failure, toFailure } from "../errors.ts";
import type { SseEvent } from "../protocol/sse.ts";
import type { EventBatch, EventStream } from "../providers/provider.ts";
import { keepsPayloads } from "./audit/payload-capture.ts";
import { judgePolicyOf } from "./judge/sampling/judge-policy-of.ts";
import { isClientGone } from "./client-gone.ts";
import { spokenStrings } from "./cost/event-strings.ts";
import { DeliveredText } from "./cost/delivered-text.ts";
import { readOn } from "./drains.ts";
import { endOf } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { BudgetGuard } from "./limits/budget-guard.ts";
import { responseIdIn } from "./response-id.ts";
import type { Settle } from "./settle.ts";

export interface ObserveOptions {
  readonly exchange: Exchange;
  readonly settle: Settle;
  /** Ends the stream: aborted when nobody reads it any more. */
  readonly signal: AbortSignal;
  /** The client's whose exchange it is, where others may read the same stream. */
  readonly ownSignal?: AbortSignal;
  /** Told once, with the first event that has it; undefined where nobody needs to know. */
  readonly onResponseId?: ((id: string) => void) | undefined;
  /** Undefined where no hard budget applies. */
  readonly guard?: BudgetGuard | undefined;
  /** Reads on for a client who left, up to so many tokens, and then ends; undefined: such a stream is cancelled. */
  readonly drain?: { readonly tokensMax: number } | undefined;
  /** Sees the events as they came. */
  readonly onEvents?: (events: readonly SseEvent[]) => void;
  /** The answer is whole, whoever is there to take it, and about to be settled. */
  readonly onWhole?: () => void;
  /** Called once, when nothing more is wanted of the provider. */
  readonly onOver?: () => void;
}

/**
 * Watches a stream go by and settles it at its end, whichever that is. Written as an object and not as a
 * generator: `return()` on a generator that has not started skips its `finally`, and a client who left early
 * would never be settled. Runs once per batch of events; budget 1 µs.
 */
export function observe(events: EventStream, options: ObserveOptions): EventStream {
  const { exchange, settle, signal, ownSignal = signal, onResponseId, guard } = options;
  const delivered = isTextWanted(exchange) ? new DeliveredText(exchange.endpoint) : undefined;
  if (delivered !== undefined) exchange.delivered = delivered;
  const spoken = isJudged(exchange)
    ? new DeliveredText(exchange.endpoint, spokenStrings)
    : undefined;
  if (spoken !== undefined) exchange.spoken = spoken;
  let isUnnamed = onResponseId !== undefined;
  /** What comes of it is awaited, read on, or was the end: whoever cancels has nothing to do but settle. */
  let isTaken = false;

  const fail = (thrown: unknown): Failure => {
    // Whatever happens to an answer after its client has left, that is how it ended.
    const failure = toFailure(isClientGone(signal) ? signal.reason : thrown);
    if (options.drain !== undefined && !isTaken && isClientGone(signal)) {
      isTaken = true;
      void drainAndSettle(events, failure, options, options.drain.tokensMax);
      return failure;
    }
    settle(exchange, endOf({ signal: ownSignal }, failure));
    events.cancel();
    options.onOver?.();
    return failure;
  };

  return {
    next: async () => {
      try {
        isTaken = true;
        const batch = await events.next();
        isTaken = batch.isLast;
        delivered?.add(batch.events);
        spoken?.add(batch.events);
        options.onEvents?.(batch.events);
        note(batch, exchange);
        if (batch.isLast) options.onWhole?.();
        // A provider that waits for nothing does not hear of the abort by itself.
        if (signal.aborted) throw signal.reason;
        if (isUnnamed) isUnnamed = !nameResponse(batch.events, onResponseId);
        if (!batch.isLast) {
          guard?.check();
          return batch;
        }
        settle(exchange, endOf({ signal: ownSignal }));
        options.onOver?.();
        return batch;
      } catch (thrown) {
        throw fail(thrown);
      }
    },
    cancel: () => {
      if (exchange.end !== undefined) return;
      // Who awaits the next batch finds out with it, and reads on.
      if (options.drain !== undefined && isTaken && isClientGone(signal)) return;
      fail(
        signal.aborted ? signal.reason : new Failure("client_closed_request", "The client left."),
      );
    },
  };
}

function note({ events, usage, isLast }: EventBatch, exchange: Exchange): void {
  if (events.length > 0) exchange.firstTokenTickMs ??= performance.now();
  if (usage !== undefined) exchange.usage = usage;
  // Whoever is there to take it, what its provider counts is the whole.
  exchange.isDrained = isLast;
}

/** What nobody pays for is read only for who keeps answers: it would take five times as long as to send it. */
const isTextWanted = ({ isAsked, caller }: Exchange): boolean =>
  isAsked === true || keepsPayloads(caller);

const isJudged = ({ caller }: Exchange): boolean => judgePolicyOf(caller) !== undefined;

/** Nobody waits for it: `Drains` ends it at shutdown, and its provider's deadlines before that. */
async function drainAndSettle(
  events: EventStream,
  failure: Failure,
  { exchange, settle, guard, onEvents, onWhole, onOver }: ObserveOptions,
  tokensMax: number,
): Promise<void> {
  exchange.isDrained = await readOn(events, exchange, { tokensMax, guard, onEvents });
  if (exchange.isDrained) onWhole?.();
  settle(exchange, { kind: "failed", failure });
  onOver?.();
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
