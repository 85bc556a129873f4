import type { Context, MiddlewareHandler } from "hono";

import { lastAttempt, overheadMs } from "../pipeline/exchange.ts";
import { quotaHeaders } from "../pipeline/limits/quota.ts";
import type { AppEnv } from "./context.ts";
import type { Cors } from "./cors.ts";
import { dialectOf } from "./dialect.ts";

/**
 * The headers of every answer, names and values in turn: its id, and, once a provider was asked, which one
 * and at what cost of time. Runs once per request; flat because Node writes a flat list without copying it.
 */
export function replyHeaders(c: Context<AppEnv>, cors: Cors): string[] {
  const { incoming } = c.env;
  const headers = ["x-request-id", c.get("requestId"), ...cors.headersFor(incoming)];
  // Where Anthropic's SDKs look for it.
  if (dialectOf(incoming) === "anthropic") headers.push("request-id", c.get("requestId"));
  const exchange = c.get("exchange");
  if (exchange === undefined) return headers;
  if (exchange.quota !== undefined) headers.push(...quotaHeaders(exchange.quota));
  const attempt = lastAttempt(exchange);
  if (attempt !== undefined) {
    headers.push(
      "x-sentinel-provider",
      attempt.provider,
      "x-sentinel-model",
      headerSafe(attempt.model),
    );
  }
  const nowMs = performance.now();
  headers.push(
    "x-sentinel-attempts",
    String(exchange.attempts.length),
    "x-sentinel-overhead-ms",
    overheadMs(exchange, nowMs).toFixed(2),
  );
  return headers;
}

/** Puts them on the answers that Hono makes. Model calls write their own, and so do failures. */
export const addReplyHeaders =
  (cors: Cors): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    await next();
    const headers = replyHeaders(c, cors);
    for (let at = 0; at < headers.length; at += 2) {
      c.res.headers.set(headers[at] ?? "", headers[at + 1] ?? "");
    }
  };

/** A model's name comes from the client, and a header takes only printable ASCII. */
function headerSafe(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text.toWellFormed());
}
