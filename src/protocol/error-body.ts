import type { ErrorBody } from "../errors.ts";
import { isJsonObject } from "../lib/json-text.ts";
import type { JsonObject } from "../lib/json-text.ts";

/**
 * Reads what a provider said went wrong, in any of the shapes that OpenAI-compatible servers use, and gives
 * it OpenAI's: `message`, `type`, `param`, and a `code` that is a string or null. Other fields are kept.
 * Undefined if the body says nothing that can be passed on (HTML, nothing at all).
 */
export function readErrorBody(body: unknown, status: number): ErrorBody | undefined {
  if (!isJsonObject(body)) return undefined;
  const error = body["error"] ?? body["errors"];
  if (isJsonObject(error)) return fromFields(error, status); // OpenAI, Azure, most others
  if (typeof error === "string") return fromFields({ message: error }, status); // Ollama's native API
  const detail = body["detail"];
  if (detail !== undefined) return fromFields({ message: sentenceOf(detail) }, status); // FastAPI
  if (body["message"] !== undefined) return fromFields(body, status); // Mistral, older vLLM
  return undefined;
}

function fromFields(fields: JsonObject, status: number): ErrorBody {
  const given = fields["message"];
  const message = given == null ? "" : sentenceOf(given);
  return {
    ...fields,
    message: message === "" ? "The provider gave no reason." : message,
    type: asText(fields["type"]) ?? typeFor(status),
    param: asText(fields["param"]) ?? null,
    code: asText(fields["code"]) ?? null,
  };
}

function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : undefined;
}

/** FastAPI's validation errors are lists of `{loc, msg}`; anything else is shown as it is. */
function sentenceOf(detail: unknown): string {
  if (typeof detail === "string") return detail;
  if (!Array.isArray(detail)) return JSON.stringify(detail);
  return detail
    .map((item: unknown) => {
      if (!isJsonObject(item) || typeof item["msg"] !== "string") return JSON.stringify(item);
      const where = Array.isArray(item["loc"]) ? `${item["loc"].filter(isName).join(".")}: ` : "";
      return `${where}${item["msg"]}`;
    })
    .join("; ");
}

const isName = (part: unknown): boolean => typeof part === "string" || typeof part === "number";

function typeFor(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "api_error" : "invalid_request_error";
}
