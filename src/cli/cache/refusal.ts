import { isJsonObject } from "../../lib/json-text.ts";

/** What the gateway said instead of answering. */
export type Refused =
  | Failed
  /** Try again, after so long if it said so. */
  | { readonly kind: "wait"; readonly waitMs: number | undefined; readonly failed: Failed }
  /** Whatever is sent next would end as this did. */
  | { readonly kind: "stop"; readonly why: string; readonly failed: Failed };

/** Of one request. Its words are left out: a provider's may quote the prompt. */
export interface Failed {
  readonly kind: "failed";
  /** Undefined where there was no answer at all. */
  readonly status: number | undefined;
  readonly code: string;
  readonly param: string | undefined;
  /** Under which the audit has more of it. */
  readonly requestId: string | undefined;
}

const errorBytesMax = 64 * 1024;

/** Reads an answer that is none. Rejects if it breaks off. */
export async function readRefusal(response: Response): Promise<Refused> {
  const { status, headers } = response;
  const error = errorIn(await readText(response));
  const code = wordOf(error["code"]) ?? wordOf(error["type"]) ?? "no_reason_given";
  const param = wordOf(error["param"]);
  const requestId = wordOf(headers.get("x-request-id"));
  const failed: Failed = { kind: "failed", status, code, param, requestId };
  const why = whyStop(failed, error);
  if (why !== undefined) return { kind: "stop", why, failed };
  const mayWait = status === 429 || status === 503;
  if (!mayWait || headers.get("x-should-retry") === "false" || isUnpaid(error)) return failed;
  return { kind: "wait", waitMs: retryAfterMs(headers), failed };
}

/** What it may be about is said by the gateway alone, which quotes no prompt; but it is cut short all the same. */
function whyStop({ status, code, param }: Failed, error: ErrorFields): string | undefined {
  if (code === "budget_exceeded" && status === 429) return `A budget is spent: ${messageOf(error)}`;
  if (status === 401) {
    return "The gateway does not take the key. Give another with --key or SENTINEL_API_KEY.";
  }
  if (param?.startsWith("x-sentinel-") === true) return messageOf(error);
  return undefined;
}

type ErrorFields = Readonly<Record<string, unknown>>;

/** The provider's account is empty. It may be one of several, so the other lines go on. */
const isUnpaid = ({ type, code }: ErrorFields): boolean =>
  type === "insufficient_quota" || code === "insufficient_quota";

const messageLengthMax = 400;

function messageOf({ message }: ErrorFields): string {
  return typeof message === "string" ? message.slice(0, messageLengthMax) : "";
}

function errorIn(text: string): ErrorFields {
  try {
    const body: unknown = JSON.parse(text);
    if (isJsonObject(body) && isJsonObject(body["error"])) return body["error"];
  } catch {
    // A proxy's page, perhaps. Its status is told.
  }
  return {};
}

/** What looks like a name and cannot be a sentence. */
const wordOf = (value: unknown): string | undefined =>
  typeof value === "string" && /^[\w.[\]-]{1,100}$/.test(value) ? value : undefined;

async function readText({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes <= errorBytesMax) parts.push(chunk as Uint8Array);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** In milliseconds, in seconds, or until a date. (RFC 9110, 10.2.3) */
export function retryAfterMs(headers: Headers, nowMs: number = Date.now()): number | undefined {
  const inMs = headers.get("retry-after-ms")?.trim() ?? "";
  if (/^\d{1,12}(\.\d+)?$/.test(inMs)) return Number(inMs);
  const after = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}(\.\d+)?$/.test(after)) return Number(after) * 1_000;
  const at = Date.parse(after);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
