import { Failure } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { newId, idEpochMs } from "../lib/ids.ts";
import { fromObject, isJsonObject } from "../lib/json-text.ts";
import type { JsonObject } from "../lib/json-text.ts";
import type { BeginTrace } from "../telemetry/tracing/begin-trace.ts";
import type { Caller } from "../tenants/tenant.ts";
import { answer } from "./answer.ts";
import type { AnswerDeps } from "./answer.ts";

/** A chat that Sentinel itself wants answered: by a model that somebody pays for. */
export interface InternalAsk {
  /** Whose limits and budgets it keeps to, and in whose books it stands. */
  readonly caller: Caller;
  /** A chat completion's request, with `model`. */
  readonly body: JsonObject;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

export interface InternalAnswer {
  /** A chat completion. */
  readonly value: JsonObject;
  /** What it cost. */
  readonly nanoUsd: number;
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
  { caller, body, signal, timeoutMs }: InternalAsk,
  deps: InternalAskDeps,
  clock: Pick<Clock, "tickMs">,
): Promise<InternalAnswer> {
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
  return { value, nanoUsd: answered.exchange.account?.cost.nanoUsd ?? 0 };
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
