import { Lru } from "../lib/lru.ts";
import type { AuditAmendment } from "../pipeline/audit/entry.ts";
import type { EvaluationData } from "../pipeline/judge/scores/evaluation.ts";
import { evaluationKind } from "../pipeline/judge/scores/evaluation.ts";
import { evaluationId } from "../pipeline/judge/scores/evaluation-id.ts";
import type { FoundEvaluator } from "../pipeline/judge/evaluators/evaluator-definition.ts";
import type { Evaluator, JudgedAnswer } from "../pipeline/judge/evaluators/evaluator.ts";
import { judgeJobNow } from "../pipeline/judge/sampling/judge-job-now.ts";
import type { JudgePolicyNow } from "../pipeline/judge/sampling/judge-job-now.ts";
import { judgeJobSchema } from "../pipeline/judge/sampling/judge-job.ts";
import type { JudgeJob } from "../pipeline/judge/sampling/judge-job.ts";
import { isSameFamily } from "../pipeline/judge/asking/model-family.ts";
import { judgeFailures } from "../pipeline/judge/asking/verdict.ts";
import type { JudgeFailure, JudgeSpend, Verdict } from "../pipeline/judge/asking/verdict.ts";
import { evaluatorNameIn } from "../tenants/judge-policy.ts";
import type { JobHandler, JobOutcome } from "./job-handler.ts";
import type { JobContent } from "./job-store.ts";

export interface JudgeExchangeDeps {
  /** Rejects where it is not known and the store does not answer: it is there perhaps. */
  readonly findEvaluator: (reference: string) => Promise<FoundEvaluator | undefined>;
  /** Undefined where nobody can tell: then the job's own holds, which was the policy's when it was sampled. Does not reject. */
  readonly policyNow: (tenantId: string) => Promise<JudgePolicyNow | undefined>;
  /** Asks the judge, within the tenant's and the platform's caps. */
  readonly judge: (asked: JudgeAsked) => Promise<Verdict>;
  /** Puts the amendment into the journal; resolves when it is there whatever happens to the power. Does not reject. */
  readonly record: (amendment: AuditAmendment) => Promise<void>;
  /** For metrics and traces, after it is recorded. */
  readonly onEvaluated: (evaluated: Evaluated) => void;
  readonly nowMs: () => number;
}

export interface JudgeAsked {
  readonly tenantId: string;
  readonly evaluator: Evaluator;
  readonly model: string;
  readonly judged: JudgedAnswer;
  /** Of the tenant, in a day. */
  readonly limit: { readonly nanoUsd: number | undefined; readonly tokens: number | undefined };
  readonly signal: AbortSignal;
}

export interface Evaluated {
  readonly tenantId: string;
  readonly requestId: string;
  readonly data: EvaluationData;
  readonly trace: JudgeJob["trace"];
  readonly startedEpochMs: number;
}

/**
 * Judges one answer by one evaluator: asks, writes the verdict down, and is done. The amendment's id is the same whenever
 * and by whomever this is done, so that a crash in between may cost a second call and never makes a second score.
 */
export function judgeExchange(deps: JudgeExchangeDeps): JobHandler {
  // By job and round. What other processes tried and paid for is in the books of the judge's tenant alone.
  const spent = new Lru<string, JudgeSpend>(spentMax);
  const nameOf = ({ id, round }: JobContent): string => `${id}\n${round}`;
  const workNow = async (job: JobContent, known: JudgeJob): Promise<JudgeJob | undefined> => {
    const policy = await deps.policyNow(job.tenantId);
    return policy === undefined ? known : judgeJobNow(known, policy);
  };
  const writeFailure = async (job: JobContent, work: JudgeJob, failure: JudgeFailure) => {
    const found = await deps.findEvaluator(work.evaluator);
    const model = found?.evaluator.model ?? work.model;
    const version = found?.version ?? null;
    const startedEpochMs = deps.nowMs();
    const told = failed(failure, spent.get(nameOf(job)));
    await write({ job, work, version, model, startedEpochMs, said: told }, deps);
    spent.delete(nameOf(job));
  };
  return {
    attemptsMax,
    run: async (job, { signal }) => {
      const startedEpochMs = deps.nowMs();
      const known = readJob(job);
      if (known === undefined) return { kind: "dead", reason: "no_text" };
      const work = await workNow(job, known);
      if (work === undefined) {
        await writeFailure(job, known, "policy_off");
        return { kind: "done" };
      }
      const found = await deps.findEvaluator(work.evaluator);
      if (found === undefined) return { kind: "dead", reason: "unknown_evaluator" };
      const { evaluator, version } = found;
      const model = evaluator.model ?? work.model;
      const verdict = await deps.judge({
        tenantId: job.tenantId,
        evaluator,
        model,
        judged: { subject: "answer", ...work.judged },
        limit: {
          nanoUsd: work.daily_nano_usd ?? undefined,
          tokens: work.daily_tokens ?? undefined,
        },
        signal,
      });
      const outcome = outcomeOf(verdict);
      // What is tried again, or is given up, is written down when that is known.
      const spend = sumOf(spent.get(nameOf(job)), verdict.spend);
      spent.set(nameOf(job), spend);
      if (outcome.kind !== "done") return outcome;
      const told = said({ ...verdict, spend }, work);
      await write({ job, work, version, model, startedEpochMs, said: told }, deps);
      spent.delete(nameOf(job));
      return outcome;
    },
    giveUp: async (job, reason) => {
      const known = readJob(job);
      // Without its words nobody knows which request it was.
      if (known === undefined) return;
      await writeFailure(job, (await workNow(job, known)) ?? known, failureOf(reason));
    },
  };
}

