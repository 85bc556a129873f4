import { z } from "zod";

import { anchorSchema, itemOf, judgedOf } from "../pipeline/judge/calibration/anchor.ts";
import type { Anchor } from "../pipeline/judge/calibration/anchor.ts";
import type { CalibrationItem } from "../pipeline/judge/calibration/calibration-item.ts";
import { newestOfEach } from "../pipeline/judge/calibration/calibration-bounds.ts";
import { anchorsJudged } from "../pipeline/judge/calibration/drift.ts";
import type { FoundEvaluator } from "../pipeline/judge/evaluators/evaluator-definition.ts";
import type { Evaluator, Judged } from "../pipeline/judge/evaluators/evaluator.ts";
import type { JudgeStore, StoredCalibration } from "../pipeline/judge/evaluators/judge-store.ts";
import type { Verdict } from "../pipeline/judge/asking/verdict.ts";
import { judgeTenantId } from "../tenants/system-tenant.ts";
import { dayName } from "./capped-ask.ts";
import type { JobHandler } from "./job-handler.ts";
import type { JobStore, NewJob } from "./job-store.ts";

/** The kind of the jobs that judge the anchors of one calibration once more, each once a day. */
export const anchorsKind = "judge-anchors";

const anchorsJobSchema = z.object({
  calibration: z.string(),
  evaluator: z.string(),
  version: z.string(),
  model: z.string(),
  day: z.string(),
});
type AnchorsJob = z.infer<typeof anchorsJobSchema>;

export interface JudgeAnchorsDeps {
  readonly store: Pick<JudgeStore, "getAnchors" | "putAnchorRun">;
  /** Rejects where it is not known and the store does not answer: it is there perhaps. */
  readonly findEvaluator: (reference: string) => Promise<FoundEvaluator | undefined>;
  /** Within the platform's cap. */
  readonly judge: (asked: {
    readonly evaluator: Evaluator;
    readonly model: string;
    readonly judged: Judged;
    readonly signal: AbortSignal;
  }) => Promise<Verdict>;
  /** There is a new run to be shown. */
  readonly onRun: () => void;
}

/** Nobody waits for it. */
const priority = 2;
const atOnce = 4;
/** A hundred anchors in both orders, four at once, by a judge that takes a minute for each. */
export const anchorsRunMsMax = 3_600_000;
/** All of them are asked for again each time. */
const attemptsMax = 4;
const retryBaseMs = 60_000;
/** With more failures than this part of the anchors κ would say nothing of the judge: it is tried again. */
const failedShareMax = 0.2;

/** One job for each calibration whose anchors were not judged on that day: the same jobs, whoever enqueues them. */
export async function enqueueAnchorRuns(
  { judges, jobs }: { judges: Pick<JudgeStore, "listCalibrations">; jobs: JobStore },
  nowMs: number,
): Promise<void> {
  const day = dayName(nowMs);
  const calibrations = (await judges.listCalibrations()).filter(({ anchors }) => anchors !== null);
  const due = newestOfEach(calibrations).filter(({ createdAtMs }) => dayName(createdAtMs) < day);
  if (due.length > 0) await jobs.enqueue(due.map((each) => anchorsJob(each, day)));
}

const anchorsJob = ({ id, evaluator, version, model }: StoredCalibration, day: string): NewJob => ({
  id: `anchors:${id}:${day}`,
  kind: anchorsKind,
  tenantId: judgeTenantId,
  priority,
  payload: JSON.stringify({ calibration: id, evaluator, version, model, day } satisfies AnchorsJob),
});

/**
 * Judges the frozen anchors of a calibration again and notes κ against the people who labelled them: a judge whose κ falls
 * is not the one that was calibrated, whatever its name says.
 */
export const judgeAnchors = (deps: JudgeAnchorsDeps): JobHandler => ({
  runMsMax: anchorsRunMsMax,
  attemptsMax,
  retryBaseMs,
  run: async ({ payload }, { signal }) => {
    const work = anchorsJobSchema.parse(JSON.parse(payload));
    const found = await deps.findEvaluator(`${work.evaluator}@${work.version}`);
    if (found === undefined) return { kind: "dead", reason: "unknown_evaluator" };
    const stored = (await deps.store.getAnchors(work.calibration)) ?? [];
    const anchors = stored.map((each) => anchorSchema.parse(each));
    if (anchors.length === 0) return { kind: "done" };
    const verdicts = await inTurns(anchors, (anchor) =>
      deps.judge({
        evaluator: found.evaluator,
        model: work.model,
        judged: judgedOf(anchor.subject),
        signal,
      }),
    );
    const lost = verdicts.find((verdict) => verdict.kind === "failed");
    const failedCount = verdicts.filter(({ kind }) => kind === "failed").length;
    if (lost?.kind === "failed" && failedCount > anchors.length * failedShareMax) {
      return lost.mayRetry || lost.failure === "invalid_output"
        ? { kind: "retry", reason: lost.failure, afterMs: lost.retryAfterMs }
        : { kind: "dead", reason: lost.failure };
    }
    const items = anchors.map((anchor, at) => judgedItem(anchor, verdicts[at]));
    const run = { day: work.day, ...anchorsJudged(found.evaluator, items) };
    await deps.store.putAnchorRun(work.calibration, run);
    deps.onRun();
    return { kind: "done" };
  },
  // A day without a run is what there is to see of it.
  giveUp: () => Promise.resolve(),
});

/** What people said of an anchor, and what the judge says now. */
function judgedItem(anchor: Anchor, verdict: Verdict | undefined): CalibrationItem {
  const item = { ...itemOf(anchor), label: null, score: null, label_swapped: null };
  if (verdict === undefined || verdict.kind === "failed") return { ...item, status: "failed" };
  if (verdict.kind === "not_applicable") return { ...item, status: "not_applicable" };
  const { score, label, orders } = verdict;
  return {
    ...item,
    status: "scored",
    score,
    label: orders?.given ?? label,
    label_swapped: orders?.swapped ?? null,
  };
}

async function inTurns<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      const item = items[at];
      if (item !== undefined) results[at] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
