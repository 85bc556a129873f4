import { toFailure } from "../errors.ts";
import { Conversation } from "../providers/conversation.ts";
import { defaultDeadlines } from "../providers/deadlines.ts";
import type {
  EventStream,
  ProviderCall,
  ProviderReply,
  StreamReply,
  WholeReply,
} from "../providers/provider.ts";
import { isTraced } from "../telemetry/tracing/trace-context.ts";
import type { AnswerKeeper } from "./cache/keep-answer.ts";
import { isClientGone } from "./client-gone.ts";
import { accountOf } from "./cost/account.ts";
import type { Drains } from "./drains.ts";
import { endOf } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { IncomingCall } from "./incoming-call.ts";
import type { AdmitDeps } from "./limits/admit.ts";
import { guardBudget } from "./limits/budget-guard.ts";
import { observe } from "./observe.ts";
import { isStored, rememberResponse } from "./response-binding.ts";
import type { RouteFound, RoutingDeps } from "./response-binding.ts";
import { idOf } from "./response-id.ts";
import type { Settle } from "./settle.ts";
import { StreamNotes, notesOfWhole } from "./tracing/answer-notes.ts";

export interface AskDeps extends AdmitDeps, Pick<RoutingDeps, "responses"> {
  readonly settle: Settle;
  readonly drains: Drains;
}

export interface Asked {
  readonly call: IncomingCall;
  readonly exchange: Exchange;
  readonly route: RouteFound;
  /** Ends the call: the client's own, or that of all who wait for the answer. */
  readonly signal: AbortSignal;
  /** Undefined where the answer is not kept. */
  readonly keeper: AnswerKeeper | undefined;
}

/**
 * Asks the provider, and settles the exchange: here if the answer is whole or nothing came of it, in `observe` if it is a
 * stream.
 */
export async function askProvider(asked: Asked, deps: AskDeps): Promise<ProviderReply> {
  const { call, exchange, route, signal } = asked;
  exchange.isAsked = true;
  let upstream: UpstreamSignal | undefined;
  try {
    if (signal.aborted) throw signal.reason;
    upstream = upstreamSignal(signal, route, deps.drains);
    const reply = await route.provider.send(providerCall(asked, upstream.signal));
    exchange.firstEventTickMs = performance.now();
    if (reply.kind === "stream") return { ...reply, events: watch(reply, asked, upstream, deps) };
    upstream.end();
    takeWhole(reply, asked, deps);
    // Its answer was waited for although nobody is there any more.
    if (isClientGone(signal)) throw signal.reason;
    deps.settle(exchange, endOf(call));
    return reply;
  } catch (thrown) {
    const isReadOn = upstream?.drain !== undefined && isClientGone(signal);
    const failure = toFailure(isReadOn ? signal.reason : thrown);
    upstream?.end();
    deps.settle(exchange, endOf(call, failure));
    throw failure;
  }
}

/** A stream is settled when it has gone by. */
function watch(
  reply: StreamReply,
  { call, exchange, signal, keeper }: Asked,
  upstream: UpstreamSignal,
  deps: AskDeps,
): EventStream {
  const notes = noteStream(exchange);
  return observe(reply.events, {
    exchange,
    settle: deps.settle,
    signal,
    ownSignal: call.signal,
    onResponseId: responseNote(call, exchange, deps),
    guard: guardBudget(exchange, deps),
    drain: upstream.drain,
    onEvents: (events) => {
      keeper?.record(events);
      notes?.add(events);
    },
    onWhole: () => {
      const account = (exchange.account ??= accountOf(exchange, deps.quoteOf));
      keeper?.keepStream(account);
    },
    onOver: () => {
      upstream.end();
      keeper?.release();
    },
  });
}

function takeWhole(reply: WholeReply, { call, exchange, keeper }: Asked, deps: AskDeps): void {
  const responseId = idOf(reply.value);
  if (responseId !== undefined) responseNote(call, exchange, deps)?.(responseId);
  exchange.answerBytes = reply.bytes;
  if (reply.usage !== undefined) exchange.usage = reply.usage;
  if (isTraced(exchange.trace)) exchange.readNotes = notesOfWhole(reply.value);
  if (keeper === undefined) return;
  exchange.account ??= accountOf(exchange, deps.quoteOf);
  keeper.keepWhole(reply.bytes, reply.value, exchange.account);
}

/** What a stream says of itself is kept where somebody will see it. */
function noteStream(exchange: Exchange): StreamNotes | undefined {
  if (!isTraced(exchange.trace)) return undefined;
  const notes = new StreamNotes();
  exchange.readNotes = notes.read;
  return notes;
}

function responseNote(
  call: IncomingCall,
  exchange: Exchange,
  { responses }: AskDeps,
): ((id: string) => void) | undefined {
  if (!isStored(call)) return undefined;
  return (id) => {
    rememberResponse(id, exchange, responses);
  };
}

interface UpstreamSignal {
  readonly signal: AbortSignal;
  readonly drain: { readonly tokensMax: number } | undefined;
  readonly end: () => void;
}

/** As it is, unless its route reads answers on for clients who left. */
function upstreamSignal(
  signal: AbortSignal,
  { drainTokensMax: tokensMax }: RouteFound,
  drains: Drains,
): UpstreamSignal {
  const outliving = tokensMax === undefined ? undefined : drains.outliving(signal);
  if (tokensMax === undefined || outliving === undefined) {
    return { signal, drain: undefined, end: () => undefined };
  }
  return { signal: outliving.signal, drain: { tokensMax }, end: outliving.end };
}

function providerCall({ call, exchange, route }: Asked, signal: AbortSignal): ProviderCall {
  const { startedTickMs, endpoint, model, request } = call;
  const { tenantId } = call.caller;
  return {
    endpoint,
    request,
    requestBytes: call.requestBytes,
    model,
    isStream: call.isStream,
    conversation: new Conversation({ tenantId, endpoint, model, request }),
    pin: route.pin ?? call.pin,
    apiKey: undefined,
    trace: call.trace,
    clientHeaders: call.clientHeaders,
    signal,
    deadlines: defaultDeadlines,
    startedTickMs,
    deadlineTickMs:
      call.timeoutMs === undefined ? Number.POSITIVE_INFINITY : startedTickMs + call.timeoutMs,
    attempts: exchange.attempts,
  };
}
