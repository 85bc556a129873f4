import type { ErrorBody } from "../../errors.ts";

/**
 * Vendors quote the key that they refuse, or part of it, wherever they like. It is the operator's, and nobody
 * else's business. Each stretch of letters is looked at once, as clients can have long ones quoted.
 */
const keyLike =
  /\b(?:sk|pk|rk|gsk|xai)-[\w*.-]{6,}|\bAIza[\w-]{10,}|(?<![\w-])[\w-]*\*{3,}[\w*-]*/g;

/** What is shorter is no key but a stand-in for one (`EMPTY`, `ollama`), and may be a word in a sentence. */
const keyLengthMin = 8;
/** No vendor nests the fields of an error deeper; what does is left out. */
const depthMax = 8;

/** An error as the client may see it: `secrets`, and what looks like a key, are redacted wherever they stand. */
export function withoutSecrets(body: ErrorBody, secrets: readonly string[]): ErrorBody {
  const known = secrets.filter((secret) => secret.length >= keyLengthMin);
  const hide: Hide = (text) =>
    known
      .reduce((hidden, secret) => hidden.replaceAll(secret, "[redacted]"), text)
      .replace(keyLike, "[redacted]");
  const { message, type, param, code, ...others } = body;
  return {
    ...cleanFields(others, hide, 1),
    message: hide(message),
    type: hide(type),
    param: param === null ? null : hide(param),
    code: code === null ? null : hide(code),
  };
}

type Hide = (text: string) => string;

function cleanFields(fields: object, hide: Hide, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [hide(name), clean(value, hide, depth)]),
  );
}

function clean(value: unknown, hide: Hide, depth: number): unknown {
  if (typeof value === "string") return hide(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === depthMax) return null;
  if (Array.isArray(value)) return value.map((item: unknown) => clean(item, hide, depth + 1));
  return cleanFields(value, hide, depth + 1);
}
