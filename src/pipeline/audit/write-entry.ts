import { usdText } from "../../lib/usd.ts";
import { cacheEntry } from "../cache/cache-note.ts";
import type { AttemptAccount, Account } from "../cost/account.ts";
import type { CountedUsage } from "../cost/used.ts";
import { lastAttempt, overheadMs } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import type {
  AttemptEntry,
  AuditEntry,
  LimitsEntry,
  PayloadEntry,
  PriceEntry,
  UsageEntry,
} from "./entry.ts";

export interface EntryFacts {
  readonly account: Account;
  readonly degraded: readonly string[];
  readonly promptHash: string;
  readonly payload: PayloadEntry | null;
}

/** What is written down of an exchange that has ended. Pure; runs once per request, budget 3 µs. */
export function writeEntry(exchange: Exchange, facts: EntryFacts): AuditEntry {
  const { account } = facts;
  const { caller, startedTickMs, startedEpochMs } = exchange;
  const endedTickMs = exchange.end?.tickMs ?? startedTickMs;
  const latencyMs = endedTickMs - startedTickMs;
  const attempt = lastAttempt(exchange);
  return {
    id: exchange.id,
    object: "audit.record",
    started_at: isoTime(startedEpochMs),
    ended_at: isoTime(startedEpochMs + latencyMs),
    tenant: caller.tenantId,
    key: caller.keyId,
    endpoint: exchange.endpoint,
    model: exchange.model,
    served_model: attempt?.model ?? null,
    provider: attempt?.provider ?? null,
    stream: exchange.isStream,
    ...resultOf(exchange),
    route: exchange.route ?? null,
    attempts: account.attempts.map((each) => attemptEntry(each, startedTickMs, endedTickMs)),
    latency_ms: round(latencyMs),
    ttft_ms: firstEventMs(exchange),
    overhead_us: Math.round(overheadMs(exchange, endedTickMs) * 1_000),
    usage: account.usage === undefined ? null : usageEntry(account.usage),
    cost_nano_usd: account.cost.nanoUsd,
    cost_usd: usdText(account.cost.nanoUsd),
    cost_status: account.cost.status,
    price: priceEntry(account),
    limits: limitsEntry(exchange),
    cache: cacheEntry(exchange.cache),
    shield: [],
    tags: exchange.tags,
    user_agent: exchange.userAgent ?? null,
    client_request_id: exchange.clientRequestId ?? null,
    trace_id: traceIdOf(exchange),
    degraded: facts.degraded,
    prompt_hash: facts.promptHash,
    payload: facts.payload,
  };
}

function firstEventMs({ firstEventTickMs, startedTickMs }: Exchange): number | null {
  return firstEventTickMs === undefined ? null : round(firstEventTickMs - startedTickMs);
}

const traceIdOf = ({ trace }: Exchange): string | null => trace?.traceId ?? null;

function priceEntry({ quote }: Account): PriceEntry | null {
  return quote === undefined ? null : { source: quote.source, version: quote.version };
}

function limitsEntry({ lease }: Exchange): LimitsEntry | null {
  if (lease === undefined || lease.rules.length === 0) return null;
  return {
    reserved_tokens: lease.reserved.tokens,
    reserved_nano_usd: lease.reserved.nanoUsd,
    is_local: lease.isLocal,
  };
}

function resultOf({ end }: Exchange): Pick<AuditEntry, "status" | "outcome" | "error"> {
  if (end?.outcome.kind !== "failed") return { status: 200, outcome: "ok", error: null };
  const { status, kind, body } = end.outcome.failure;
  return { status, outcome: kind, error: { code: body.code, param: body.param } };
}

function attemptEntry(
  { attempt, usage, cost }: AttemptAccount,
  startedTickMs: number,
  endedTickMs: number,
): AttemptEntry {
  return {
    provider: attempt.provider,
    model: attempt.model,
    provider_key: attempt.keyId ?? null,
    started_ms: round(attempt.startedTickMs - startedTickMs),
    duration_ms: round((attempt.answeredTickMs ?? endedTickMs) - attempt.startedTickMs),
    status: attempt.status ?? null,
    error_kind: attempt.errorKind ?? null,
    usage: usage === undefined ? null : usageEntry(usage),
    cost_nano_usd: cost.nanoUsd,
    cost_status: cost.status,
  };
}

function usageEntry(usage: CountedUsage): UsageEntry {
  const {
    cacheWrite1hTokens,
    inputAudioTokens,
    cachedAudioTokens,
    outputAudioTokens,
    serviceTier,
  } = usage;
  return {
    input_tokens: usage.inputTokens,
    cached_input_tokens: usage.cachedInputTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    output_tokens: usage.outputTokens,
    reasoning_tokens: usage.reasoningTokens,
    source: usage.source,
    ...(cacheWrite1hTokens === undefined ? {} : { cache_write_1h_tokens: cacheWrite1hTokens }),
    ...(inputAudioTokens === undefined ? {} : { input_audio_tokens: inputAudioTokens }),
    ...(cachedAudioTokens === undefined ? {} : { cached_audio_tokens: cachedAudioTokens }),
    ...(outputAudioTokens === undefined ? {} : { output_audio_tokens: outputAudioTokens }),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
  };
}

/** As `toISOString`, which is asked once a second only. */
function isoTime(epochMs: number): string {
  const second = Math.floor(epochMs / 1_000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastPrefix = new Date(second * 1_000).toISOString().slice(0, -4);
  }
  const ms = Math.floor(epochMs - second * 1_000);
  return `${lastPrefix}${ms.toString().padStart(3, "0")}Z`;
}

let lastSecond = Number.NaN;
let lastPrefix = "";

const round = (ms: number): number => Math.round(ms * 100) / 100;
