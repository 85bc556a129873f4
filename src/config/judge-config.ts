import { z } from "zod";
import {
  fraction,
  listOf,
  modelName,
  mustBe,
  named,
  oneOf,
  strictFields,
  text,
  truth,
  wholeNumber,
} from "./field-types.ts";

/** An evaluator of the operator's own, as `sentinel.yaml` and the admin API write it, under its name. */
export interface NamedEvaluator {
  readonly name: string;
  readonly input: EvaluatorInput;
}

/** What Sentinel brings along; their names stay theirs, so that one name always means one question. */
export const builtInEvaluatorNames: readonly string[] = [
  "relevance",
  "faithfulness",
  "helpfulness",
  "instruction-following",
  "refusal-correctness",
  "toxicity",
  "answer-equivalence",
  "pairwise-preference",
];

export const evaluatorNameRule = "1 to 64 small letters, digits and -, the first a letter";
const evaluatorNamePattern = /^[a-z][a-z0-9-]{0,63}$/;

/** What an evaluator of the operator's own may be called. */
export const evaluatorName = () =>
  text({ pattern: evaluatorNamePattern, rule: `must be ${evaluatorNameRule}` }).refine(
    (name) => !builtInEvaluatorNames.includes(name),
    { error: mustBe("is the name of an evaluator that Sentinel brings along; choose another one") },
  );

const instructionsMax = 16_000;
const descriptionMax = 2_000;
const labelsMax = 20;
const labelRule = "1 to 40 small letters, digits and _, not a _ first, as 4 or not_applicable";
const labelPattern = /^[a-z0-9][a-z0-9_]{0,39}$/;

/** YAML reads 4 as a number. */
const label = () => {
  const error = mustBe(`must be ${labelRule}`);
  return z
    .union(
      [
        z.string().regex(labelPattern, { error }),
        z.int({ error }).min(0, { error }).max(1_000, { error }),
      ],
      { error },
    )
    .transform(String);
};

/** Text of more than white space. */
const prose = (charactersMax: number) => {
  const error = mustBe(`must be text of 1 to ${charactersMax} characters`);
  return z.string({ error }).max(charactersMax, { error }).regex(/\S/, { error });
};

const labelSchema = strictFields({
  label: label().describe("What the judge says: one word, or a digit."),
  score: fraction({ min: 0, max: 1 })
    .nullable()
    .describe("0 is the worst, 1 the best; null: the question does not apply, which is no score."),
  description: prose(descriptionMax).describe("When to say it."),
});

const scaleEnd = () => wholeNumber({ min: 0, max: 100 });
const anchorPattern = /^(0|[1-9]\d{0,2})$/;

const scaleSchema = strictFields({
  min: scaleEnd().default(1).describe("The worst; 1 if not given."),
  max: scaleEnd().default(5).describe("The best; 5 if not given."),
  anchors: named(
    z.string().regex(anchorPattern),
    prose(descriptionMax),
    "a whole number",
    "must say, by rating, when to give it: the worst and the best at least",
  ).describe("By rating, when to give it; the worst and the best at least."),
}).superRefine(({ min, max, anchors }, context) => {
  const say = (path: readonly string[], message: string) => {
    context.addIssue({ code: "custom", path: [...path], message });
  };
  if (max <= min || max - min >= labelsMax) {
    say(["max"], `must be above min, and the scale have at most ${labelsMax} ratings`);
    return;
  }
  const missing = [min, max].find((end) => anchors[String(end)] === undefined);
  if (missing !== undefined) {
    say(["anchors"], `must say when to give ${missing}: without it no two judges mean the same`);
  }
  const stranger = Object.keys(anchors).find((at) => Number(at) < min || Number(at) > max);
  if (stranger !== undefined) say(["anchors", stranger], `is not on the scale of ${min} to ${max}`);
});

/** Whoever compares two says one of these; the scores are what the two orders are brought together by. */
const pairScores: readonly Readonly<Record<string, number>>[] = [
  { first: 1, second: 0, tie: 0.5 },
  { same: 1, different: 0 },
];

