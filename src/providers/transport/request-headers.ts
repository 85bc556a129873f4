import { newSpanId, writeTraceparent } from "../../telemetry/tracing/trace-context.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import type { Attempt, ProviderCall } from "../provider.ts";

/** What an adapter sends with every request, whichever vendor it is. */
export interface HeaderRules {
  readonly keyHeader: "authorization" | "api-key" | "x-api-key" | "x-goog-api-key";
  /** Headers that the operator adds to every request, names in lower case. They take the place of Sentinel's own. */
  readonly set: Readonly<Record<string, string>>;
}

/** Names and values in turn, for every request to the vendor. */
export function upstreamHeaders(
  { keyHeader, set }: HeaderRules,
  accept: string,
  key: string | undefined,
): string[] {
  const headers = ["accept-encoding", "identity", "accept", accept];
  if (key !== undefined && set[keyHeader] === undefined) {
    headers.push(keyHeader, keyHeader === "authorization" ? `Bearer ${key}` : key);
  }
  if (set["user-agent"] === undefined) headers.push("user-agent", "sentinel");
  for (const name in set) headers.push(name, set[name] ?? "");
  return headers;
}

/** Adds those of the client's headers that may pass and that the operator does not set himself. */
export function addForwarded(
  headers: string[],
  forwarded: readonly string[],
  clientHeaders: Readonly<Record<string, string | readonly string[] | undefined>>,
  set: HeaderRules["set"],
): void {
  for (const name of forwarded) {
    const value = clientHeaders[name];
    if (typeof value === "string" && set[name] === undefined) headers.push(name, value);
  }
}

/**
 * The trace of the request, to a server where the operator wants it known: what happens there hangs below this attempt.
 * With tracing off the client's own goes on.
 */
export function addTrace(
  headers: string[],
  { trace, attempts }: Pick<ProviderCall, "trace" | "attempts">,
  set: HeaderRules["set"],
): void {
  if (trace === undefined || set["traceparent"] !== undefined) return;
  const spanId = trace.spanId === undefined ? trace.parentSpanId : spanOfAttempt(attempts.at(-1));
  if (spanId === undefined) return;
  headers.push("traceparent", writeTraceparent(trace, spanId));
  if (trace.tracestate !== undefined) headers.push("tracestate", trace.tracestate);
}

function spanOfAttempt(attempt: Attempt | undefined): string | undefined {
  return attempt && (attempt.spanId ??= newSpanId());
}

/** What an adapter sends on of a trace is written by `addTrace`. */
const traceHeaders: readonly string[] = ["traceparent", "tracestate"];

/** Whatever the operator lists: these are the client's own credentials and the connection's own matters. */
const neverForwarded = new Set([
  "authorization",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "cookie",
  "host",
]);
const ownHeaders = new Set(["content-type", "content-length", "accept", "accept-encoding"]);
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "te",
  "upgrade",
  "trailer",
]);

/** The client's headers that an adapter passes on: those that its vendor has a use for, and the operator's list. */
export function forwardedHeaders(
  ofVendor: readonly string[],
  { forwardHeaders, propagatesTrace }: Pick<AdapterOptions, "forwardHeaders" | "propagatesTrace">,
): readonly string[] {
  const asked = [...ofVendor, ...forwardHeaders.map((name) => name.toLowerCase())];
  const written = propagatesTrace === true ? traceHeaders : [];
  return [...new Set(asked)].filter(
    (name) =>
      !neverForwarded.has(name) &&
      !ownHeaders.has(name) &&
      !hopByHop.has(name) &&
      !written.includes(name),
  );
}
