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
import type { AppEnv } from "../context.ts";
import { clientRequestId } from "./request-id.ts";

const pathCharactersMax = 128;

/**
 * The line of each request that was no call of a model: those are written when they are settled, below. Also
 * of a call that was refused before there was an exchange.
 */
export const accessLog =
  (log: Log): MiddlewareHandler<AppEnv> =>
  (c, next) => {
    const { outgoing } = c.env as { outgoing: ServerResponse };
    outgoing.once("close", () => {
      if (c.get("exchange") === undefined) writeAccessLine(log, plainLine(c, outgoing));
    });
    return next();
  };

/** The line of each model call, written once, when it is settled. */
export const exchangeLog = (log: Log): ExchangeSink => ({
  record: (exchange) => {
    writeAccessLine(log, exchangeLine(exchange));
  },
});

function plainLine(c: Context<AppEnv>, outgoing: ServerResponse): AccessLine {
  const isWhole = outgoing.writableFinished;
  const status = isWhole ? outgoing.statusCode : 499;
  return {
    request_id: c.get("requestId"),
    client_request_id: clientRequestId(c.env.incoming.headers["x-request-id"]),
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
