import { dayName } from "./jobs/capped-ask.ts";
import { anchorsKind, enqueueAnchorRuns, judgeAnchors } from "./jobs/judge-anchors.ts";
import { judgeExchange } from "./jobs/judge-exchange.ts";
import type { Evaluated } from "./jobs/judge-exchange.ts";
import { logJobEvents } from "./jobs/log-job-events.ts";
import type { JobHandler } from "./jobs/job-handler.ts";
import { openJobRunner } from "./jobs/runner.ts";
import type { JobRunner } from "./jobs/runner.ts";
import type { Evaluators } from "./pipeline/judge/evaluators/evaluators.ts";
import { judgeKind } from "./pipeline/judge/sampling/judge-job.ts";
import { addEvaluationSpan } from "./pipeline/tracing/evaluation-span.ts";
import type { JudgeWithin } from "./wiring-judge-calls.ts";
import type { JudgingParts } from "./wiring-judging.ts";
import type { JobsOf, StoreTools } from "./wiring-stores.ts";

const anchorsEveryMs = 600_000;
/**
 * Jobs that are over are remembered for so long at least, and for longer than the journal can tell of them again: the
 * anchors' own are enqueued all day. Each has some hundred bytes in Redis' memory.
 */
const overMsMin = 2 * 86_400_000;

/** What the judge's jobs are done with. */
export interface HandlerParts {
  readonly evaluators: Evaluators;
  readonly judgeWithin: JudgeWithin;
  readonly onAnchorRun: () => void;
}

export type JudgeHandlers = Readonly<Record<string, JobHandler>>;

/** How the jobs of the judge are done, and given up. */
export function judgeHandlers(
  { evaluators, judgeWithin, onAnchorRun }: HandlerParts,
  { accounting, measuring, tracing }: JudgingParts,
  { clock }: StoreTools,
): JudgeHandlers {
  const { journal, stores } = accounting;
  const findEvaluator = (reference: string) => evaluators.look(reference);
  const policyNow = async (tenantId: string) => {
    try {
      const tenant = await stores.tenants.getTenant(tenantId);
      return tenant?.policy.judge ?? null;
    } catch {
      return undefined; // A store that is down stops no judging: it is counted by its own metrics.
    }
  };
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
  return {
    [judgeKind]: judgeExchange({
      policyNow,
      findEvaluator,
      judge: ({ tenantId, limit, ...task }) => judgeWithin(task, { tenantId, ...limit }),
      record: async (amendment) => {
        journal.record(amendment);
        // A disk that fails is the journal's to tell; what it does not take waits in memory.
        await journal.sync().catch(() => undefined);
      },
      onEvaluated,
      nowMs: () => clock.epochMs(),
    }),
    [anchorsKind]: judgeAnchors({
      store: stores.judges,
      findEvaluator,
      judge: (task) => judgeWithin(task, undefined),
      onRun: onAnchorRun,
    }),
  };
}

/** Does the jobs of the judge in this process. */
export function openRunner(
  jobs: JobsOf,
  handlers: JudgeHandlers,
  { accounting }: JudgingParts,
  { settings, clock, log }: StoreTools,
): JobRunner {
  return openJobRunner({
    store: jobs,
    handlers,
    concurrency: settings.jobs.concurrency,
    leaseMs: settings.jobs.leaseMs,
    overMs: Math.max(overMsMin, 2 * settings.accounting.journalKeepMs),
    worker: accounting.journal.writer,
    clock,
    random: Math.random,
    onEvent: logJobEvents(log),
  });
}

export interface AnchorKappa {
  readonly evaluator: string;
  readonly baseline: number | null;
  readonly latest: number | null;
}

/** Every ten minutes: whoever comes first on a day enqueues the day's look at the anchors. */
export function anchorSchedule(
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
export function anchorKappas({ accounting }: JudgingParts, { log }: StoreTools) {
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
