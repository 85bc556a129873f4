import type { JobCounts } from "./jobs/job-store.ts";
import type { PartHealth } from "./lib/part-health.ts";
import { nanoUsdPerUsd } from "./lib/usd.ts";
import { BudgetGauges } from "./pipeline/metrics/budget-gauges.ts";
import { exchangeMetrics } from "./pipeline/metrics/exchange-metrics.ts";
import { RunningExchanges } from "./pipeline/metrics/running-exchanges.ts";
import type { TenantAudits } from "./pipeline/cache/semantic-tier.ts";
import { judgeKind } from "./pipeline/judge/sampling/judge-job.ts";
import type { ExchangeSink } from "./pipeline/settle.ts";
import type { JournalStats } from "./stores/disk/disk-journal.ts";
import type { EvaluationData } from "./pipeline/judge/scores/evaluation.ts";
import { measured } from "./telemetry/measured-store.ts";
import { noneValue } from "./telemetry/metrics/label.ts";
import { errorTypes } from "./telemetry/metrics/label-values.ts";
import { addNodeMetrics } from "./telemetry/metrics/node-metrics.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { judgeTenantId } from "./tenants/system-tenant.ts";
import { commit, version } from "./version.ts";
import type { Accounting, AccountingListener } from "./wiring-accounting.ts";
import type { Caching } from "./wiring-cache.ts";
import type { AnchorKappa } from "./wiring-judge-jobs.ts";
import type { Judging } from "./wiring-judging.ts";
import type { RouteTable } from "./wiring-routes.ts";
import type { Stores, StoreTools } from "./wiring-stores.ts";

/** What counts, from the first part that is opened on. */
export interface Measuring {
  readonly metrics: Metrics;
  /** After the accountant's. */
  readonly sink: ExchangeSink;
  /** Those that have begun; the sink takes them out again. */
  readonly running: RunningExchanges;
  readonly accounting: AccountingListener;
  readonly stores: (stores: Stores) => Stores;
  readonly judging: JudgingListener;
  readonly onSpansDropped: (reason: string, count: number) => void;
  /** Has every part say how it is before figures are read. */
  collectFrom(parts: MeasuredParts): void;
  /** A configuration was taken into use, or was not. */
  noteReload(result: "success" | "failure", table: RouteTable): void;
}

/** Who hears of what is judged. */
export interface JudgingListener {
  /** A call of the judge's; without a tenant it was the operator's own. */
  onSpent(tenantId: string | undefined, nanoUsd: number): void;
  onEvaluated(data: EvaluationData): void;
}

export interface MeasuredParts {
  readonly accounting: Pick<Accounting, "journal">;
  readonly caching: Pick<Caching, "audits">;
  readonly table: RouteTable;
  readonly judging: Pick<Judging, "health" | "anchorKappas">;
  readonly healths: readonly PartHealth[];
}

export function openMeasuring({ settings, clock, log }: StoreTools): Measuring {
  const metrics = createMetrics({
    version,
    commit,
    tenantsMax: settings.metricsTenantsMax,
    onCollectFailure: (error) => {
      log.warn({ err: error }, "some figures of the metrics are older than the scrape");
    },
  });
  const running = new RunningExchanges();
  const budgets = new BudgetGauges(settings.metricsTenantsMax);
  metrics.errors.declare([noneValue], errorTypes);
  addNodeMetrics(metrics.registry);
  const onError = (error: unknown): void => {
    log.error({ err: error }, "a request was not counted in the metrics");
  };
  return {
    metrics,
    sink: exchangeMetrics({ metrics, running, budgets, onError }),
    running,
    accounting: {
      onSpent: (spent) => {
        budgets.noteSpent(spent);
      },
      onStoreFailed: (store, operation) => {
        metrics.storeErrors.with(store, operation).inc();
      },
    },
    judging: {
      onSpent: (tenantId, nanoUsd) => {
        metrics.judgeCostUsd.with(metrics.caps.tenant.of(tenantId ?? judgeTenantId)).inc(nanoUsd);
      },
      onEvaluated: (data) => {
        countEvaluation(data, metrics);
      },
    },
    stores: (stores) => measuredStores(stores, metrics),
    onSpansDropped: (reason, count) => {
      metrics.spansDropped.with(reason).inc(count);
    },
    noteReload: (result, table) => {
      metrics.configReloads.with(result).inc();
      nameRoutes(table, metrics);
    },
    collectFrom: (parts) => {
      nameRoutes(parts.table, metrics);
      const journalCounts = new JournalCounts(metrics);
      metrics.registry.onCollect(() => {
        showRunning(running, parts.table, metrics);
        showBudgets(budgets, clock.epochMs(), metrics);
        showCircuits(parts.table, metrics);
        journalCounts.show(parts.accounting.journal);
        showAudits(parts.caching.audits(), metrics);
        showJobs(parts.judging.health.figures().counts, metrics);
        showAnchors(parts.judging.anchorKappas(), metrics);
        for (const part of parts.healths) {
          metrics.degraded.with(part.name).set(part.isDegraded ? 1 : 0);
        }
      });
    },
  };
}

function measuredStores(stores: Stores, metrics: Metrics): Stores {
  return {
    ...stores,
    tenants: measured(stores.tenants, "tenants", metrics),
    providers: measured(stores.providers, "providers", metrics),
    prices: measured(stores.prices, "prices", metrics),
    owners: measured(stores.owners, "responses", metrics),
    auditLog: measured(stores.auditLog, "audit", metrics),
    usageLedger: measured(stores.usageLedger, "usage", metrics),
    judges: measured(stores.judges, "judges", metrics),
    openJobs: () => measured(stores.openJobs(), "jobs", metrics),
    openLimits: async () => measured(await stores.openLimits(), "limits", metrics),
    openExactCache: async (health, onPurge) =>
      measured(await stores.openExactCache(health, onPurge), "cache", metrics),
    openSemanticStore: async (health) =>
      measured(await stores.openSemanticStore(health), "semantic_cache", metrics),
  };
}

