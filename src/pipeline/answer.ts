import { Failure, toFailure } from "../errors.ts";
import { Conversation } from "../providers/conversation.ts";
import { defaultDeadlines } from "../providers/deadlines.ts";
import type { EventStream, Pin, ProviderCall, WholeReply } from "../providers/provider.ts";
import { mayUseModel } from "../tenants/tenant.ts";
import type { Caller } from "../tenants/tenant.ts";
import { beginExchange } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { IncomingCall } from "./incoming-call.ts";
import { observe } from "./observe.ts";
import { boundRoute, isStored, namedResponse, rememberResponse } from "./response-binding.ts";
import type { RoutingDeps } from "./response-binding.ts";
import { idOf } from "./response-id.ts";
import type { Settle } from "./settle.ts";

export interface AnswerDeps extends RoutingDeps {
  readonly settle: Settle;
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
  try {
    checkModel(call.caller, call.model);
    const previousId = namedResponse(call);
    const { provider, pin = call.pin } =
      previousId === undefined
        ? await deps.findRoute(call.model, call.pin)
        : await boundRoute(call, previousId, deps);
    const reply = await provider.send(providerCall(call, exchange, pin));
    exchange.firstEventTickMs = performance.now();
    const onResponseId = isStored(call)
      ? (id: string) => {
          rememberResponse(id, exchange, deps.responses);
        }
      : undefined;
    if (reply.kind === "stream") {
      return {
        kind: "stream",
        exchange,
        reply,
        events: observe(reply, {
          exchange,
          settle: deps.settle,
          signal: call.signal,
          onResponseId,
        }),
      };
    }
    const responseId = idOf(reply.value);
    if (responseId !== undefined) onResponseId?.(responseId);
    if (reply.usage !== undefined) exchange.usage = reply.usage;
    deps.settle(exchange, { kind: "ok" });
    return { kind: "whole", exchange, reply };
  } catch (thrown) {
    const failure = toFailure(thrown);
    deps.settle(exchange, { kind: "failed", failure });
    throw failure;
  }
}

function checkModel(caller: Caller, model: string): void {
  if (mayUseModel(caller, model)) return;
  throw new Failure(
    "model_not_allowed",
    `This key may not use the model '${model}'. GET /v1/models lists those it may.`,
    { param: "model" },
  );
}

function providerCall(call: IncomingCall, exchange: Exchange, pin: Pin | undefined): ProviderCall {
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
    signal: call.signal,
    deadlines: defaultDeadlines,
    startedTickMs,
    deadlineTickMs:
      call.timeoutMs === undefined ? Number.POSITIVE_INFINITY : startedTickMs + call.timeoutMs,
    attempts: exchange.attempts,
  };
}
