import { askCapped, dayName } from "./jobs/capped-ask.ts";
import type { CappedAskDeps, CappedCall } from "./jobs/capped-ask.ts";
import { openJobHealth } from "./jobs/job-health.ts";
import type { JobHealth } from "./jobs/job-health.ts";
import {
  anchorsKind,
  anchorsRunMsMax,
  enqueueAnchorRuns,
  judgeAnchors,
} from "./jobs/judge-anchors.ts";
import { judgeExchange } from "./jobs/judge-exchange.ts";
import type { Evaluated } from "./jobs/judge-exchange.ts";
import { logJobEvents } from "./jobs/log-job-events.ts";
import { openJobRunner } from "./jobs/runner.ts";
import type { JobRunner } from "./jobs/runner.ts";
import { nanoUsdFrom } from "./lib/usd.ts";
import type { Ask as AskJudge } from "./pipeline/judge/asking/ask-judge.ts";
import { openEvaluators } from "./pipeline/judge/evaluators/evaluators.ts";
import type { Evaluators } from "./pipeline/judge/evaluators/evaluators.ts";
import { freshNonce } from "./pipeline/judge/asking/fresh-nonce.ts";
import { judgeComplaint } from "./pipeline/judge/sampling/judge-complaint.ts";
import { judgeJobId, judgeKind } from "./pipeline/judge/sampling/judge-job.ts";
import { judgePolicyOf } from "./pipeline/judge/sampling/judge-policy-of.ts";
import { judge } from "./pipeline/judge/asking/judge.ts";
import type { JudgeTask } from "./pipeline/judge/asking/judge.ts";
import { judging } from "./pipeline/judge/sampling/judging.ts";
import { modelLimits } from "./pipeline/judge/asking/model-limits.ts";
import { RecentExchanges } from "./pipeline/judge/sampling/recent-exchanges.ts";
import type { Verdict } from "./pipeline/judge/asking/verdict.ts";
import type { ExchangeSink } from "./pipeline/settle.ts";
import { addEvaluationSpan } from "./pipeline/tracing/evaluation-span.ts";
import type { JudgeRoutesDeps } from "./http/routes/admin/judge-deps.ts";
import type { AuditRoutesDeps } from "./http/routes/v1/audit.ts";
import type { FeedbackRoutesDeps } from "./http/routes/v1/feedback.ts";
import { judgeCaller, judgeTenantId, systemTenant } from "./tenants/system-tenant.ts";
import type { Accounting } from "./wiring-accounting.ts";
import type { Measuring } from "./wiring-metrics.ts";
import type { Routing } from "./wiring-routing.ts";
import type { Ask } from "./wiring-semantic.ts";
import type { JobsOf, StoreTools } from "./wiring-stores.ts";
import type { Tracing } from "./wiring-tracing.ts";

/** Answers judged, and the jobs by which that is done. */
export interface Judging {
  /** Before the accountant's: what is to be judged is journalled before the request's own record. */
  readonly sink: ExchangeSink;
  readonly evaluators: Evaluators;
  readonly jobs: JobsOf;
  readonly health: JobHealth;
  /** Judges one text now, for the platform's admin. */
  readonly evaluate: JudgeRoutesDeps["evaluate"];
  readonly onNegative: FeedbackRoutesDeps["onNegative"];
  /** A request's text is to be erased: what is not judged yet of it never is. */
  readonly forget: AuditRoutesDeps["forgetJudged"];
  /** κ on the anchors, as far as this process knows. */
  readonly anchorKappas: () => readonly AnchorKappa[];
  /** Reads them again, where somebody has calibrated. */
  refreshAnchors(): void;
  /** Jobs may run: what they ask is put together. */
  start(): void;
  /** No job is begun any more; those that run go on. */
  stopClaiming(): void;
}

export interface AnchorKappa {
  readonly evaluator: string;
  readonly baseline: number | null;
  readonly latest: number | null;
}

export interface JudgingParts {
  readonly accounting: Accounting;
  readonly routing: Routing;
  readonly measuring: Measuring;
  readonly tracing: Tracing;
  readonly judges: Parameters<Evaluators["reload"]>[0];
  readonly ask: Ask;
}

/** For the provider: a verdict is some hundred words. */
const judgeMs = 60_000;
const anchorsEveryMs = 600_000;
/**
 * Jobs that are over are remembered for so long at least, and for longer than the journal can tell of them again: the
 * anchors' own are enqueued all day. Each has some hundred bytes in Redis' memory.
 */
const overMsMin = 2 * 86_400_000;

