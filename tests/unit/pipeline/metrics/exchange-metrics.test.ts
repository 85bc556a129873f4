import { expect, test } from "vitest";

import { Failure } from "../../../../src/errors.ts";
import type { Account } from "../../../../src/pipeline/cost/account.ts";
import type { CountedUsage } from "../../../../src/pipeline/cost/used.ts";
import type { Exchange } from "../../../../src/pipeline/exchange.ts";
import { BudgetGauges } from "../../../../src/pipeline/metrics/budget-gauges.ts";
import { exchangeMetrics } from "../../../../src/pipeline/metrics/exchange-metrics.ts";
import { RunningExchanges } from "../../../../src/pipeline/metrics/running-exchanges.ts";
import type { Attempt } from "../../../../src/providers/provider.ts";
import { expositionText } from "../../../../src/telemetry/metrics/exposition.ts";
import { createMetrics } from "../../../../src/telemetry/metrics.ts";
import { checkCaller, judgeCaller } from "../../../../src/tenants/system-tenant.ts";
import { endedExchange } from "../../../support/exchanges.ts";

/** What the metrics show after these exchanges: the samples that are not 0, in their order. */
function counted(...exchanges: readonly Exchange[]): readonly string[] {
  const metrics = createMetrics({ version: "1", onCollectFailure: fail });
  const running = new RunningExchanges();
  const sink = exchangeMetrics({ metrics, running, budgets: new BudgetGauges(100), onError: fail });
  metrics.caps.model.of("fast");
  for (const exchange of exchanges) sink.record(exchange);
  return expositionText(metrics.registry.snapshots(), "prometheus")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !line.endsWith(" 0"));
}

function fail(error: unknown): void {
  throw error instanceof Error ? error : new Error("it failed");
}

const of = (name: string, samples: readonly string[]): readonly string[] =>
  samples
    .filter((sample) => new RegExp(`^sentinel_${name}[{ ]`).test(sample))
    .map((sample) => sample.slice("sentinel_".length));

const failedWith = (failure: Failure): Pick<Exchange, "end"> => ({
  end: { outcome: { kind: "failed", failure }, tickMs: 120 },
});

const usage: CountedUsage = {
  inputTokens: 10,
  cachedInputTokens: 4,
  cacheWriteTokens: 0,
  outputTokens: 21,
  reasoningTokens: 5,
  source: "provider",
};

function accountOf(attempts: readonly Attempt[], nanoUsd: number): Account {
  const [served] = attempts.slice(-1);
  if (served === undefined) throw new Error("nobody was asked");
  const cost = { nanoUsd, status: "exact" } as const;
  return { attempts: [{ attempt: served, usage, cost }], usage, cost, quote: undefined };
}

test("an answered request counts once, with its tokens and its exact cost", () => {
  const exchange = endedExchange();
  const samples = counted({ ...exchange, account: accountOf(exchange.attempts, 123_450) });
  const labels = 'tenant="acme",model="fast",provider="openai"';
  expect(of("requests_total", samples)).toEqual([
    `requests_total{${labels},route="chat",code="200",cache="none"} 1`,
  ]);
  expect(of("tokens_total", samples)).toEqual([
    `tokens_total{${labels},type="input"} 10`,
    `tokens_total{${labels},type="output"} 21`,
    `tokens_total{${labels},type="cached_input"} 4`,
    `tokens_total{${labels},type="reasoning"} 5`,
  ]);
  expect(of("cost_usd_total", samples)).toEqual([
    `cost_usd_total{${labels},status="exact"} 0.000123450`,
  ]);
  expect(of("errors_total", samples)).toEqual([]);
  expect(of("overhead_seconds_sum", samples)).toContain('overhead_seconds_sum{stage="total"} 0.01');
});

test("what Sentinel asks on its own is no model call of users, and its failures are no errors of theirs", () => {
  const failed = failedWith(new Failure("upstream_error", "it is down"));
  const exchange = endedExchange(failed);
  const samples = counted(
    { ...exchange, caller: judgeCaller("acme") },
    { ...exchange, caller: checkCaller("acme", { allUsd: "1", tenantUsd: "1" }) },
  );
  expect(of("requests_total", samples)).toEqual([
    expect.stringMatching(/tenant="sentinel-judge",.*route="internal",code="502"/),
    expect.stringMatching(/tenant="sentinel",.*route="internal",code="502"/),
  ]);
  expect(of("request_duration_seconds_count", samples)).toEqual([
    'request_duration_seconds_count{route="internal",stream="false",cache="none"} 2',
  ]);
  expect(of("errors_total", samples)).toEqual([]);
});

test("a client who left is no error of anybody else", () => {
  const failure = new Failure("client_closed_request", "gone");
  const samples = counted(endedExchange(failedWith(failure)));
  expect(of("errors_total", samples)).toEqual([
    'errors_total{provider="openai",type="caller_disconnected"} 1',
  ]);
  expect(of("upstream_duration_seconds_count", samples)).toEqual([
    'upstream_duration_seconds_count{provider="openai",model="fast",outcome="canceled"} 1',
  ]);
});

