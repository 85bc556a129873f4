import { judgeSums } from "../../../pipeline/judge/scores/judge-sums.ts";
import type { JudgeSum } from "../../../pipeline/judge/scores/judge-sums.ts";

/** The sums' names in Redis: short, for they are in every field. */
export const judgeCodes: Readonly<Record<JudgeSum, string>> = {
  scored: "n",
  not_applicable: "a",
  failed: "f",
  capped: "c",
  sampled: "N",
  score_millionths: "s",
  score_squares: "S",
  characters: "l",
  character_squares: "L",
  score_characters: "x",
  same_family: "m",
  repaired: "r",
  cost_nano_usd: "X",
  feedback: "h",
  feedback_scored: "H",
  feedback_millionths: "i",
  pairs: "p",
  pair_judge_millionths: "j",
  pair_human_millionths: "k",
  pair_difference_squares: "d",
  pair_agreements: "g",
};

export const sumOfJudgeCode: ReadonlyMap<string, JudgeSum> = new Map(
  judgeSums.map((sum) => [judgeCodes[sum], sum]),
);

/** A tenant's day has so many fields at most; the models and versions of further ones are counted together. */
export const judgeFieldsMax = 20_000;
