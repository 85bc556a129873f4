import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context, Handler } from "hono";

import { providerNamePattern } from "../../../config/gateway-config.ts";
import { Failure } from "../../../errors.ts";
import type { JsonText } from "../../../lib/json-text.ts";
import { idEpochMs } from "../../../lib/ids.ts";
import { answer } from "../../../pipeline/answer.ts";
import type { Answer, AnswerDeps } from "../../../pipeline/answer.ts";
import { shownCost } from "../../../pipeline/cost/account.ts";
import type { IncomingCall } from "../../../pipeline/incoming-call.ts";
import type { Quota } from "../../../pipeline/limits/limit-store.ts";
import type { Arrival } from "../../../pipeline/stage-times.ts";
import { checkRequest } from "../../../protocol/check-request.ts";
import { endpoints } from "../../../protocol/endpoints.ts";
import type { Endpoint } from "../../../protocol/endpoints.ts";
import type { Pin } from "../../../providers/provider.ts";
import type { BeginTrace } from "../../../telemetry/tracing/begin-trace.ts";
import type { TraceContext } from "../../../telemetry/tracing/trace-context.ts";
import type { AppEnv } from "../../context.ts";
import type { Cors } from "../../cors.ts";
import { dialectOf } from "../../dialect.ts";
import type { Inflight } from "../../inflight.ts";
import { clientRequestId } from "../../middleware/request-id.ts";
import { parseBody, readBody } from "../../read-body.ts";
import { readTags } from "../../request-labels.ts";
import type { BodyLimits } from "../../read-body.ts";
import { replyHeaders } from "../../reply-headers.ts";
import { sendEvents, sendWhole } from "../../send-answer.ts";

export interface ModelCallDeps extends AnswerDeps {
  readonly bodyLimits: BodyLimits & { readonly messagesMax: number };
  readonly inflight: Inflight;
  readonly cors: Cors;
  readonly beginTrace: BeginTrace;
  /** The names of the parts that are down, for `x-sentinel-degraded`. */
  readonly degradedParts: () => readonly string[];
}

/** A route that asks a model. Runs once per request; all of them take this way. */
export const modelCall =
  (endpoint: Endpoint, deps: ModelCallDeps): Handler<AppEnv> =>
  async (c) => {
    const identifiedTickMs = performance.now();
    const { incoming, outgoing } = c.env;
    const running = deps.inflight.enter();
    outgoing.once("close", () => {
      deps.inflight.leave(running);
      if (!outgoing.writableFinished) running.abort(clientLeft());
    });
    const body = await readBody(incoming, deps.bodyLimits);
    const arrival = { identifiedTickMs, bodyTickMs: performance.now() };
    const { request, bytes } = parseBody(body, deps.bodyLimits);
    checkRequest(endpoints[endpoint].schema, request.value);
    checkMessageCount(request, deps.bodyLimits.messagesMax);
    const call = incomingCall(c, {
      endpoint,
      request,
      bytes,
      signal: running.signal,
      arrival,
      trace: deps.beginTrace(incoming.headers),
    });
    const answered = await answer(call, {
      ...deps,
      onBegin: (exchange) => {
        c.set("exchange", exchange);
      },
    });
    const headers = answerHeaders(c, deps, answered);
    if (answered.kind === "whole") sendWhole(outgoing, headers, answered.bytes);
    else {
      const requestId = c.get("requestId");
      await sendEvents(outgoing, headers, answered.events, { endpoint, requestId });
    }
    return RESPONSE_ALREADY_SENT;
  };

function answerHeaders(c: Context<AppEnv>, deps: ModelCallDeps, answered: Answer): string[] {
  const { reply } = answered;
  const headers = replyHeaders(c, deps.cors);
  const { quota, account, isStream } = answered.exchange;
  for (const name in reply.headers) {
    if (!isOurs(name, quota)) headers.push(name, reply.headers[name] ?? "");
  }
  if (account !== undefined && !isStream) {
    const { cost_usd: costUsd, cost_status: costStatus } = shownCost(account);
    headers.push("x-sentinel-cost-usd", costUsd, "x-sentinel-cost-status", costStatus);
  }
  const isForOpenAi = dialectOf(c.env.incoming) === "openai";
  if (isForOpenAi && reply.headers["openai-processing-ms"] === undefined) {
    const spentMs = performance.now() - c.get("arrivedTickMs");
    headers.push("openai-processing-ms", String(Math.round(spentMs)));
  }
  if (reply.droppedParams.length > 0) {
    headers.push("x-sentinel-dropped-params", namesOf(reply.droppedParams));
  }
  const degraded = deps.degradedParts();
  if (degraded.length > 0) headers.push("x-sentinel-degraded", degraded.join(","));
  return headers;
}

