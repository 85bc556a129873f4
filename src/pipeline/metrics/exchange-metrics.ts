import type { Attempt } from "../../providers/provider.ts";
import { noneValue } from "../../telemetry/metrics/label.ts";
import { servedName } from "../../telemetry/metrics/label-cap.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { isTraced } from "../../telemetry/tracing/trace-context.ts";
import { isSystemTenant } from "../../tenants/system-tenant.ts";
import { attemptEndTickMs } from "../attempt-end.ts";
import { isHit } from "../cache/cache-note.ts";
import type { Account } from "../cost/account.ts";
import { lastAttempt, overheadMs } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { rulesOf } from "../limits/rules.ts";
import type { ExchangeSink } from "../settle.ts";
import type { BudgetGauges } from "./budget-gauges.ts";
import { errorTypeOf, outcomeOf } from "./error-types.ts";
import type { RunningExchanges } from "./running-exchanges.ts";

export interface ExchangeMetricsDeps {
  readonly metrics: Metrics;
  readonly running: RunningExchanges;
  readonly budgets: BudgetGauges;
  /** Told of our own faults: what keeps a request from being counted must not go unnoticed. */
  readonly onError: (error: unknown) => void;
}

/** Whose series an exchange counts in. */
interface Names {
  readonly tenant: string;
  readonly model: string;
}

/**
 * Counts every exchange when it has ended, after it was accounted. Runs once per request; budget 5 µs. Whatever fails
 * here fails for the metrics alone.
 */
export const exchangeMetrics = (deps: ExchangeMetricsDeps): ExchangeSink => ({
  record: (exchange) => {
    deps.running.remove(exchange);
    try {
      count(exchange, deps);
    } catch (error) {
      deps.onError(error);
    }
  },
});

function count(exchange: Exchange, { metrics, budgets }: ExchangeMetricsDeps): void {
  const { caller, account, end } = exchange;
  const endedTickMs = end?.tickMs ?? performance.now();
  const names = {
    tenant: metrics.caps.tenant.of(caller.tenantId),
    model: modelOf(exchange, metrics),
  };
  countRequest(exchange, names, endedTickMs, metrics);
  observeStages(exchange, endedTickMs, metrics);
  countAttempts(exchange, names.model, endedTickMs, metrics);
  if (account !== undefined) countAccount(account, names, metrics);
  countCache(exchange, names, metrics);
  budgets.noteRules(caller.tenantId, rulesOf(caller));
  if (exchange.refusal === undefined) return;
  metrics.ratelimitRejections.with(names.tenant, exchange.refusal.limit).inc();
  budgets.noteRefusal(caller.tenantId, exchange.refusal, exchange.startedEpochMs);
}

/** What the operator has set up has its name already; of the others, what was served. */
function modelOf({ model, end, attempts, cache }: Exchange, { caps }: Metrics): string {
  const isServed = end?.outcome.kind === "ok" && (attempts.length > 0 || isHit(cache));
  return servedName(caps.model, model, isServed);
}

function countRequest(
  exchange: Exchange,
  { tenant, model }: Names,
  endedTickMs: number,
  metrics: Metrics,
): void {
  const { endpoint, end, startedTickMs, isStream } = exchange;
  const attempt = lastAttempt(exchange);
  const provider = attempt === undefined ? noneValue : metrics.caps.provider.of(attempt.provider);
  const cache = exchange.cache?.outcome ?? "none";
  const failure = end?.outcome.kind === "failed" ? end.outcome.failure : undefined;
  const code = String(failure?.status ?? 200);
  const isInternal = isSystemTenant(exchange.caller.tenantId);
  const route = isInternal ? "internal" : endpoint;
  metrics.requests.with(tenant, model, provider, route, code, cache).inc();
  // Errors are what users got: what a judge or a check came to has metrics of its own.
  if (failure !== undefined && !isInternal) {
    metrics.errors.with(provider, errorTypeOf(failure)).inc();
  }
  const seconds = (endedTickMs - startedTickMs) / 1_000;
  const traceId = exemplarOf(exchange);
  metrics.requestDuration.with(route, isStream ? "true" : "false", cache).observe(seconds, traceId);
}

/** Only of what is recorded: other traces cannot be found. */
const exemplarOf = ({ trace }: Exchange): string | undefined =>
  isTraced(trace) ? trace.traceId : undefined;

function observeStages(exchange: Exchange, endedTickMs: number, { overhead }: Metrics): void {
  const { authenticate, read, bodyWait, cache, admit } = exchange.stages;
  const waitedMs = bodyWait + pausesMs(exchange.attempts);
  const totalMs = Math.max(0, overheadMs(exchange, endedTickMs) - waitedMs);
  overhead.with("total").observe(totalMs / 1_000);
  if (authenticate !== undefined) overhead.with("authenticate").observe(authenticate / 1_000);
  if (read !== undefined) overhead.with("read").observe(read / 1_000);
  if (cache !== undefined) overhead.with("cache").observe(cache / 1_000);
  if (admit !== undefined) overhead.with("admit").observe(admit / 1_000);
  // The accountant comes right before this and begins when the exchange has ended.
  overhead.with("account").observe((performance.now() - endedTickMs) / 1_000);
}

