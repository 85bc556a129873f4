import { cancelJob } from "./jobs/cancel-job.ts";
import { forgetJudged } from "./jobs/forget-judged.ts";
import { openJobHealth } from "./jobs/job-health.ts";
import type { JobHealth } from "./jobs/job-health.ts";
import { anchorsKind, anchorsRunMsMax } from "./jobs/judge-anchors.ts";
import type { JobRunner } from "./jobs/runner.ts";
import { openEvaluators } from "./pipeline/judge/evaluators/evaluators.ts";
import type { Evaluators } from "./pipeline/judge/evaluators/evaluators.ts";
import { judgeComplaint } from "./pipeline/judge/sampling/judge-complaint.ts";
import { judgePolicyOf } from "./pipeline/judge/sampling/judge-policy-of.ts";
import { judging } from "./pipeline/judge/sampling/judging.ts";
import { RecentExchanges } from "./pipeline/judge/sampling/recent-exchanges.ts";
import type { ExchangeSink } from "./pipeline/settle.ts";
import type { JudgeRoutesDeps } from "./http/routes/admin/judge-deps.ts";
import type { AuditRoutesDeps } from "./http/routes/v1/audit.ts";
import type { FeedbackRoutesDeps } from "./http/routes/v1/feedback.ts";
import type { Accounting } from "./wiring-accounting.ts";
import { judgeIn } from "./wiring-judge-calls.ts";
import { anchorKappas, anchorSchedule, judgeHandlers, openRunner } from "./wiring-judge-jobs.ts";
import type { AnchorKappa } from "./wiring-judge-jobs.ts";
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
  /** For who does not want one done: that is written down. False: there is none. */
  readonly cancelJob: (id: string, signal: AbortSignal) => Promise<boolean>;
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

export interface JudgingParts {
  readonly accounting: Accounting;
  readonly routing: Routing;
  readonly measuring: Measuring;
  readonly tracing: Tracing;
  readonly judges: Parameters<Evaluators["reload"]>[0];
  readonly ask: Ask;
}

export async function openJudging(parts: JudgingParts, tools: StoreTools): Promise<Judging> {
  const { accounting } = parts;
  const { settings, clock, log, opening } = tools;
  const { journal, stores } = accounting;
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
  const handlers = judgeHandlers(
    { evaluators, judgeWithin, onAnchorRun: kappas.refresh },
    parts,
    tools,
  );
  let runner: JobRunner | undefined;
  const start = (): void => {
    opening.use(anchorSchedule(jobs, kappas.refresh, parts, tools));
    if (settings.jobs.concurrency === 0) return;
    runner = opening.use(openRunner(jobs, handlers, parts, tools));
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
    cancelJob: (id, signal) => cancelJob(id, { store: jobs, handlers }, signal),
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
    forget: forgetJudged({ jobs, recent, evaluators }),
    anchorKappas: kappas.known,
    refreshAnchors: kappas.refresh,
    start,
    stopClaiming: () => {
      runner?.stopClaiming();
    },
  };
}