test("retries and fallbacks count by what came before them", () => {
  const failed = { errorKind: "upstream_error", status: 502, answeredTickMs: 20 } as const;
  const limited = { errorKind: "provider_rejected", status: 429, answeredTickMs: 30 } as const;
  const attempts: Attempt[] = [
    { provider: "openai", model: "gpt-4o-mini", startedTickMs: 10, ...failed },
    { provider: "openai", model: "gpt-4o-mini", startedTickMs: 20, ...limited },
    { provider: "claude", model: "haiku", startedTickMs: 30, answeredTickMs: 110, status: 200 },
  ];
  const samples = counted(endedExchange({ attempts }));
  expect(of("upstream_retries_total", samples)).toEqual([
    'upstream_retries_total{provider="openai",reason="error"} 1',
  ]);
  expect(of("fallbacks_total", samples)).toEqual(['fallbacks_total{from="openai",to="claude"} 1']);
  expect(of("upstream_duration_seconds_count", samples)).toEqual([
    'upstream_duration_seconds_count{provider="openai",model="fast",outcome="error"} 1',
    'upstream_duration_seconds_count{provider="openai",model="fast",outcome="rate_limited"} 1',
    'upstream_duration_seconds_count{provider="claude",model="fast",outcome="ok"} 1',
  ]);
});

test("a first choice that is not even asked is fallen back from, too", () => {
  const candidates = ["claude/haiku", "openai/gpt-4o-mini"];
  const route = { name: "fast", candidates, pinned_to: null };
  const samples = counted(
    endedExchange({ route: { ...route, strategy: "priority" } }),
    endedExchange({ route: { ...route, strategy: "weighted" } }),
  );
  expect(of("fallbacks_total", samples)).toEqual(['fallbacks_total{from="claude",to="openai"} 1']);
});

test("a stream shows when its first token came and how fast the others followed", () => {
  const exchange = endedExchange({ isStream: true, firstTokenTickMs: 60 });
  const samples = counted({ ...exchange, account: accountOf(exchange.attempts, 1) });
  const labels = 'provider="openai",model="fast"';
  expect(of("time_to_first_token_seconds_sum", samples)).toEqual([
    `time_to_first_token_seconds_sum{${labels}} 0.06`,
  ]);
  expect(of("time_per_output_token_seconds_sum", samples)).toEqual([
    `time_per_output_token_seconds_sum{${labels}} 0.003`,
  ]);
  expect(of("upstream_duration_seconds_sum", samples)).toEqual([
    `upstream_duration_seconds_sum{${labels},outcome="ok"} 0.11`,
  ]);
});

test("an answer from the cache has what it saved, and asks nobody", () => {
  const saved = { nanoUsd: 5_000, inputTokens: 3, outputTokens: 4 };
  const from = { from: "00", provider: "openai", servedModel: "gpt-4o-mini" };
  const cache = { outcome: "semantic", similarity: 0.97, saved, ...from } as const;
  const samples = counted(endedExchange({ attempts: [], cache }));
  expect(of("requests_total", samples)).toEqual([
    'requests_total{tenant="acme",model="fast",provider="_none",route="chat",code="200",cache="semantic"} 1',
  ]);
  expect(of("cache_saved_usd_total", samples)).toEqual([
    'cache_saved_usd_total{tenant="acme",model="fast"} 0.000005000',
  ]);
  expect(of("cache_saved_tokens_total", samples)).toEqual([
    'cache_saved_tokens_total{tenant="acme",model="fast"} 7',
  ]);
  expect(of("cache_lookups_total", samples)).toEqual(['cache_lookups_total{outcome="semantic"} 1']);
  expect(of("cache_similarity_count", samples)).toEqual(['cache_similarity_count{result="hit"} 1']);
});

test("a model that was served before the start has its name at its first hit", () => {
  const from = { from: "00", provider: "openai", servedModel: "gpt-4o", saved: undefined };
  const cache = { outcome: "exact", ...from } as const;
  const samples = counted(endedExchange({ model: "openai/gpt-4o", attempts: [], cache }));
  expect(of("requests_total", samples)).toEqual([
    'requests_total{tenant="acme",model="openai/gpt-4o",provider="_none",route="chat",code="200",cache="exact"} 1',
  ]);
});

test("a look-up that failed is told from one that found nothing", () => {
  const samples = counted(
    endedExchange({ cache: { outcome: "miss" } }),
    endedExchange({ cache: { outcome: "miss", isBroken: true } }),
  );
  expect(of("cache_lookups_total", samples)).toEqual([
    'cache_lookups_total{outcome="miss"} 1',
    'cache_lookups_total{outcome="error"} 1',
  ]);
});

test("a refusal names the limit that had no place", () => {
  const failure = new Failure("rate_limit_exceeded", "too many");
  const tokensRefusal = { limit: "tokens", scope: "tenant", max: 1, retryAfterMs: 1 } as const;
  const refused = { attempts: [], refusal: tokensRefusal, ...failedWith(failure) } as const;
  const samples = counted(endedExchange({ ...refused, attempts: [] }));
  expect(of("ratelimit_rejections_total", samples)).toEqual([
    'ratelimit_rejections_total{tenant="acme",limit="tokens"} 1',
  ]);
});

test("a model's name that only a client knows gets no series, and takes no other's place", () => {
  const failure = new Failure("model_not_found", "no such model");
  const made = Array.from({ length: 10_000 }, (_, at) =>
    endedExchange({ model: `made-up-${at}`, attempts: [], ...failedWith(failure) }),
  );
  const samples = counted(...made, endedExchange({ model: "served" }));
  expect(of("requests_total", samples)).toEqual([
    'requests_total{tenant="acme",model="_unknown",provider="_none",route="chat",code="404",cache="none"} 10000',
    'requests_total{tenant="acme",model="served",provider="openai",route="chat",code="200",cache="none"} 1',
  ]);
  expect(of("label_overflow_total", samples)).toEqual([]);
});
