import { Failure } from "../../errors.ts";
import type { ErrorBody } from "../../errors.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { Endpoint } from "../../protocol/endpoints.ts";
import { readErrorBody } from "../../protocol/error-body.ts";
import type { UpstreamResponse } from "../transport/upstream-call.ts";
import { refusal, refusalWithin } from "../upstream-failure.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";

interface ErrorType {
  readonly status: number;
  /** What OpenAI calls it. */
  readonly type: string;
}

/** (https://platform.claude.com/docs/en/api/errors, read 2026-11-21) */
const errorTypes = new Map<unknown, ErrorType>([
  ["invalid_request_error", { status: 400, type: "invalid_request_error" }],
  ["authentication_error", { status: 401, type: "authentication_error" }],
  ["billing_error", { status: 402, type: "insufficient_quota" }],
  ["permission_error", { status: 403, type: "permission_error" }],
  ["not_found_error", { status: 404, type: "invalid_request_error" }],
  ["conflict_error", { status: 409, type: "invalid_request_error" }],
  ["request_too_large", { status: 413, type: "invalid_request_error" }],
  ["rate_limit_error", { status: 429, type: "rate_limit_error" }],
  ["api_error", { status: 500, type: "api_error" }],
  ["timeout_error", { status: 504, type: "api_error" }],
  ["overloaded_error", { status: 529, type: "api_error" }],
]);

/** What a refusal means. Anthropic's own word for it stays in `code`, so that its clients can be told. */
export function failureFrom(
  response: UpstreamResponse,
  bytes: Buffer,
  upstream: UpstreamIdentity,
  endpoint: Endpoint,
): Failure {
  const said = readError(parse(bytes), response.status);
  if (said !== undefined && isAboutAccount(response.status, said)) {
    const body = { ...said, type: "insufficient_quota", code: "billing_error" };
    return refusal({ ...response, status: 402 }, body, upstream);
  }
  const failure = refusal(response, said, upstream);
  if (endpoint === "chat" || failure.kind !== "upstream_error") return failure;
  return new Failure(failure.kind, failure.message, {
    headers: failure.headers,
    recovery: failure.recovery,
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    upstream: {
      status: failure.status,
      body: { ...failure.body, code: said?.code ?? "api_error" },
    },
  });
}

/** An error that came in place of an answer, or within one, with a good status. */
export function failureWithin(body: JsonObject, upstream: UpstreamIdentity): Failure {
  const said = readError(body, 500);
  const type = isJsonObject(body["error"]) ? body["error"]["type"] : undefined;
  const status = errorTypes.get(type)?.status;
  if (said === undefined || !isAboutAccount(status, said)) {
    return refusalWithin(said, status, upstream);
  }
  return refusalWithin(
    { ...said, type: "insufficient_quota", code: "billing_error" },
    402,
    upstream,
  );
}

/** `type` says that it is one: `{"type": "error", "error": {"type", "message"}}`. */
function readError(body: unknown, status: number): ErrorBody | undefined {
  const said = readErrorBody(body, status);
  if (said === undefined || !isJsonObject(body)) return undefined;
  const error = isJsonObject(body["error"]) ? body["error"] : {};
  const known = errorTypes.get(error["type"]);
  return {
    ...said,
    type: known?.type ?? said.type,
    code: typeof error["type"] === "string" ? error["type"] : said.code,
  };
}

/**
 * An empty account and a spent limit come as 400, as if the client were at fault: another key may do.
 * (https://platform.claude.com/docs/en/api/errors, read 2026-11-21)
 */
const aboutAccount = /credit balance is too low|(?:usage|spend) limit/i;

function isAboutAccount(status: number | undefined, said: ErrorBody): boolean {
  return status === 400 && aboutAccount.test(said.message);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined; // HTML from a proxy, or nothing: the status has to do.
  }
}