/** The fields of an evaluator, in `sentinel.yaml` and in the admin API. */
export const evaluatorShape = {
  instructions: prose(instructionsMax).describe("The rubric, in the words that the judge gets."),
  subject: oneOf(["answer", "pair"])
    .default("answer")
    .describe(
      "What it judges. answer: one answer to what was asked; pair: two, for calibrations and comparisons.",
    ),
  labels: listOf(labelSchema, { min: 2, max: labelsMax })
    .optional()
    .describe("What the judge may say; from the worst to the best where they are in an order."),
  scale: scaleSchema.optional().describe("In place of labels: ratings, as 1 to 5."),
  ordinal: truth("must be true or false")
    .optional()
    .describe("Whether the labels are in an order; a scale always is."),
  model: modelName()
    .optional()
    .describe("Its own judge; the one of the tenant's policy if not given."),
  temperature: fraction({ min: 0, max: 2 })
    .optional()
    .describe("0 if not given; 1 where several answers are averaged."),
  max_tokens: wholeNumber({ min: 1, max: 8_192 })
    .optional()
    .describe("Of the judge's answer; 500 if not given, 50 without a reason."),
  samples: wholeNumber({ min: 1, max: 9 })
    .optional()
    .describe(
      "How many answers are averaged where there are no log-probabilities; 1 if not given.",
    ),
  logprobs: truth("must be true or false")
    .optional()
    .describe(
      "Whether log-probabilities weight the score where a model offers them; true if not given.",
    ),
  reason: truth("must be true or false")
    .optional()
    .describe("Whether the judge says why before it says what; true if not given."),
};

const fieldsSchema = strictFields(evaluatorShape);
/** As it is given, with what is not said left out. */
export type EvaluatorInput = z.output<typeof fieldsSchema>;

/** An evaluator as `sentinel.yaml` writes it. */
export const evaluatorSchema = fieldsSchema.superRefine(checkTogether);

/** The same fields and its name: what the admin API takes. */
export const namedEvaluatorSchema = strictFields({
  name: evaluatorName(),
  ...evaluatorShape,
}).superRefine(checkTogether);

function checkTogether(input: EvaluatorInput, context: z.RefinementCtx): void {
  const say = (path: readonly (string | number)[], message: string) => {
    context.addIssue({ code: "custom", path: [...path], message });
  };
  const { labels, scale, ordinal, subject, samples = 1, temperature } = input;
  if (samples > 1 && temperature === 0) {
    say(
      ["temperature"],
      "must be above 0 where several answers are averaged: they would be the same",
    );
  }
  if (scale !== undefined) {
    if (labels !== undefined) say(["scale"], "must be left out where there are labels");
    if (subject === "pair") say(["scale"], "must be left out for pairs; give their labels");
    if (ordinal === false) say(["ordinal"], "must be left out or true: a scale is in an order");
    return;
  }
  if (labels === undefined) {
    say(
      ["labels"],
      "is missing: it must be a list of what the judge may say, unless there is a scale",
    );
    return;
  }
  checkLabels(labels, say);
  if (subject === "pair") checkPairLabels(labels, ordinal, say);
}

type Labels = NonNullable<EvaluatorInput["labels"]>;
type Say = (path: readonly (string | number)[], message: string) => void;

function checkLabels(labels: Labels, say: Say): void {
  const words = labels.map(({ label: word }) => word);
  const twice = words.findIndex((word, at) => words.indexOf(word) !== at);
  if (twice !== -1) say(["labels", twice, "label"], "is there twice; each label is said once");
  if (labels.filter(({ score }) => score !== null).length < 2) {
    say(["labels"], "must have a score for two of the labels at least");
  }
}

function checkPairLabels(labels: Labels, ordinal: boolean | undefined, say: Say): void {
  if (ordinal === true) say(["ordinal"], "must be left out or false for pairs");
  const isOne = pairScores.some(
    (scores) =>
      labels.length === Object.keys(scores).length &&
      labels.every(({ label: word, score }) => score !== null && scores[word] === score),
  );
  if (isOne) return;
  const rule = "first (score 1), second (0) and tie (0.5), or same (1) and different (0)";
  say(["labels"], `must be, for pairs, exactly ${rule}`);
}

/** Each is held in memory, and shown in one list. */
const configuredMax = 200;

/** The part `judges` of `sentinel.yaml`. */
export const judgesSchema = named(
  z
    .string()
    .regex(evaluatorNamePattern)
    .refine((name) => !builtInEvaluatorNames.includes(name)),
  evaluatorSchema,
  `${evaluatorNameRule}, and none of those that Sentinel brings along (${builtInEvaluatorNames.join(", ")})`,
).refine((judges) => Object.keys(judges).length <= configuredMax, {
  error: mustBe(`must have at most ${configuredMax} evaluators`),
});

export const configuredEvaluators = (
  judges: Readonly<Record<string, EvaluatorInput>>,
): NamedEvaluator[] => Object.entries(judges).map(([name, input]) => ({ name, input }));