export async function openJudging(parts: JudgingParts, tools: StoreTools): Promise<Judging> {
  const { accounting } = parts;
  const { settings, clock, log, opening } = tools;
  const { stores } = accounting;
  const nowMs = (): number => clock.epochMs();
  const jobs = stores.openJobs();
  const evaluators = opening.use(
    await openEvaluators({
      store: stores.judges,
      judges: parts.judges,
      onError: (error) => {
        log.warn({ err: error }, "stored evaluators were not read; those known already are used");
      },
    }),
  );
  const health = opening.use(
    openJobHealth({
      store: jobs,
      clock,
      stalledMs: settings.jobs.stalledMs,
      runMs: { [anchorsKind]: anchorsRunMsMax },
    }),
  );
  const judgeWithin = judgeIn(jobs, parts, tools);
  const kappas = anchorKappas(parts, tools);
  const recent = new RecentExchanges(nowMs);
  const { journal } = accounting;
  let runner: JobRunner | undefined;
  const start = (): void => {
    opening.use(anchorSchedule(jobs, kappas.refresh, parts, tools));
    if (settings.jobs.concurrency === 0) return;
    runner = opening.use(
      openRunner({ jobs, evaluators, judgeWithin, onAnchorRun: kappas.refresh }, parts, tools),
    );
  };
  return {
    sink: judging({
      journal,
      recent,
      onError: (error, exchange) => {
        log.error({ err: error, request_id: exchange.id }, "an answer was not given to the judge");
      },
    }),
    evaluators,
    jobs,
    health,
    evaluate: ({ evaluator, model, judged }, signal) =>
      judgeWithin({ evaluator, model, judged, signal }, undefined),
    onNegative: ({ caller, requestId, record }) => {
      const policy = judgePolicyOf(caller);
      if (policy === undefined) return;
      const complaint = { tenantId: caller.tenantId, requestId, policy, record };
      judgeComplaint(complaint, { journal, recent, auditLog: stores.auditLog }).catch(
        (error: unknown) => {
          log.warn({ err: error, request_id: requestId }, "a complaint was not given to the judge");
        },
      );
    },
    forget: forgetter(jobs, evaluators, recent, log),
    anchorKappas: kappas.known,
    refreshAnchors: kappas.refresh,
    start,
    stopClaiming: () => {
      runner?.stopClaiming();
    },
  };
}

function forgetter(
  jobs: JobsOf,
  evaluators: Evaluators,
  recent: RecentExchanges,
  log: StoreTools["log"],
): Judging["forget"] {
  return async (tenantId, requestId) => {
    const isRecent = recent.take(tenantId, requestId) !== undefined;
    const names = evaluators.list().map(({ evaluator }) => evaluator.name);
    const cancelled: readonly boolean[] = await Promise.all(
      names.map((name) => jobs.cancel(judgeJobId(requestId, name))),
    ).catch((error: unknown) => {
      log.warn(
        { err: error, request_id: requestId },
        "what is to be judged of it was not forgotten",
      );
      return [false];
    });
    return isRecent || cancelled.includes(true);
  };
}

/** What one tenant's judging may cost in a day; undefined: the operator's own. */
interface TenantLimit {
  readonly tenantId: string;
  readonly nanoUsd: number | undefined;
  readonly tokens: number | undefined;
}

type JudgeWithin = (
  task: Omit<JudgeTask, "ask">,
  limit: TenantLimit | undefined,
) => Promise<Verdict>;

/** Judges by asking through the gateway, within the caps of the day. */
function judgeIn(
  jobs: JobsOf,
  { accounting, routing, measuring, ask }: JudgingParts,
  { settings, clock, log }: StoreTools,
): JudgeWithin {
  const nowMs = (): number => clock.epochMs();
  const platform = {
    id: "platform",
    limit: { nanoUsd: nanoUsdFrom(settings.judge.dailyBudgetUsd), tokens: undefined },
  };
  const deps: CappedAskDeps = {
    caps: jobs,
    targetsOf: async (model) => (await routing.table.current.find(model)).targets,
    quoteOf: (provider, model) => routing.table.quoteOf(provider, model),
    nowMs,
    onOverrun: (used, reserved) => {
      log.warn(
        { used, reserved },
        "a judge's provider has counted more than the request allowed; the day's cap may be exceeded by it",
      );
    },
    onError: (error) => {
      log.warn({ err: error }, "what judging cost was not noted; it stays reserved for the day");
    },
  };
  const tools = { limits: modelLimits(), random: Math.random, nonce: freshNonce };
  const makeTenant = once(() =>
    accounting.stores.tenants.createTenant(systemTenant(nowMs(), judgeTenantId)),
  );
  return (task, limit) => {
    const caller = judgeCaller(limit?.tenantId);
    const caps =
      limit === undefined ? [platform] : [{ id: `tenant:${limit.tenantId}`, limit }, platform];
    const askJudge: AskJudge = ({ body, signal, noteSpend }) => {
      const call: CappedCall<{ readonly value: typeof body }> = {
        body,
        caps,
        mustBePriced: limit?.nanoUsd !== undefined,
        ask: (used) =>
          ask({
            caller,
            body,
            signal,
            timeoutMs: judgeMs,
            noteSpend: (spend) => {
              const { nanoUsd, inputTokens, outputTokens } = spend;
              noteSpend(spend);
              used({ nanoUsd, tokens: inputTokens + outputTokens });
              measuring.judging.onSpent(limit?.tenantId, nanoUsd);
            },
          }),
      };
      makeTenant();
      return askCapped(call, deps);
    };
    return judge({ ...task, ask: askJudge }, tools);
  };
}

