import { Failure, toFailure } from "../errors.ts";
import { Conversation } from "../providers/conversation.ts";
import { defaultDeadlines } from "../providers/deadlines.ts";
import type {
  EventStream,
  Pin,
  ProviderCall,
  StreamReply,
  WholeReply,
} from "../providers/provider.ts";
import { mayUseModel } from "../tenants/tenant.ts";
import type { Caller } from "../tenants/tenant.ts";
import type { RouteEntry } from "./audit/entry.ts";
import { isClientGone } from "./drains.ts";
import type { Drains } from "./drains.ts";
import { beginExchange } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { IncomingCall } from "./incoming-call.ts";
import { admit } from "./limits/admit.ts";
import type { AdmitDeps } from "./limits/admit.ts";
import { guardBudget } from "./limits/budget-guard.ts";
import { observe } from "./observe.ts";
import { boundRoute, isStored, namedResponse, rememberResponse } from "./response-binding.ts";
import type { RouteFound, RoutingDeps } from "./response-binding.ts";
import { idOf } from "./response-id.ts";
import type { Settle } from "./settle.ts";

export interface AnswerDeps extends RoutingDeps, AdmitDeps {
  readonly settle: Settle;
  readonly drains: Drains;
  /** Hears of the exchange before anything can go wrong with it. */
  readonly onBegin?: (exchange: Exchange) => void;
}

export type Answer =
  | { readonly kind: "whole"; readonly exchange: Exchange; readonly reply: WholeReply }
  | {
      readonly kind: "stream";
      readonly exchange: Exchange;
      readonly reply: {
        readonly headers: WholeReply["headers"];
        readonly droppedParams: readonly string[];
      };
      readonly events: EventStream;
    };

/**
 * Answers one request of any endpoint. The order here is the order in which it happens. Settles exactly
 * once: here if the answer is whole or nothing came of it, in `observe` if it is a stream.
 */
export async function answer(call: IncomingCall, deps: AnswerDeps): Promise<Answer> {
  const exchange = beginExchange(call);
  deps.onBegin?.(exchange);
  let upstream: UpstreamSignal | undefined;
  try {
    checkModel(call.caller, call.model);
    const previousId = namedResponse(call);
    const route =
      previousId === undefined
        ? await deps.findRoute(call.model, call.pin)
        : await boundRoute(call, previousId, deps);
    const pin = route.pin ?? call.pin;
    exchange.route = routeEntry(route, pin);
    const admission = admit(exchange, route.targets, deps);
    if (admission !== undefined) await admission;
    if (call.signal.aborted) throw call.signal.reason;
    upstream = upstreamSignal(call, route, deps.drains);
    const reply = await route.provider.send(providerCall(call, exchange, pin, upstream.signal));
    exchange.firstEventTickMs = performance.now();
    if (reply.kind === "stream") {
      return {
        kind: "stream",
        exchange,
        reply,
        events: watch(reply, call, exchange, upstream, deps),
      };
    }
    upstream.end();
    return finishWhole(reply, call, exchange, deps);
  } catch (thrown) {
    const isReadOn = upstream?.drain !== undefined && isClientGone(call.signal);
    const failure = toFailure(isReadOn ? call.signal.reason : thrown);
    upstream?.end();
    deps.settle(exchange, { kind: "failed", failure });
    throw failure;
  }
}

/** A stream is settled when it has gone by. */
function watch(
  reply: StreamReply,
  call: IncomingCall,
  exchange: Exchange,
  upstream: UpstreamSignal,
  deps: AnswerDeps,
): EventStream {
  return observe(reply, {
    exchange,
    settle: deps.settle,
    quoteOf: deps.quoteOf,
    signal: call.signal,
    onResponseId: responseNote(call, exchange, deps),
    guard: guardBudget(exchange, deps),
    drain: upstream.drain,
    onOver: upstream.end,
  });
}

function finishWhole(
  reply: WholeReply,
  call: IncomingCall,
  exchange: Exchange,
  deps: AnswerDeps,
): Answer {
  const responseId = idOf(reply.value);
  if (responseId !== undefined) responseNote(call, exchange, deps)?.(responseId);
  exchange.answerBytes = reply.bytes;
  if (reply.usage !== undefined) exchange.usage = reply.usage;
  // Its answer was waited for although the client had left.
  if (isClientGone(call.signal)) throw call.signal.reason;
  deps.settle(exchange, { kind: "ok" });
  return { kind: "whole", exchange, reply };
}

function responseNote(
  call: IncomingCall,
  exchange: Exchange,
  { responses }: AnswerDeps,
): ((id: string) => void) | undefined {
  if (!isStored(call)) return undefined;
  return (id) => {
    rememberResponse(id, exchange, responses);
  };
}

function routeEntry(route: RouteFound, pin: Pin | undefined): RouteEntry {
  return {
    name: route.name,
    strategy: route.strategy,
    candidates: route.targets.map(({ name }) => name),
    pinned_to: pin?.providerName ?? null,
  };
}

interface UpstreamSignal {
  readonly signal: AbortSignal;
  readonly drain: { readonly tokensMax: number } | undefined;
  readonly end: () => void;
}

/** The client's own, unless its route reads answers on for clients who left. */
function upstreamSignal(
  { signal }: IncomingCall,
  { drainTokensMax: tokensMax }: RouteFound,
  drains: Drains,
): UpstreamSignal {
  const outliving = tokensMax === undefined ? undefined : drains.outliving(signal);
  if (tokensMax === undefined || outliving === undefined) {
    return { signal, drain: undefined, end: () => undefined };
  }
  return { signal: outliving.signal, drain: { tokensMax }, end: outliving.end };
}

function checkModel(caller: Caller, model: string): void {
  if (mayUseModel(caller, model)) return;
  throw new Failure(
    "model_not_allowed",
    `This key may not use the model '${model}'. GET /v1/models lists those it may.`,
    { param: "model" },
  );
}

function providerCall(
  call: IncomingCall,
  exchange: Exchange,
  pin: Pin | undefined,
  signal: AbortSignal,
): ProviderCall {
  const { startedTickMs, endpoint, model, request } = call;
  const { tenantId } = call.caller;
  return {
    endpoint,
    request,
    requestBytes: call.requestBytes,
    model,
    isStream: call.isStream,
    conversation: new Conversation({ tenantId, endpoint, model, request }),
    pin,
    apiKey: undefined,
    clientHeaders: call.clientHeaders,
    signal,
    deadlines: defaultDeadlines,
    startedTickMs,
    deadlineTickMs:
      call.timeoutMs === undefined ? Number.POSITIVE_INFINITY : startedTickMs + call.timeoutMs,
    attempts: exchange.attempts,
  };
}
