import { toFailure } from "../errors.ts";
import type { Failure } from "../errors.ts";
import type { Usage } from "../protocol/usage.ts";
import type { Attempt } from "../providers/provider.ts";
import type { RouteEntry } from "./audit/entry.ts";
import type { Account } from "./cost/account.ts";
import type { DeliveredText } from "./cost/delivered-text.ts";
import type { CacheNote } from "./cache/cache-note.ts";
import { isClientGone } from "./client-gone.ts";
import type { IncomingCall } from "./incoming-call.ts";
import type { Lease, LimitRefusal, Quota } from "./limits/limit-store.ts";
import type { ExpectedTokens } from "./limits/reservation.ts";
import { beginStages } from "./stage-times.ts";
import type { StageTimes } from "./stage-times.ts";
import type { ReadNotes } from "./tracing/answer-notes.ts";

/** What an exchange knows of the call that began it. */
type CallRecord = Pick<
  IncomingCall,
  | "id"
  | "clientRequestId"
  | "caller"
  | "endpoint"
  | "model"
  | "isStream"
  | "request"
  | "requestBytes"
  | "tags"
  | "userAgent"
  | "trace"
  | "startedEpochMs"
  | "startedTickMs"
>;

/** The record of one request, from admission to its end. Every step may read it; few write to it. */
export interface Exchange extends CallRecord {
  readonly attempts: Attempt[];
  readonly stages: StageTimes;
  route?: RouteEntry;
  /** What it was expected to use, when it was admitted. */
  expected?: ExpectedTokens;
  /** What the caller's limits have left, where there are any. */
  quota?: Quota;
  /** What was set aside for it; undefined where the caller has no limits, and before it was admitted. */
  lease?: Lease;
  /** The limit that had no place for it. */
  refusal?: LimitRefusal;
  /** What the cache had to do with it; undefined before it was asked. */
  cache?: CacheNote;
  /** The provider is asked, or was: from then on that call settles the exchange, also when its own client has left. */
  isAsked?: true;
  /** Milliseconds that it waited for somebody else's call. */
  followedMs?: number;
  /**
   * When the answer's first event, or the whole answer, was in hand; for a stream that is silent after its headers, when
   * those were due to leave.
   */
  firstEventTickMs?: number;
  /** When a stream's first event was there to be sent. */
  firstTokenTickMs?: number;
  /** As the provider counts; of a stream that goes on, what it has told so far. */
  usage?: Usage;
  /** What of a stream has come. */
  delivered?: DeliveredText;
  /** The same without what the model thought: where the tenant has answers judged. */
  spoken?: DeliveredText;
  /** The provider's answer was read to its end, though the client had left: its count is the whole. */
  isDrained?: boolean;
  /** A whole answer, as it goes to the client. */
  answerBytes?: Buffer;
  /** What the answer says of itself; only of what is traced. */
  readNotes?: ReadNotes;
  /** Set once, by `settle`. */
  end?: ExchangeEnd;
  /** What it came to: set once, when it is settled or, for a stream whose client wants to know, a moment before. */
  account?: Account;
}

export interface ExchangeEnd {
  readonly outcome: Outcome;
  readonly tickMs: number;
}

export type Outcome =
  { readonly kind: "ok" } | { readonly kind: "failed"; readonly failure: Failure };

export function beginExchange(call: IncomingCall): Exchange {
  return {
    id: call.id,
    clientRequestId: call.clientRequestId,
    caller: call.caller,
    endpoint: call.endpoint,
    model: call.model,
    isStream: call.isStream,
    request: call.request,
    requestBytes: call.requestBytes,
    tags: call.tags,
    userAgent: call.userAgent,
    trace: call.trace,
    startedEpochMs: call.startedEpochMs,
    startedTickMs: call.startedTickMs,
    attempts: [],
    stages: beginStages(call.startedTickMs, call.arrival),
  };
}

/** How a call ended for its own client, who may have left while others waited on for the same answer. */
export function endOf({ signal }: Pick<IncomingCall, "signal">, failure?: Failure): Outcome {
  if (isClientGone(signal)) return { kind: "failed", failure: toFailure(signal.reason) };
  return failure === undefined ? { kind: "ok" } : { kind: "failed", failure };
}

/** The target that answered, or the last that was asked. */
export function lastAttempt(exchange: Exchange): Attempt | undefined {
  return exchange.attempts.at(-1);
}

/**
 * Milliseconds that Sentinel itself took until now or, once known, until the answer began: all the time that
 * no upstream was being waited for. Pauses between retries count as Sentinel's.
 */
export function overheadMs(exchange: Exchange, nowTickMs: number): number {
  const untilMs = exchange.firstEventTickMs ?? nowTickMs;
  let upstreamMs = exchange.followedMs ?? 0;
  for (const { startedTickMs, answeredTickMs } of exchange.attempts) {
    upstreamMs += (answeredTickMs ?? untilMs) - startedTickMs;
  }
  return Math.max(0, nowTickMs - exchange.startedTickMs - upstreamMs - (nowTickMs - untilMs));
}
