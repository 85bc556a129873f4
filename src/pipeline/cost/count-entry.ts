import { idEpochMs } from "../../lib/ids.ts";
import type { AuditEntry, UsageEntry } from "../audit/entry.ts";
import { unknownModel } from "./usage-ledger.ts";
import type { UsageSum } from "./usage-ledger.ts";

/** What one request adds to the ledger, whichever store keeps it. */
export interface EntryCount {
  /** When the request began. */
  readonly startedEpochMs: number;
  /** As the client named it, or `_unknown` where that led to no route. */
  readonly model: string;
  /** Empty where no provider was asked. */
  readonly servedModel: string;
  readonly provider: string;
  /** As `team=a`. */
  readonly tags: readonly string[];
  readonly sums: Readonly<Record<UsageSum, number>>;
}

/** Pure; runs once per record in the books thread, budget 2 µs. */
export function countEntry(entry: AuditEntry): EntryCount {
  const { cache } = entry;
  const isHit = cache.outcome === "exact" || cache.outcome === "semantic";
  return {
    startedEpochMs: idEpochMs(entry.id),
    model: entry.route === null ? unknownModel : entry.model,
    servedModel: entry.served_model ?? "",
    provider: entry.provider ?? "",
    tags: Object.entries(entry.tags).map(([name, value]) => `${name}=${value}`),
    sums: {
      requests: 1,
      failed_requests: entry.outcome === "ok" ? 0 : 1,
      ...tokensOf(entry.usage),
      ...costOf(entry),
      cache_hits: isHit ? 1 : 0,
      saved_nano_usd: cache.saved_nano_usd,
      // Records that older versions wrote do not say it.
      saved_input_tokens: cache.saved_input_tokens ?? 0,
      saved_output_tokens: cache.saved_output_tokens ?? 0,
    },
  };
}

const noTokens: Omit<UsageEntry, "source"> = {
  input_tokens: 0,
  cached_input_tokens: 0,
  cache_write_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
};

function tokensOf(usage: UsageEntry | null) {
  const tokens = usage ?? noTokens;
  return {
    input_tokens: tokens.input_tokens,
    cached_input_tokens: tokens.cached_input_tokens,
    cache_write_tokens: tokens.cache_write_tokens,
    output_tokens: tokens.output_tokens,
    reasoning_tokens: tokens.reasoning_tokens,
  };
}

/**
 * What is known of the cost of a request that is unpriced in part counts as estimated, so that both amounts
 * together are what the records say.
 */
function costOf({ cost_nano_usd: cost, cost_status: costStatus }: AuditEntry) {
  const isExact = costStatus === "exact";
  return {
    exact_nano_usd: isExact ? cost : 0,
    estimated_nano_usd: isExact ? 0 : cost,
    exact_requests: isExact ? 1 : 0,
    estimated_requests: costStatus === "estimated" ? 1 : 0,
    unpriced_requests: costStatus === "unpriced" ? 1 : 0,
  };
}

/** Why a record can never be counted; undefined for one that can. A line may be of another version, or damaged with its checksum. */
export function entryFault(entry: AuditEntry): string | undefined {
  try {
    const { sums } = countEntry(entry);
    const wrong = Object.entries(sums).find(([, sum]) => !Number.isSafeInteger(sum) || sum < 0);
    if (wrong !== undefined) return `${wrong[0]} is no count`;
  } catch {
    return "it is no record of a request"; // A field that the count reads is missing, or the id is no ULID.
  }
  const texts = [entry.tenant, entry.key, entry.model, entry.outcome];
  return texts.every((text) => typeof text === "string") ? undefined : "it names no tenant or key";
}
