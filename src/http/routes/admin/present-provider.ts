import type { ProviderConfig } from "../../../config/gateway-config.ts";
import { maskKeys, withoutCredentials } from "../../../tenants/stored-providers.ts";
import type { StoredProvider } from "../../../tenants/tenant-store.ts";
import { toSeconds } from "./fields.ts";

/** A provider as the admin API shows it: with nothing of its credentials but the ends of its keys. */
export interface ShownProvider {
  readonly object: "provider";
  readonly name: string;
  readonly type: string;
  readonly base_url: string;
  readonly source: string;
  readonly key_count: number;
  readonly keys: readonly string[];
  readonly [field: string]: unknown;
}

/** A provider of the file or the environment. */
export function presentFixed(provider: ProviderConfig): ShownProvider {
  return { ...present(provider), ...presentKeys(maskKeys(provider.apiKeys)) };
}

/** A provider that was made through the admin API. */
export function presentStored(stored: StoredProvider): ShownProvider {
  return {
    ...presentReadable(stored),
    ...presentKeys(stored.maskedKeys),
    created_at: toSeconds(stored.createdAtMs),
    updated_at: toSeconds(stored.updatedAtMs),
  };
}

/** One that this version cannot read is shown with the reason. */
function presentReadable(stored: StoredProvider) {
  try {
    return present(withoutCredentials(stored));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const type = String(stored.settings["type"]);
    return {
      object: "provider",
      name: stored.name,
      type,
      base_url: "",
      source: "admin",
      problem,
    } as const;
  }
}

/** Headers are left out: they may hold credentials. */
function present({ name, type, baseUrl, source, ...provider }: ProviderConfig) {
  const { deadlines, breaker } = provider;
  return {
    object: "provider" as const,
    name,
    type,
    base_url: baseUrl,
    source,
    models: provider.models ?? null,
    api_version: provider.apiVersion ?? null,
    forward_headers: provider.forwardHeaders,
    propagate_trace: provider.propagatesTrace ?? null,
    keep_alive_ms: provider.keepAliveMs,
    deadlines: {
      connect_ms: deadlines.connectMs,
      first_byte_ms: deadlines.firstByteMs,
      idle_ms: deadlines.idleMs,
      total_ms: deadlines.totalMs,
    },
    breaker: {
      consecutive_failures: breaker.consecutiveFailures,
      failure_ratio: breaker.failureRatio,
      minimum_requests: breaker.minimumRequests,
      window_ms: breaker.windowMs,
      open_ms: breaker.openMs,
    },
  };
}

function presentKeys(keys: readonly string[]) {
  return { key_count: keys.length, keys };
}
