import type { Failure } from "../errors.ts";
import type { Usage } from "../protocol/usage.ts";
import type { Attempt } from "../providers/provider.ts";
import type { IncomingCall } from "./incoming-call.ts";

/** What an exchange knows of the call that began it. */
type CallRecord = Pick<
  IncomingCall,
  | "id"
  | "clientRequestId"
  | "caller"
  | "endpoint"
  | "model"
  | "isStream"
  | "startedEpochMs"
  | "startedTickMs"
>;

/** The record of one request, from admission to its end. Every step may read it; few write to it. */
export interface Exchange extends CallRecord {
  readonly attempts: Attempt[];
  /** When the answer's first event, or the whole answer, was in hand. */
  firstEventTickMs?: number;
  usage?: Usage;
  /** Set once, by `settle`. */
  end?: ExchangeEnd;
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
    startedEpochMs: call.startedEpochMs,
    startedTickMs: call.startedTickMs,
    attempts: [],
  };
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
  let upstreamMs = 0;
  for (const { startedTickMs, answeredTickMs } of exchange.attempts) {
    upstreamMs += (answeredTickMs ?? untilMs) - startedTickMs;
  }
  return Math.max(0, nowTickMs - exchange.startedTickMs - upstreamMs - (nowTickMs - untilMs));
}