/** Jobs whose attempts cost something and that are not over. At the bound what the oldest cost is left out of their records. */
const spentMax = 10_000;

const sumOf = (before: JudgeSpend | undefined, now: JudgeSpend): JudgeSpend =>
  before === undefined
    ? now
    : {
        calls: before.calls + now.calls,
        nanoUsd: before.nanoUsd + now.nanoUsd,
        inputTokens: before.inputTokens + now.inputTokens,
        outputTokens: before.outputTokens + now.outputTokens,
      };

/** With the pauses between them some ten minutes: so long a provider may be away. */
const attemptsMax = 12;

function outcomeOf(verdict: Verdict): JobOutcome {
  if (verdict.kind !== "failed") return { kind: "done" };
  const { failure, mayRetry, retryAfterMs } = verdict;
  // The cap stays reached for the rest of the day, and what it stopped is counted: nobody has to look after it.
  if (failure === "daily_cap") return { kind: "done" };
  if (!mayRetry) return { kind: "dead", reason: failure };
  return retryAfterMs === undefined
    ? { kind: "retry", reason: failure }
    : { kind: "retry", reason: failure, afterMs: retryAfterMs };
}

function readJob({ payload }: JobContent): JudgeJob | undefined {
  try {
    return judgeJobSchema.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined; // It is no JSON.
  }
}

const failureOf = (reason: string): JudgeFailure =>
  judgeFailures.find((failure) => failure === reason) ?? "upstream_error";

interface Writing {
  readonly job: JobContent;
  readonly work: JudgeJob;
  readonly version: string | null;
  readonly model: string;
  readonly startedEpochMs: number;
  readonly said: Said;
}

type Said = Pick<
  EvaluationData,
  | "status"
  | "failure"
  | "score"
  | "label"
  | "method"
  | "samples"
  | "is_repaired"
  | "cost_nano_usd"
  | "calls"
> &
  Pick<Partial<EvaluationData>, "reason">;

async function write(
  { job, work, version, model, startedEpochMs, said: verdict }: Writing,
  { record, onEvaluated, nowMs }: JudgeExchangeDeps,
): Promise<void> {
  const { request_id: requestId, request } = work;
  const evaluator = evaluatorNameIn(work.evaluator);
  const data: EvaluationData = {
    evaluator,
    version,
    judge_model: model,
    ...verdict,
    same_family: isSameFamily(model, request.served_model ?? request.model),
    answer_characters: work.answer_characters,
    sampled_by: work.sampled_by,
    round: job.round,
    request,
  };
  await record({
    id: evaluationId({ requestId, evaluator, round: job.round }),
    object: "audit.amendment",
    request_id: requestId,
    tenant: job.tenantId,
    at: new Date(nowMs()).toISOString(),
    kind: evaluationKind,
    data: { ...data },
  });
  onEvaluated({ tenantId: job.tenantId, requestId, data, trace: work.trace, startedEpochMs });
}

function said(verdict: Verdict, { keep_reasons: keepsReasons }: JudgeJob): Said {
  if (verdict.kind === "failed") return failed(verdict.failure, verdict.spend);
  const { label, isRepaired, reason, spend } = verdict;
  const kept = keepsReasons && reason !== "" ? { reason } : {};
  const shared = { failure: null, label, is_repaired: isRepaired, ...kept, ...costOf(spend) };
  if (verdict.kind === "not_applicable") {
    return { ...shared, status: "not_applicable", score: null, method: null, samples: 1 };
  }
  const { method, samples } = verdict;
  return { ...shared, status: "scored", score: sixDigits(verdict.score), method, samples };
}

const failed = (failure: JudgeFailure, spend?: JudgeSpend): Said => ({
  status: "failed",
  failure,
  score: null,
  label: null,
  method: null,
  samples: 0,
  is_repaired: false,
  ...costOf(spend),
});

const costOf = (spend?: JudgeSpend): Pick<Said, "cost_nano_usd" | "calls"> => ({
  cost_nano_usd: spend?.nanoUsd ?? 0,
  calls: spend?.calls ?? 0,
});

const sixDigits = (score: number): number => Math.round(score * 1e6) / 1e6;
