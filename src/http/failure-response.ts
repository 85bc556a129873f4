import type { Context } from "hono";

import type { Failure } from "../errors.ts";
import { toFailure } from "../errors.ts";
import { anthropicErrorBody } from "./anthropic-error.ts";
import type { AppEnv } from "./context.ts";
import type { Cors } from "./cors.ts";
import { dialectOf } from "./dialect.ts";
import type { Dialect } from "./dialect.ts";
import { replyHeaders } from "./reply-headers.ts";

/** The envelope in the caller's dialect. */
export function failureBody(
  failure: Failure,
  { dialect, requestId }: { readonly dialect: Dialect; readonly requestId: string },
): string {
  if (dialect === "anthropic") return anthropicErrorBody(failure, requestId);
  return JSON.stringify({ error: failure.body });
}

/** Turns whatever ended a request into its HTTP answer. The only place that does. */
export function failureResponse(c: Context<AppEnv>, thrown: unknown, cors: Cors): Response {
  const failure = toFailure(thrown);
  c.set("failure", failure);
  const headers = new Headers({ ...failure.headers, "content-type": "application/json" });
  const retryAfterMs = failure.retryAfterMs;
  if (retryAfterMs !== undefined && !headers.has("retry-after")) {
    headers.set("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1_000))));
    headers.set("retry-after-ms", String(Math.ceil(retryAfterMs)));
  }
  const common = replyHeaders(c, cors);
  for (let at = 0; at < common.length; at += 2) headers.set(common[at] ?? "", common[at + 1] ?? "");
  const caller = { dialect: dialectOf(c.env.incoming), requestId: c.get("requestId") };
  return new Response(failureBody(failure, caller), { status: failure.status, headers });
}
