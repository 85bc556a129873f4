import type { ServerResponse } from "node:http";

import type { Context, MiddlewareHandler } from "hono";

import { usdText } from "../../lib/usd.ts";
import { lastAttempt, overheadMs } from "../../pipeline/exchange.ts";
import type { Exchange } from "../../pipeline/exchange.ts";
import type { ExchangeSink } from "../../pipeline/settle.ts";
import { endpoints } from "../../protocol/endpoints.ts";
import { writeAccessLine } from "../../telemetry/access-log.ts";
import type { AccessLine } from "../../telemetry/access-log.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { isTraced } from "../../telemetry/tracing/trace-context.ts";
import type { TraceContext } from "../../telemetry/tracing/trace-context.ts";
import { answeredStatus } from "../answered-status.ts";
import type { AppEnv } from "../context.ts";
import { countRequest } from "../count-request.ts";
import { requestSpan } from "../request-span.ts";
import type { RequestTracing } from "../request-span.ts";
import { isProbe } from "../route-label.ts";
import { clientRequestId } from "./request-id.ts";

const pathCharactersMax = 128;

export interface AccessLogDeps {
  readonly log: Log;
  readonly tracing: RequestTracing;
  readonly metrics: Metrics;
}

/**
 * The line, and the span, of each request that was no call of a model: those are written when they are settled, below. Also
 * of a call that was refused before there was an exchange.
 */
export const accessLog =
  ({ log, tracing, metrics }: AccessLogDeps): MiddlewareHandler<AppEnv> =>
  (c, next) => {
    const { incoming, outgoing } = c.env;
    outgoing.once("close", () => {
      if (c.get("exchange") !== undefined) return;
      countRequest(c, outgoing, metrics);
      const trace = isProbe(c.req.path) ? undefined : tracing.begin(incoming.headers);
      writeAccessLine(log, plainLine(c, outgoing, trace));
      if (isTraced(trace)) tracing.spans?.add(trace, requestSpan(c, outgoing, trace));
    });
    return next();
  };

/** The line of each model call, written once, when it is settled. */
export const exchangeLog = (log: Log): ExchangeSink => ({
  record: (exchange) => {
    writeAccessLine(log, exchangeLine(exchange));
  },
});

function plainLine(
  c: Context<AppEnv>,
  outgoing: ServerResponse,
  trace: TraceContext | undefined,
): AccessLine {
  const isWhole = outgoing.writableFinished;
  const status = answeredStatus(outgoing);
  return {
    request_id: c.get("requestId"),
    client_request_id: clientRequestId(c.env.incoming.headers["x-request-id"]),
    trace_id: trace?.traceId,
    span_id: exportedSpanId(trace),
    method: c.req.method,
    path: c.req.path.slice(0, pathCharactersMax),
    status,
    outcome: isWhole ? (status < 400 ? "ok" : "refused") : "client_closed_request",
    latency_ms: round(performance.now() - c.get("arrivedTickMs")),
  };
}

function exchangeLine(exchange: Exchange): AccessLine {
  const { account, caller, end } = exchange;
  const usage = account?.usage;
  const attempt = lastAttempt(exchange);
  const endedTickMs = end?.tickMs ?? performance.now();
  return {
    request_id: exchange.id,
    client_request_id: exchange.clientRequestId,
    trace_id: exchange.trace?.traceId,
    span_id: exportedSpanId(exchange.trace),
    method: "POST",
    path: `/v1${endpoints[exchange.endpoint].path}`,
    ...result(exchange),
    latency_ms: round(endedTickMs - exchange.startedTickMs),
    tenant: caller.tenantId,
    key: caller.keyId,
    model: exchange.model,
    provider: attempt?.provider,
    provider_model: attempt?.model,
    stream: exchange.isStream,
    ttft_ms: firstEventMs(exchange),
    overhead_ms: round(overheadMs(exchange, endedTickMs)),
    attempts: exchange.attempts.length,
    cache: exchange.cache?.outcome,
    input_tokens: usage?.inputTokens,
    output_tokens: usage?.outputTokens,
    cost_usd: account && usdText(account.cost.nanoUsd),
    cost_status: account?.cost.status,
  };
}

const exportedSpanId = (trace: TraceContext | undefined): string | undefined =>
  isTraced(trace) ? trace.spanId : undefined;

function result({ end }: Exchange): { status: number; outcome: string } {
  if (end?.outcome.kind !== "failed") return { status: 200, outcome: "ok" };
  const { failure } = end.outcome;
  return { status: failure.status, outcome: failure.kind };
}

function firstEventMs({ startedTickMs, firstEventTickMs }: Exchange): number | undefined {
  return firstEventTickMs === undefined ? undefined : round(firstEventTickMs - startedTickMs);
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
