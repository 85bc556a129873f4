import { hash } from "node:crypto";

import { helpfulness, relevance } from "../../../src/pipeline/judge/evaluators/built-in/ratings.ts";

/** What the tenants of the proof have judged. */
export const evaluators = [relevance, helpfulness] as const;
export const evaluatorNames: readonly string[] = evaluators.map(({ name }) => name);

/** A question to be judged: which call it is about, and by which evaluator. */
export interface Asked {
  readonly label: string;
  readonly evaluator: string;
}

export const nameOf = ({ label, evaluator }: Asked): string => `${label} ${evaluator}`;

/**
 * How the judge takes such a question, each time that it is asked: `prose` mends its first reply, `limited` (429) and
 * `failing` (500) are so the first time only, `weighted` tells how likely its labels were.
 */
export type JudgeConduct =
  "plain" | "weighted" | "prose" | "invalid" | "refusing" | "rejecting" | "limited" | "failing";

const conducts: readonly (readonly [JudgeConduct, number])[] = [
  ["plain", 70],
  ["weighted", 10],
  ["prose", 6],
  ["invalid", 3],
  ["refusing", 3],
  ["rejecting", 2],
  ["limited", 3],
  ["failing", 3],
];

/** The judge's mind is made up by the question alone: a score that comes from elsewhere shows. */
export function conductFor(asked: Asked): JudgeConduct {
  let at = drawn(`conduct ${nameOf(asked)}`, 100);
  for (const [conduct, weight] of conducts) {
    at -= weight;
    if (at < 0) return conduct;
  }
  return "plain";
}

/** 1 to 5. */
export const ratingFor = (asked: Asked): number => 1 + drawn(`rating ${nameOf(asked)}`, 5);

/** The share of the rating that was said; the rest is its neighbour's. */
export const weightOfSaid = 0.75;
export const neighbourOf = (rating: number): number => (rating === 5 ? 4 : rating + 1);

/** 0 to 1, six digits. */
export function scoreFor(asked: Asked): number {
  const rating = ratingFor(asked);
  if (conductFor(asked) !== "weighted") return scoreOf(rating);
  const score = weightOfSaid * scoreOf(rating) + (1 - weightOfSaid) * scoreOf(neighbourOf(rating));
  return Math.round(score * 1e6) / 1e6;
}

const scoreOf = (rating: number): number => (rating - 1) / 4;

const drawn = (text: string, below: number): number =>
  Number.parseInt(hash("sha256", text).slice(0, 8), 16) % below;

/** In [0, 1): where a request stands among those that are judged, worked out anew. */
export const placeOf = (requestId: string): number =>
  Number(BigInt(`0x${hash("sha256", requestId).slice(0, 12)}`)) / 2 ** 48;
