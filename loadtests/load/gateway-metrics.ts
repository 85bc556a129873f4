import { quantileBetween, readSamples, sumOf, type Sample } from "./prometheus-text.ts";

/** What the gateway's own metrics say of a scenario: what they have gone up by. */
export interface GatewaySaid {
  readonly requests: number;
  readonly overheadP50Ms: number | undefined;
  readonly overheadP99Ms: number | undefined;
  readonly cacheHits: number;
  readonly cacheLookups: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costUsd: number;
  readonly savedUsd: number;
  readonly retries: number;
  readonly fallbacks: number;
  readonly limitRejections: number;
}

/** The samples, or why there are none. */
export type Reading =
  | { readonly kind: "read"; readonly samples: readonly Sample[] }
  | { readonly kind: "unread"; readonly reason: string };

/** Loopback is let in without a token; from elsewhere SENTINEL_METRICS_TOKEN is shown. */
export async function readMetrics(url: string, token: string | undefined): Promise<Reading> {
  const headers: Record<string, string> = { accept: "text/plain" };
  if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
  try {
    const signal = AbortSignal.timeout(5_000);
    const response = await fetch(`${url}/metrics/prometheus`, { headers, signal });
    const text = await response.text();
    if (!response.ok) return { kind: "unread", reason: `/metrics answered ${response.status}` };
    return { kind: "read", samples: readSamples(text) };
  } catch (error) {
    return { kind: "unread", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Others' requests meanwhile are in it too. */
export function saidBetween(
  before: readonly Sample[],
  after: readonly Sample[],
): GatewaySaid | undefined {
  if (!after.some(({ name }) => name === "sentinel_requests_total")) return undefined;
  const grown = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
    sumOf(after, `sentinel_${name}`, labels) - sumOf(before, `sentinel_${name}`, labels);
  const lookups = (outcome: string): number => grown("cache_lookups_total", { outcome });
  const overhead = { name: "sentinel_overhead_seconds", labels: { stage: "total" } };
  const overheadMs = (share: number): number | undefined => {
    const seconds = quantileBetween({ before, after }, overhead, share);
    return seconds === undefined ? undefined : seconds * 1_000;
  };
  const cacheHits = lookups("exact") + lookups("semantic");
  return {
    requests: grown("requests_total"),
    overheadP50Ms: overheadMs(0.5),
    overheadP99Ms: overheadMs(0.99),
    cacheHits,
    cacheLookups: cacheHits + lookups("miss"),
    inputTokens: grown("tokens_total", { type: "input" }),
    outputTokens: grown("tokens_total", { type: "output" }),
    costUsd: grown("cost_usd_total"),
    savedUsd: grown("cache_saved_usd_total"),
    retries: grown("upstream_retries_total"),
    fallbacks: grown("fallbacks_total"),
    limitRejections: grown("ratelimit_rejections_total"),
  };
}