/** Between attempts: a pause before a retry is no work of ours, and would hide how much that is. */
function pausesMs(attempts: readonly Attempt[]): number {
  let pauses = 0;
  for (let at = 1; at < attempts.length; at++) {
    const before = attempts[at - 1]?.answeredTickMs;
    const after = attempts[at]?.startedTickMs;
    if (before !== undefined && after !== undefined) pauses += Math.max(0, after - before);
  }
  return pauses;
}

function countAttempts(
  exchange: Exchange,
  model: string,
  endedTickMs: number,
  metrics: Metrics,
): void {
  const { attempts } = exchange;
  countPassedOver(exchange, metrics);
  let before: Attempt | undefined;
  for (const attempt of attempts) {
    const provider = metrics.caps.provider.of(attempt.provider);
    const outcome = outcomeOf(attempt, exchange);
    const seconds = (attemptEndTickMs(exchange, attempt) - attempt.startedTickMs) / 1_000;
    metrics.upstreamDuration.with(provider, model, outcome).observe(seconds, exemplarOf(exchange));
    if (before !== undefined) countAgain(before, attempt, exchange, metrics);
    before = attempt;
  }
  if (before !== undefined && exchange.isStream) {
    observeTokenTimes(
      exchange,
      { provider: metrics.caps.provider.of(before.provider), model },
      endedTickMs,
      metrics,
    );
  }
}

/** A target whose circuit is open is not even asked, and another one stands in for it. */
function countPassedOver({ route, attempts }: Exchange, metrics: Metrics): void {
  const [first] = attempts;
  const [preferred] = route?.candidates ?? [];
  // Elsewhere the first candidate is no more wanted than the others.
  if (first === undefined || preferred === undefined || route?.strategy !== "priority") return;
  if (route.candidates.length === 1 || preferred === `${first.provider}/${first.model}`) return;
  const from = metrics.caps.provider.of(preferred.slice(0, preferred.indexOf("/")));
  metrics.fallbacks.with(from, metrics.caps.provider.of(first.provider)).inc();
}

/** The same target once more, or another one. */
function countAgain(before: Attempt, attempt: Attempt, exchange: Exchange, metrics: Metrics): void {
  const from = metrics.caps.provider.of(before.provider);
  if (before.provider !== attempt.provider || before.model !== attempt.model) {
    metrics.fallbacks.with(from, metrics.caps.provider.of(attempt.provider)).inc();
    return;
  }
  const outcome = outcomeOf(before, exchange);
  if (outcome !== "ok" && outcome !== "canceled") metrics.upstreamRetries.with(from, outcome).inc();
}

/** Of streams alone: nobody sees when the first token of a whole answer is there. */
function observeTokenTimes(
  exchange: Exchange,
  { provider, model }: { readonly provider: string; readonly model: string },
  endedTickMs: number,
  metrics: Metrics,
): void {
  const { firstTokenTickMs, startedTickMs, account, end } = exchange;
  if (firstTokenTickMs === undefined) return;
  const firstSeconds = (firstTokenTickMs - startedTickMs) / 1_000;
  metrics.timeToFirstToken.with(provider, model).observe(firstSeconds, exemplarOf(exchange));
  const { outputTokens = 0, source } = account?.usage ?? {};
  // One that was cut says little, and an estimate nothing.
  if (outputTokens < 2 || source !== "provider" || end?.outcome.kind !== "ok") return;
  const seconds = (endedTickMs - firstTokenTickMs) / 1_000 / (outputTokens - 1);
  metrics.timePerOutputToken.with(provider, model).observe(seconds);
}

function countAccount(account: Account, { tenant, model }: Names, metrics: Metrics): void {
  for (const { attempt, usage, cost } of account.attempts) {
    const provider = metrics.caps.provider.of(attempt.provider);
    metrics.cost.with(tenant, model, provider, cost.status).inc(cost.nanoUsd);
    if (usage === undefined) continue;
    const { tokens } = metrics;
    tokens.with(tenant, model, provider, "input").inc(usage.inputTokens);
    tokens.with(tenant, model, provider, "output").inc(usage.outputTokens);
    if (usage.cachedInputTokens > 0) {
      tokens.with(tenant, model, provider, "cached_input").inc(usage.cachedInputTokens);
    }
    if (usage.reasoningTokens > 0) {
      tokens.with(tenant, model, provider, "reasoning").inc(usage.reasoningTokens);
    }
  }
}

function countCache({ cache }: Exchange, { tenant, model }: Names, metrics: Metrics): void {
  if (cache === undefined) return;
  const isBroken = cache.outcome === "miss" && cache.isBroken === true;
  metrics.cacheLookups.with(isBroken ? "error" : cache.outcome).inc();
  if (cache.outcome === "bypass") return;
  if (cache.similarity !== undefined) {
    metrics.cacheSimilarity.with(isHit(cache) ? "hit" : "miss").observe(cache.similarity);
  }
  if (!isHit(cache) || cache.saved === undefined) return;
  const { nanoUsd, inputTokens, outputTokens } = cache.saved;
  metrics.cacheSavedUsd.with(tenant, model).inc(nanoUsd);
  metrics.cacheSavedTokens.with(tenant, model).inc(inputTokens + outputTokens);
}
