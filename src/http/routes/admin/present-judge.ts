import { usdText } from "../../../lib/usd.ts";
import { driftOf, isDrifting } from "../../../pipeline/judge/calibration/drift.ts";
import type { FoundEvaluator } from "../../../pipeline/judge/evaluators/evaluator-definition.ts";
import type { Evaluator } from "../../../pipeline/judge/evaluators/evaluator.ts";
import type { EvaluatorProblem } from "../../../pipeline/judge/evaluators/evaluators.ts";
import type {
  AnchorRun,
  StoredCalibration,
} from "../../../pipeline/judge/evaluators/judge-store.ts";
import type { Verdict } from "../../../pipeline/judge/asking/verdict.ts";
import { toSeconds } from "./fields.ts";

/** A calibration, and what its anchors came to since, the newest day first. */
export interface CalibrationHistory {
  readonly calibration: StoredCalibration;
  readonly runs: readonly AnchorRun[];
}

const sources = { "built-in": "built-in", yaml: "file", admin: "admin" } as const satisfies Record<
  Evaluator["source"],
  string
>;

/** An evaluator as lists show it: with how it did lately, one entry a model. */
export function presentJudge(
  { evaluator, version, createdAtMs }: FoundEvaluator,
  calibrations: readonly CalibrationHistory[],
) {
  const { name, subject, labels, isOrdinal, model, source } = evaluator;
  return {
    object: "judge",
    name,
    version,
    source: sources[source],
    subject,
    ordinal: isOrdinal,
    model: model ?? null,
    labels,
    calibrations: calibrations.map(summary),
    ...(createdAtMs === undefined ? {} : { created_at: toSeconds(createdAtMs) }),
  };
}

/** With all that it is made of, and the versions that its name has or had. */
export function presentWholeJudge(
  found: FoundEvaluator,
  versions: readonly FoundEvaluator[],
  calibrations: readonly CalibrationHistory[],
) {
  const { instructions, parameters } = found.evaluator;
  return {
    ...presentJudge(found, calibrations),
    instructions,
    temperature: parameters.temperature,
    max_tokens: parameters.maxTokens,
    samples: parameters.samples,
    logprobs: parameters.logprobs,
    reason: parameters.reason,
    versions: versions.map(({ version, createdAtMs }, at) => ({
      version,
      is_current: at === 0,
      created_at: toSeconds(createdAtMs ?? null),
    })),
  };
}

/** One that this version of Sentinel cannot read. */
export const presentProblem = ({ name, version, problem }: EvaluatorProblem) => ({
  object: "judge",
  name,
  version,
  source: "admin",
  problem,
});

function summary(history: CalibrationHistory) {
  const { calibration } = history;
  const { items, compared, accuracy, kappa, position } = calibration.report;
  return {
    id: calibration.id,
    model: calibration.model,
    created_at: toSeconds(calibration.createdAtMs),
    items,
    compared,
    accuracy,
    kappa,
    position_agreement: agreementIn(position),
    ...anchorFields(history),
  };
}

const agreementIn = (position: unknown): unknown =>
  typeof position === "object" && position !== null && "agreement" in position
    ? position.agreement
    : null;

function anchorFields({ calibration, runs: [run] }: CalibrationHistory) {
  const drift = driftOf(calibration, run);
  return {
    anchors: calibration.anchors,
    last_anchor_run: run ?? null,
    drift,
    is_drifting: isDrifting(drift),
  };
}

/** With all that was found out, and every day's run. */
export function presentCalibration(history: CalibrationHistory) {
  const { id, evaluator, version, model, report, createdAtMs } = history.calibration;
  return {
    object: "judge.calibration",
    id,
    evaluator,
    version,
    model,
    created_at: toSeconds(createdAtMs),
    report,
    ...anchorFields(history),
    anchor_runs: history.runs,
  };
}

/** What a judge said of a text that was given to it just now, for whoever gave it. */
export function presentVerdict(
  { evaluator, version }: FoundEvaluator,
  model: string,
  verdict: Verdict,
) {
  const { nanoUsd } = verdict.spend;
  return {
    object: "judge.verdict",
    evaluator: evaluator.name,
    version,
    model,
    status: verdict.kind,
    ...saidIn(verdict),
    failure: verdict.kind === "failed" ? verdict.failure : null,
    cost_usd: usdText(nanoUsd),
    cost_nano_usd: nanoUsd,
  };
}

/** Of pairs the label is what the order as given said, not the tie that disagreement makes. */
function saidIn(verdict: Verdict) {
  const nothing = {
    score: null,
    label: null,
    label_swapped: null,
    orders_agree: null,
    method: null,
    reason: null,
  };
  switch (verdict.kind) {
    case "failed":
      return nothing;
    case "not_applicable":
      return { ...nothing, label: verdict.label, reason: verdict.reason };
    case "scored":
      return {
        score: Math.round(verdict.score * 1_000_000) / 1_000_000,
        label: verdict.orders?.given ?? verdict.label,
        label_swapped: verdict.orders?.swapped ?? null,
        orders_agree: verdict.ordersAgree ?? null,
        method: verdict.method,
        reason: verdict.reason,
      };
  }
}