function showRunning(running: RunningExchanges, table: RouteTable, metrics: Metrics): void {
  const { streams, wholes, byProvider } = running.count();
  metrics.inflightRequests.with("true").set(streams);
  metrics.inflightRequests.with("false").set(wholes);
  const { upstreamInflightRequests: inflight, caps } = metrics;
  inflight.clear();
  for (const name of table.providerNames) inflight.with(caps.provider.of(name)).set(0);
  for (const [name, count] of byProvider) inflight.with(caps.provider.of(name)).inc(count);
}

/** Tenants beyond the cap have no name, and a budget of theirs no series. */
function showBudgets(budgets: BudgetGauges, epochMs: number, metrics: Metrics): void {
  metrics.budgetLimit.clear();
  metrics.budgetRemaining.clear();
  for (const { tenantId, period, limitNanoUsd, remainingNanoUsd } of budgets.now(epochMs)) {
    const tenant = metrics.caps.tenant.of(tenantId);
    metrics.budgetLimit.with(tenant, period).set(limitNanoUsd / nanoUsdPerUsd);
    if (remainingNanoUsd === undefined) continue;
    metrics.budgetRemaining.with(tenant, period).set(remainingNanoUsd / nanoUsdPerUsd);
  }
}

/** What is configured has its place in the metrics before clients make up names, and before it is served. */
function nameRoutes(table: RouteTable, { caps, errors }: Metrics): void {
  for (const name of table.modelNames) caps.model.of(name);
  for (const name of table.providerNames) errors.declare([caps.provider.of(name)], errorTypes);
}

function showCircuits(table: RouteTable, { caps, circuitState }: Metrics): void {
  circuitState.clear();
  for (const providerName of table.providerNames) {
    for (const { model, breaker } of table.statusOf(providerName)?.targets ?? []) {
      const target = caps.target.of(`${providerName}/${model}`);
      circuitState.with(target, "closed").set(breaker === "closed" ? 1 : 0);
      circuitState.with(target, "open").set(breaker === "open" ? 1 : 0);
      circuitState.with(target, "half_open").set(breaker === "half-open" ? 1 : 0);
    }
  }
}

/** What was audited too little to say anything of has no series. */
function showAudits(audits: readonly TenantAudits[], metrics: Metrics): void {
  const { cacheSemanticErrorRatio: ratio, cacheSemanticMaxErrorRatio: accepted, caps } = metrics;
  ratio.clear();
  accepted.clear();
  for (const { tenantId, maxError, channels } of audits) {
    const tenant = caps.tenant.of(tenantId);
    accepted.with(tenant).set(maxError);
    for (const channel of ["CN", "CS"] as const) {
      const { errors, trials, interval } = channels[channel];
      if (trials === 0) continue;
      ratio.with(tenant, channel, "estimate").set(errors / trials);
      ratio.with(tenant, channel, "lower").set(interval.low);
      ratio.with(tenant, channel, "upper").set(interval.high);
    }
  }
}

function countEvaluation(
  { evaluator, score, failure }: EvaluationData,
  { caps, judgeScore, judgeFailures }: Metrics,
): void {
  const name = caps.evaluator.of(evaluator);
  if (score !== null) judgeScore.with(name).observe(score);
  if (failure !== null) judgeFailures.with(name, failure).inc();
}

function showJobs(counts: readonly JobCounts[], { jobs, judgeOldestJob }: Metrics): void {
  jobs.clear();
  for (const { kind, waiting, delayed, running, dead } of counts) {
    jobs.with(kind, "waiting").set(waiting - delayed);
    jobs.with(kind, "delayed").set(delayed);
    jobs.with(kind, "running").set(running);
    jobs.with(kind, "dead").set(dead);
  }
  const oldestMs = counts.find(({ kind }) => kind === judgeKind)?.oldestMs ?? 0;
  judgeOldestJob.with().set(oldestMs / 1_000);
}

function showAnchors(kappas: readonly AnchorKappa[], { caps, judgeAnchorKappa }: Metrics): void {
  judgeAnchorKappa.clear();
  for (const { evaluator, baseline, latest } of kappas) {
    const name = caps.evaluator.of(evaluator);
    if (baseline !== null) judgeAnchorKappa.with(name, "baseline").set(baseline);
    if (latest !== null) judgeAnchorKappa.with(name, "latest").set(latest);
  }
}

/** The journal keeps its own counts; what was added to them since the last look is added here. */
class JournalCounts {
  readonly #metrics: Metrics;
  #shown: JournalStats["dropped"] = { payloads: 0, jobs: 0, starts: 0, records: 0 };

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  show(journal: Accounting["journal"]): void {
    const { journalBytes, journalLagRecords, journalDiskBytes, auditDropped } = this.#metrics;
    const { bytes, dropped } = journal.stats;
    journalDiskBytes.with().set(bytes);
    journalBytes.clear(); // A sink that is fed no more is behind with nothing.
    journalLagRecords.clear();
    for (const lag of journal.lags()) {
      journalBytes.with(lag.sink).set(lag.bytes);
      journalLagRecords.with(lag.sink).set(lag.lines);
    }
    auditDropped.with("payload").inc(dropped.payloads - this.#shown.payloads);
    auditDropped.with("job").inc(dropped.jobs - this.#shown.jobs);
    auditDropped.with("start").inc(dropped.starts - this.#shown.starts);
    auditDropped.with("record").inc(dropped.records - this.#shown.records);
    this.#shown = { ...dropped };
  }
}
