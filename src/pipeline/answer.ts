import { Failure, toFailure } from "../errors.ts";
import type { EventStream, Pin, ProviderReply, WholeReply } from "../providers/provider.ts";
import { mayUseModel } from "../tenants/tenant.ts";
import type { Caller } from "../tenants/tenant.ts";
import { askProvider } from "./ask-provider.ts";
import type { AskDeps } from "./ask-provider.ts";
import type { RouteEntry } from "./audit/entry.ts";
import type { AnswerCache } from "./cache/answer-cache.ts";
import { noteOfFollowed } from "./cache/cache-note.ts";
import { keeperOf } from "./cache/keep-answer.ts";
import { askCache, cacheMiss, findAnswer, firstNote, missNote } from "./cache/lookup.ts";
import type { CacheableCall, FoundAnswer } from "./cache/lookup.ts";
import { isPersonal, sharingKey } from "./cache/shared-call.ts";
import type { FlightHead, SharedCalls } from "./cache/shared-call.ts";
import { showCost } from "./cost/show-cost.ts";
import { beginExchange, endOf } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { IncomingCall } from "./incoming-call.ts";
import { admit, admitHit } from "./limits/admit.ts";
import type { RunningExchanges } from "./metrics/running-exchanges.ts";
import { observe } from "./observe.ts";
import { boundRoute, namedResponse } from "./response-binding.ts";
import type { RouteFound, RoutingDeps } from "./response-binding.ts";

export interface AnswerDeps extends RoutingDeps, AskDeps {
  /** Undefined where the operator has it off. */
  readonly cache: AnswerCache | undefined;
  /** Those under way, for the metrics. */
  readonly running: Pick<RunningExchanges, "add">;
  /** Hears of the exchange before anything can go wrong with it. */
  readonly onBegin?: (exchange: Exchange) => void;
}

interface AnswerHead {
  readonly exchange: Exchange;
  readonly reply: Pick<WholeReply, "headers" | "droppedParams">;
}

export type Answer =
  | (AnswerHead & { readonly kind: "whole"; readonly bytes: Buffer })
  | (AnswerHead & { readonly kind: "stream"; readonly events: EventStream });

/**
 * Answers one request of any endpoint. The order here is the order in which it happens. Settles exactly once: in
 * `askProvider` if a provider was asked, here if the answer was there already or nothing came of it; a stream when it has
 * gone by, in `observe`.
 */
export async function answer(call: IncomingCall, deps: AnswerDeps): Promise<Answer> {
  const exchange = beginExchange(call);
  deps.running.add(exchange);
  deps.onBegin?.(exchange);
  try {
    checkModel(call.caller, call.model);
    const previousId = namedResponse(call);
    const route =
      previousId === undefined
        ? await deps.findRoute(call.model, call.pin)
        : await boundRoute(call, previousId, deps);
    exchange.route = routeEntry(route, route.pin ?? call.pin);

    const asking = askCache(call, route, deps.cache);
    exchange.cache = firstNote(asking);
    if (asking.kind === "bypass") return await answerAnew(call, exchange, route, deps);
    const finding = lookUp(asking, call, exchange);
    const found = finding instanceof Promise ? await finding : finding;
    if (found !== undefined) return await answerAgain(found, call, exchange, deps);
    exchange.cache = missNote(asking);
    if (asking.verdict.onlyIfCached) return await refuseMiss(exchange, deps);
    return await answerAnew(call, exchange, route, deps, asking);
  } catch (thrown) {
    const failure = toFailure(thrown);
    // A provider that was asked is settled when it is over: others may wait for the same answer.
    if (exchange.isAsked === undefined) deps.settle(exchange, { kind: "failed", failure });
    throw failure;
  }
}

/** Without a promise where this process' memory has it. */
function lookUp(
  asking: CacheableCall,
  call: IncomingCall,
  { stages }: Exchange,
): FoundAnswer | undefined | Promise<FoundAnswer | undefined> {
  const askedTickMs = performance.now();
  const finding = findAnswer(asking, call);
  if (!(finding instanceof Promise)) {
    stages.cache = performance.now() - askedTickMs;
    return finding;
  }
  return finding.finally(() => {
    stages.cache = performance.now() - askedTickMs;
  });
}

/** With an answer that is there already. */
async function answerAgain(
  { note, body }: FoundAnswer,
  call: IncomingCall,
  exchange: Exchange,
  deps: AnswerDeps,
): Promise<Answer> {
  const admission = admitHit(exchange, deps);
  if (admission !== undefined) await admission;
  exchange.cache = note;
  exchange.firstEventTickMs = performance.now();
  const head = { exchange, reply: { headers: {}, droppedParams: [] } };
  if (body.kind === "stream") {
    const events = observe(body.events, { exchange, settle: deps.settle, signal: call.signal });
    return { kind: "stream", ...head, events: showCost(events, exchange, deps.quoteOf) };
  }
  exchange.answerBytes = body.bytes;
  if (call.signal.aborted) throw call.signal.reason;
  deps.settle(exchange, { kind: "ok" });
  return { kind: "whole", ...head, bytes: body.bytes };
}

