import { idEpochMs } from "../../../lib/ids.ts";
import type { AuditAmendment } from "../../audit/entry.ts";
import { unknownModel } from "../../cost/usage-ledger.ts";
import { evaluationKind, feedbackKind } from "./evaluation.ts";
import {
  charactersMax,
  scoreCharactersUnit,
  scoreMiddle,
  scoreUnit,
  squareUnit,
} from "./judge-sums.ts";
import type { JudgeSum } from "./judge-sums.ts";

/** What one amendment adds to the sums, whichever store keeps them. Names are empty where there is none. */
export interface JudgeCount {
  /** When the request began. */
  readonly startedEpochMs: number;
  readonly key: string;
  readonly model: string;
  readonly servedModel: string;
  readonly provider: string;
  readonly evaluator: string;
  readonly version: string;
  readonly judgeModel: string;
  /** Sums of zero are left out. Whole numbers from 0. */
  readonly sums: Readonly<Partial<Record<JudgeSum, number>>>;
}

/**
 * Undefined for an amendment of another kind, and for one whose data is not what it should be: a line may be of another
 * version, and the audit log keeps it all the same. Pure; runs once per amendment in the books thread, budget 3 µs.
 */
export function countEvaluation(amendment: AuditAmendment): JudgeCount | undefined {
  const { kind, data, request_id: requestId } = amendment;
  if (!isObject(data) || (kind !== evaluationKind && kind !== feedbackKind)) return undefined;
  const startedEpochMs = startOf(requestId);
  const place = kind === evaluationKind ? placeOf(data["request"]) : feedbackPlace(data);
  if (startedEpochMs === undefined || place === undefined) return undefined;
  const said = kind === evaluationKind ? evaluationSaid(data) : feedbackSaid(data);
  return said === undefined ? undefined : { startedEpochMs, ...place, ...said };
}

type Fields = Readonly<Record<string, unknown>>;
type Place = Pick<JudgeCount, "key" | "model" | "servedModel" | "provider">;
type Said = Pick<JudgeCount, "evaluator" | "version" | "judgeModel" | "sums">;

function startOf(requestId: unknown): number | undefined {
  try {
    return typeof requestId === "string" ? idEpochMs(requestId) : undefined;
  } catch {
    return undefined; // It is no ULID.
  }
}

function placeOf(request: unknown): Place | undefined {
  if (!isObject(request)) return undefined;
  const { key, model, served_model: served, provider } = request;
  if (!isText(key) || !isText(model) || !isTextOrNull(served) || !isTextOrNull(provider)) {
    return undefined;
  }
  return { key, model, servedModel: served ?? "", provider: provider ?? "" };
}

/** Feedback whose request could not be looked up is only known to be of the key that sent it. */
function feedbackPlace({ request, key }: Fields): Place | undefined {
  if (request !== null) return placeOf(request);
  return isText(key) ? { key, model: unknownModel, servedModel: "", provider: "" } : undefined;
}

function evaluationSaid(data: Fields): Said | undefined {
  const { evaluator, version, judge_model: judgeModel, cost_nano_usd: cost } = data;
  if (!isText(evaluator) || !isTextOrNull(version) || !isText(judgeModel)) return undefined;
  const outcome = outcomeSums(data);
  if (outcome === undefined || !isCount(cost)) return undefined;
  const sums = { ...outcome, repaired: data["is_repaired"] === true ? 1 : 0, cost_nano_usd: cost };
  return { evaluator, version: version ?? "", judgeModel, sums: withoutZeros(sums) };
}

function outcomeSums(data: Fields): Said["sums"] | undefined {
  const { status, score, failure, answer_characters: length, sampled_by: by } = data;
  switch (status) {
    case "scored":
      if (!isScore(score) || !isCount(length)) return undefined;
      return {
        scored: 1,
        same_family: data["same_family"] === true ? 1 : 0,
        ...(by === "rate" ? scoreSums(score, Math.min(length, charactersMax)) : {}),
      };
    case "not_applicable":
      return { not_applicable: 1 };
    case "failed":
      return failure === "daily_cap" ? { capped: 1 } : { failed: 1 };
    default:
      return undefined;
  }
}

/** All from the score in millionths: of sums that are rounded differently nothing can be reckoned. */
function scoreSums(score: number, characters: number): Said["sums"] {
  const millionths = Math.round(score * scoreUnit);
  return {
    sampled: 1,
    score_millionths: millionths,
    score_squares: Math.round((millionths * millionths) / (scoreUnit ** 2 / squareUnit)),
    characters,
    character_squares: characters * characters,
    score_characters: Math.round((millionths * characters) / (scoreUnit / scoreCharactersUnit)),
  };
}

function feedbackSaid({ score, evaluator, judged }: Fields): Said | undefined {
  if (!isTextOrNull(evaluator) || !(score === null || isScore(score))) return undefined;
  const before = judgedBefore(judged);
  if (before === undefined) return undefined;
  const { version, judgeModel } = before;
  const said =
    score === null
      ? {}
      : { feedback_scored: 1, feedback_millionths: Math.round(score * scoreUnit) };
  const pair =
    score === null || before.score === undefined
      ? {}
      : pairSums({ human: score, judge: before.score });
  const sums = withoutZeros({ feedback: 1, ...said, ...pair });
  return { evaluator: evaluator ?? "", version, judgeModel, sums };
}

interface Before {
  readonly version: string;
  readonly judgeModel: string;
  readonly score: number | undefined;
}

function judgedBefore(judged: unknown): Before | undefined {
  if (judged === null) return { version: "", judgeModel: "", score: undefined };
  if (!isObject(judged)) return undefined;
  const { version, judge_model: judgeModel, score } = judged;
  return isText(version) && isText(judgeModel) && isScore(score)
    ? { version, judgeModel, score }
    : undefined;
}

function pairSums({
  human,
  judge,
}: {
  readonly human: number;
  readonly judge: number;
}): Said["sums"] {
  return {
    pairs: 1,
    pair_judge_millionths: Math.round(judge * scoreUnit),
    pair_human_millionths: Math.round(human * scoreUnit),
    pair_difference_squares: Math.round((human - judge) ** 2 * squareUnit),
    pair_agreements: human >= scoreMiddle === judge >= scoreMiddle ? 1 : 0,
  };
}

const withoutZeros = (sums: Readonly<Record<string, number>>): Said["sums"] =>
  Object.fromEntries(Object.entries(sums).filter(([, amount]) => amount !== 0));

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const isText = (value: unknown): value is string => typeof value === "string";
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
const isScore = (value: unknown): value is number =>
  typeof value === "number" && value >= 0 && value <= 1;
const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
