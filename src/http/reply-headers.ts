import type { Context, MiddlewareHandler } from "hono";

import { usdText } from "../lib/usd.ts";
import { isHit } from "../pipeline/cache/cache-note.ts";
import type { HitNote } from "../pipeline/cache/cache-note.ts";
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
  const { cache } = exchange;
  const attempt = lastAttempt(exchange);
  if (isHit(cache)) headers.push(...hitHeaders(cache));
  else if (attempt !== undefined) headers.push(...servedBy(attempt.provider, attempt.model));
  if (cache !== undefined) headers.push("x-sentinel-cache", cache.outcome);
  const nowMs = performance.now();
  headers.push(
    "x-sentinel-attempts",
    String(exchange.attempts.length),
    "x-sentinel-overhead-ms",
    overheadMs(exchange, nowMs).toFixed(2),
  );
  return headers;
}

const servedBy = (provider: string, model: string): string[] => [
  "x-sentinel-provider",
  provider,
  "x-sentinel-model",
  headerSafe(model),
];

/** Who made the answer that was there already, and what it would have cost again, as far as that is known yet. */
function hitHeaders({ provider, servedModel, similarity, saved }: HitNote): string[] {
  const headers = servedBy(provider, servedModel);
  if (similarity !== undefined) headers.push("x-sentinel-similarity", similarity.toFixed(4));
  if (saved === undefined) return headers;
  headers.push("x-sentinel-saved-usd", usdText(saved.nanoUsd));
  headers.push("x-sentinel-saved-tokens", String(saved.inputTokens + saved.outputTokens));
  return headers;
}

/** Puts them on the answers that Hono makes. Model calls write their own, and so do failures. */
export const addReplyHeaders =
  (cors: Cors): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    await next();
    const headers = replyHeaders(c, cors);
    for (let at = 0; at < headers.length; at += 2) {
      const [name = "", value = ""] = headers.slice(at, at + 2);
      if (name === "vary") c.res.headers.append(name, value);
      else c.res.headers.set(name, value);
    }
  };

/** A model's name comes from the client, and a header takes only printable ASCII. */
function headerSafe(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text.toWellFormed());
}