/** It counts as a request all the same. */
async function refuseMiss(exchange: Exchange, deps: AnswerDeps): Promise<never> {
  const admission = admitHit(exchange, deps);
  if (admission !== undefined) await admission;
  throw cacheMiss("nobody has asked for it lately");
}

/** With a provider's answer, which identical requests that run at the same time share. */
async function answerAnew(
  call: IncomingCall,
  exchange: Exchange,
  route: RouteFound,
  deps: AnswerDeps,
  asking?: CacheableCall,
): Promise<Answer> {
  const admission = admit(exchange, route.targets, deps);
  if (admission !== undefined) await admission;
  const keeper = asking && keeperOf(asking, call, exchange);
  const ask = (signal: AbortSignal): Promise<ProviderReply> =>
    askProvider({ call, exchange, route, signal, keeper }, deps);
  const key = asking && sharingKey(asking, call);
  if (asking === undefined || key === undefined) {
    return answerOf(await ask(call.signal), exchange, deps);
  }
  return await answerTogether({ key, ask, calls: asking.cache.calls }, call, exchange, deps);
}

interface SharedAsking {
  readonly key: string;
  readonly ask: (signal: AbortSignal) => Promise<ProviderReply>;
  readonly calls: SharedCalls;
}

/** With the answer to a call of its own that others may share, or to one that somebody else has begun. */
async function answerTogether(
  { key, ask, calls }: SharedAsking,
  call: IncomingCall,
  exchange: Exchange,
  deps: AnswerDeps,
): Promise<Answer> {
  const joinedTickMs = performance.now();
  const noteWaited = (): void => {
    exchange.followedMs = performance.now() - joinedTickMs;
  };
  const joining = calls.join(key, {
    signal: call.signal,
    isPersonal: isPersonal(call),
    start: async (signal) => {
      noteWaited();
      const reply = await ask(signal);
      const events = reply.kind === "stream" ? reply.events : undefined;
      return { head: { exchange, reply }, source: events };
    },
  });
  const { role, head, source } = await joining.catch((thrown: unknown) => {
    // Who only waited, and in vain, waited for a provider all the same.
    if (exchange.isAsked === undefined) noteWaited();
    throw thrown;
  });
  const { reply } = head;
  const shared =
    reply.kind === "stream" && source !== undefined ? { ...reply, events: source } : reply;
  if (role === "leader") return answerOf(shared, exchange, deps);
  noteWaited();
  return follow({ ...head, reply: shared }, call, exchange, deps);
}

function answerOf(reply: ProviderReply, exchange: Exchange, { quoteOf }: AnswerDeps): Answer {
  if (reply.kind === "whole") return { kind: "whole", exchange, reply, bytes: reply.bytes };
  const events = showCost(reply.events, exchange, quoteOf);
  return { kind: "stream", exchange, reply, events };
}

/** With the answer to somebody else's call: it is accounted as a hit, and what it saved is known when that call is over. */
function follow(
  { exchange: leader, reply }: FlightHead,
  call: IncomingCall,
  exchange: Exchange,
  { settle, quoteOf }: AnswerDeps,
): Answer {
  const note = (): void => {
    exchange.cache = noteOfFollowed(leader);
  };
  note();
  exchange.firstEventTickMs = performance.now();
  const head = { exchange, reply: { headers: {}, droppedParams: reply.droppedParams } };
  if (reply.kind === "stream") {
    const { signal } = call;
    const events = observe(reply.events, { exchange, settle, signal, onWhole: note });
    return { kind: "stream", ...head, events: showCost(events, exchange, quoteOf) };
  }
  exchange.answerBytes = reply.bytes;
  settle(exchange, endOf(call));
  return { kind: "whole", ...head, bytes: reply.bytes };
}

function routeEntry(route: RouteFound, pin: Pin | undefined): RouteEntry {
  return {
    name: route.name,
    strategy: route.strategy,
    candidates: route.targets.map(({ name }) => name),
    pinned_to: pin?.providerName ?? null,
  };
}

function checkModel(caller: Caller, model: string): void {
  if (mayUseModel(caller, model)) return;
  throw new Failure(
    "model_not_allowed",
    `This key may not use the model '${model}'. GET /v1/models lists those it may.`,
    { param: "model" },
  );
}