/** Reports name only tenants that there are; nothing else depends on it, and it is tried once more at the next start. */
function once(work: () => Promise<unknown>): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    work().catch(() => {
      isDone = false;
    });
  };
}

interface RunnerParts {
  readonly jobs: JobsOf;
  readonly evaluators: Evaluators;
  readonly judgeWithin: JudgeWithin;
  readonly onAnchorRun: () => void;
}

function openRunner(
  { jobs, evaluators, judgeWithin, onAnchorRun }: RunnerParts,
  { accounting, measuring, tracing }: JudgingParts,
  { settings, clock, log }: StoreTools,
): JobRunner {
  const findEvaluator = (reference: string) => evaluators.look(reference);
  const onEvaluated = (evaluated: Evaluated): void => {
    measuring.judging.onEvaluated(evaluated.data);
    const { trace, startedEpochMs } = evaluated;
    if (trace === null || tracing.spans === undefined) return;
    addEvaluationSpan(tracing.spans, {
      ...evaluated,
      trace,
      startEpochMs: startedEpochMs,
      endEpochMs: clock.epochMs(),
    });
  };
  return openJobRunner({
    store: jobs,
    handlers: {
      [judgeKind]: judgeExchange({
        findEvaluator,
        judge: ({ tenantId, limit, ...task }) => judgeWithin(task, { tenantId, ...limit }),
        record: async (amendment) => {
          const { journal } = accounting;
          journal.record(amendment);
          // A disk that fails is the journal's to tell; what it does not take waits in memory.
          await journal.sync().catch(() => undefined);
        },
        onEvaluated,
        nowMs: () => clock.epochMs(),
      }),
      [anchorsKind]: judgeAnchors({
        store: accounting.stores.judges,
        findEvaluator,
        judge: (task) => judgeWithin(task, undefined),
        onRun: onAnchorRun,
      }),
    },
    concurrency: settings.jobs.concurrency,
    leaseMs: settings.jobs.leaseMs,
    overMs: Math.max(overMsMin, 2 * settings.accounting.journalKeepMs),
    worker: accounting.journal.writer,
    clock,
    random: Math.random,
    onEvent: logJobEvents(log),
  });
}

/** Every ten minutes: whoever comes first on a day enqueues the day's look at the anchors. */
function anchorSchedule(
  jobs: JobsOf,
  refresh: () => void,
  { accounting }: JudgingParts,
  { clock, log }: StoreTools,
): Disposable {
  const enqueue = (): void => {
    const judges = accounting.stores.judges;
    enqueueAnchorRuns({ judges, jobs }, clock.epochMs()).catch((error: unknown) => {
      log.warn(
        { err: error, day: dayName(clock.epochMs()) },
        "anchors were not enqueued; it is tried again",
      );
    });
    refresh();
  };
  enqueue();
  const timer = setInterval(enqueue, anchorsEveryMs).unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}

/** Kept in memory, so that a scrape never waits for the store. */
function anchorKappas({ accounting }: JudgingParts, { log }: StoreTools) {
  let known: readonly AnchorKappa[] = [];
  const read = async (): Promise<void> => {
    const { judges } = accounting.stores;
    const all = await judges.listCalibrations();
    const withAnchors = all.filter(({ anchors }) => anchors !== null);
    // Of an evaluator the calibration that was made last: its series has one value.
    const newest = withAnchors.filter(
      ({ evaluator }, at) => withAnchors.findIndex((one) => one.evaluator === evaluator) === at,
    );
    const runs = await judges.listAnchorRuns(newest.map(({ id }) => id));
    known = newest.map(({ evaluator, anchors }, at) => ({
      evaluator,
      baseline: anchors?.kappa ?? null,
      latest: runs[at]?.[0]?.kappa ?? null,
    }));
  };
  return {
    known: () => known,
    refresh: (): void => {
      read().catch((error: unknown) => {
        log.warn({ err: error }, "the judge's anchors were not read; their figures are older");
      });
    },
  };
}
