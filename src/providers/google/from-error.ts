import type { ErrorBody, Failure } from "../../errors.ts";
import { isJsonObject, objectsOf } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { readErrorBody } from "../../protocol/error-body.ts";
import type { UpstreamResponse } from "../transport/upstream-call.ts";
import { refusal, refusalWithin } from "../upstream-failure.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";

/**
 * Google's errors: `{"error":{"code":400,"message","status":"INVALID_ARGUMENT","details":[…]}}`, at times in a
 * list. (https://ai.google.dev/gemini-api/docs/troubleshooting, https://cloud.google.com/apis/design/errors, read 2026-11-21)
 */

/** What a refusal means. */
export function failureFrom(
  response: Pick<UpstreamResponse, "status" | "headers">,
  bytes: Buffer,
  upstream: UpstreamIdentity,
): Failure {
  const body = parse(bytes);
  const error = errorIn(body);
  // What stands in front of Google (a proxy, a load balancer) has forms of its own.
  if (error === undefined) return refusal(response, readErrorBody(body, response.status), upstream);
  const status = statusOf(error, response.status);
  const retryAfterMs = retryDelayMs(error);
  const isTold = "retry-after" in response.headers || retryAfterMs === undefined;
  const headers = isTold
    ? response.headers
    : { ...response.headers, "retry-after-ms": String(retryAfterMs) };
  return refusal({ status, headers }, said(error, status), upstream);
}

/** The error in what came with a good status; undefined if it is none. */
export function failureWithin(value: unknown, upstream: UpstreamIdentity): Failure | undefined {
  const error = errorIn(value);
  if (error === undefined) return undefined;
  const status = statusOf(error, undefined);
  return refusalWithin(said(error, status ?? 502), status, upstream);
}

function errorIn(value: unknown): JsonObject | undefined {
  const holder: unknown = Array.isArray(value) ? value.find(hasError) : value;
  const error = hasError(holder) ? holder["error"] : undefined;
  if (typeof error === "string" && error !== "") return { message: error };
  return isJsonObject(error) ? error : undefined;
}

function hasError(value: unknown): value is JsonObject {
  return isJsonObject(value) && value["error"] != null;
}

/**
 * A key that is not valid is a 400 at Google, and so is an account that may not be used where Sentinel runs or
 * has no billing; as a 401 and a 403 they make another key or target serve.
 */
function statusOf<Known extends number | undefined>(
  error: JsonObject,
  known: Known,
): number | Known {
  if (isKeyRefused(error)) return 401;
  if (isAccountRefused(error)) return 403;
  if (known !== undefined) return known;
  const code = Number(error["code"]);
  return Number.isInteger(code) && code >= 400 && code <= 599 ? code : known;
}

const keyReasons = new Set<unknown>(["API_KEY_INVALID", "API_KEY_EXPIRED"]);

function isKeyRefused(error: JsonObject): boolean {
  return detailsOf(error).some((detail) => keyReasons.has(detail["reason"]));
}

function isAccountRefused({ status, message }: JsonObject): boolean {
  return status === "FAILED_PRECONDITION" && /\blocation\b|\bbilling\b/i.test(String(message));
}

function said(error: JsonObject, status: number): ErrorBody {
  const { message, status: name, code } = error;
  const named = typeof name === "string" && name !== "" ? name : undefined;
  const numbered = typeof code === "number" || typeof code === "string" ? String(code) : undefined;
  return {
    message: typeof message === "string" && message !== "" ? message : "Google gave no reason.",
    type: typeFor(status),
    param: fieldAtFault(error) ?? null,
    code: isKeyRefused(error) ? "invalid_api_key" : (named ?? numbered ?? null),
  };
}

function typeFor(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "api_error" : "invalid_request_error";
}

/** `BadRequest.fieldViolations`, in Google's own names. */
function fieldAtFault(error: JsonObject): string | undefined {
  for (const { fieldViolations } of detailsOf(error)) {
    const first: unknown = Array.isArray(fieldViolations) ? fieldViolations[0] : undefined;
    const field = isJsonObject(first) ? first["field"] : undefined;
    if (typeof field === "string" && field !== "") return field;
  }
  return undefined;
}

/** `RetryInfo.retryDelay`: `"12s"`, `"0.5s"`. */
function retryDelayMs(error: JsonObject): number | undefined {
  for (const { retryDelay } of detailsOf(error)) {
    const seconds =
      typeof retryDelay === "string" ? /^(\d+(?:\.\d+)?)s$/.exec(retryDelay)?.[1] : undefined;
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  }
  return undefined;
}

function detailsOf(error: JsonObject): readonly JsonObject[] {
  return objectsOf(error["details"]);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined; // HTML from a proxy, or nothing: the status has to do.
  }
}
