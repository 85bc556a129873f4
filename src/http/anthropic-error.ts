import type { Failure } from "../errors.ts";

/** The types of Anthropic's errors by their status. (https://docs.claude.com/en/api/errors, read 2026-11-21) */
const typeByStatus: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};
const knownTypes = new Set([...Object.values(typeByStatus), "invalid_request_error", "api_error"]);

/** Anthropic's envelope; our `code` and `param` stand beside its own two fields. */
export function anthropicErrorBody(failure: Failure, requestId: string): string {
  const { message, type: _openAiType, ...rest } = failure.body;
  const error = { type: typeOf(failure), message, ...rest };
  return JSON.stringify({ type: "error", error, request_id: requestId });
}

/** What Anthropic itself called it, where it was Anthropic that failed; otherwise what it calls such a status. */
function typeOf({ body, kind, status }: Failure): string {
  if (body.code !== null && knownTypes.has(body.code)) return body.code;
  if (kind === "overloaded") return "overloaded_error";
  return typeByStatus[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
}
