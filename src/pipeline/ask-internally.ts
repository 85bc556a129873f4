import { Failure } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { newId, idEpochMs } from "../lib/ids.ts";
import { fromObject, isJsonObject } from "../lib/json-text.ts";
import type { JsonObject } from "../lib/json-text.ts";
import type { BeginTrace } from "../telemetry/tracing/begin-trace.ts";
import type { Caller } from "../tenants/tenant.ts";
import { answer } from "./answer.ts";
import type { AnswerDeps } from "./answer.ts";
import type { Exchange } from "./exchange.ts";

/** A chat that Sentinel itself wants answered: by a model that somebody pays for. */
export interface InternalAsk {
  /** Whose limits and budgets it keeps to, and in whose books it stands. */
  readonly caller: Caller;
  /** A chat completion's request, with `model`. */
  readonly body: JsonObject;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Told once what it came to, as its record has it: also where it fails. */
  readonly noteSpend?: (spend: InternalSpend) => void;
}

export interface InternalSpend {
  /** Of its own record in the audit log. */
  readonly requestId: string;
  readonly nanoUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface InternalAnswer extends InternalSpend {
  /** A chat completion. */
  readonly value: JsonObject;
}

export interface InternalAskDeps extends Omit<AnswerDeps, "cache" | "onBegin"> {
  /** It is a trace of its own: whose question it is about is long answered. */
  readonly beginTrace?: BeginTrace;
}

/** Who asks, as the audit record names it. */
const userAgent = "sentinel";

/**
 * Sends a chat of Sentinel's own the way that everybody's go: admitted, routed, accounted and audited. It neither asks the
 * cache nor fills it. Rejects with the `Failure` that a client would get.
 */
export async function askInternally(
  asked: InternalAsk,
  deps: InternalAskDeps,
  clock: Pick<Clock, "tickMs">,
): Promise<InternalAnswer> {
  let exchange: Exchange | undefined;
  const onBegin = (begun: Exchange): void => {
    exchange = begun;
  };
  try {
    const value = await valueOf(asked, { ...deps, onBegin }, clock);
    return { value, ...spendOf(exchange) };
  } finally {
    asked.noteSpend?.(spendOf(exchange));
  }
}

/** It is settled, or nothing was begun. */
function spendOf(exchange: Exchange | undefined): InternalSpend {
  if (exchange === undefined) return { requestId: "", nanoUsd: 0, inputTokens: 0, outputTokens: 0 };
  const { id: requestId, account } = exchange;
  const { inputTokens = 0, outputTokens = 0 } = account?.usage ?? {};
  return { requestId, nanoUsd: account?.cost.nanoUsd ?? 0, inputTokens, outputTokens };
}

async function valueOf(
  { caller, body, signal, timeoutMs }: InternalAsk,
  deps: Omit<InternalAskDeps, "onBegin"> & Pick<AnswerDeps, "onBegin">,
  clock: Pick<Clock, "tickMs">,
): Promise<JsonObject> {
  const id = newId();
  const trace = deps.beginTrace?.({});
  const request = fromObject(body);
  const { model } = body;
  using asker = askerOf(signal);
  const answered = await answer(
    {
      id,
      clientRequestId: undefined,
      caller,
      endpoint: "chat",
      model: typeof model === "string" ? model : "",
      isStream: false,
      request,
      requestBytes: Buffer.from(request.text),
      pin: undefined,
      clientHeaders: {},
      tags: {},
      userAgent,
      trace: trace && { ...trace, isInternal: true },
      signal: asker.signal,
      timeoutMs,
      startedEpochMs: idEpochMs(id),
      startedTickMs: clock.tickMs(),
    },
    { ...deps, cache: undefined },
  );
  if (answered.kind === "stream") {
    answered.events.cancel();
    throw new Failure("upstream_error", "The provider streamed an answer that was to be whole.");
  }
  const value: unknown = JSON.parse(answered.bytes.toString("utf8"));
  if (!isJsonObject(value))
    throw new Failure("upstream_error", "The provider's answer is no object.");
  return value;
}

/** Whoever gives up is a client who leaves, whatever its reason was: what the provider was asked is billed all the same. */
function askerOf(signal: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const leave = (): void => {
    const message = "Sentinel does not wait for this answer any more.";
    controller.abort(new Failure("client_closed_request", message, { cause: signal.reason }));
  };
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", leave);
    },
  };
}