/** The caller's own limits stand in the place of the provider's. */
function isOurs(name: string, quota: Quota | undefined): boolean {
  if (quota === undefined || !name.startsWith("x-ratelimit-")) return false;
  if (name.endsWith("-requests")) return quota.requests !== undefined;
  return name.endsWith("-tokens") && quota.tokens !== undefined;
}

/** A client may send thousands of fields; headers that large would be refused by its own HTTP parser. */
const namedMax = 50;
const nameLengthMax = 64;

function namesOf(params: readonly string[]): string {
  const named = params.slice(0, namedMax).map((name) => {
    return encodeURIComponent(name.slice(0, nameLengthMax).toWellFormed());
  });
  return named.length < params.length ? `${named.join(",")},...` : named.join(",");
}

function clientLeft(): Failure {
  return new Failure("client_closed_request", "The client closed the connection.");
}

function checkMessageCount(request: JsonText, messagesMax: number): void {
  const messages = request.value["messages"];
  if (!Array.isArray(messages) || messages.length <= messagesMax) return;
  throw new Failure(
    "invalid_value",
    `'messages' has ${messages.length} elements; the limit here is ${messagesMax}.`,
    { param: "messages", code: "array_above_max_length" },
  );
}

interface ReadRequest {
  readonly endpoint: Endpoint;
  readonly request: JsonText;
  readonly bytes: Buffer;
  readonly signal: AbortSignal;
  readonly arrival: Arrival;
  readonly trace: TraceContext | undefined;
}

function incomingCall(c: Context<AppEnv>, read: ReadRequest): IncomingCall {
  const identity = c.get("identity");
  if (identity.kind !== "key") throw new Failure("invalid_api_key", "Use a tenant's API key here.");
  const { endpoint, request } = read;
  const { headers } = c.env.incoming;
  const { defaultModel = "", streamEnd } = endpoints[endpoint];
  const model = request.value["model"];
  return {
    id: c.get("requestId"),
    clientRequestId: clientRequestId(headers["x-request-id"]),
    caller: identity.caller,
    endpoint,
    model: typeof model === "string" ? model : defaultModel,
    isStream: request.value["stream"] === true && streamEnd !== "never-streams",
    request,
    requestBytes: read.bytes,
    clientHeaders: headers,
    signal: read.signal,
    pin: readPin(headers["x-sentinel-provider"]),
    timeoutMs: readTimeoutMs(headers["x-sentinel-timeout-ms"]),
    tags: readTags(headers["x-sentinel-tags"]),
    userAgent: headers["user-agent"]?.slice(0, userAgentLengthMax),
    trace: read.trace,
    startedEpochMs: idEpochMs(c.get("requestId")),
    startedTickMs: c.get("arrivedTickMs"),
    arrival: read.arrival,
  };
}

const userAgentLengthMax = 256;
const timeoutMsMax = 24 * 60 * 60_000;

function readTimeoutMs(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const timeoutMs = Number(header);
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= timeoutMsMax) return timeoutMs;
  throw new Failure(
    "invalid_value",
    `The header 'x-sentinel-timeout-ms' must be a whole number from 1 to ${timeoutMsMax}.`,
    { param: "x-sentinel-timeout-ms" },
  );
}

function readPin(header: string | string[] | undefined): Pin | undefined {
  if (header === undefined) return undefined;
  const providerName = String(header).trim();
  if (providerNamePattern.test(providerName)) return { providerName, keyId: undefined };
  throw new Failure(
    "invalid_value",
    "The header 'x-sentinel-provider' must be the name of one provider, as the configuration has it.",
    { param: "x-sentinel-provider" },
  );
}
