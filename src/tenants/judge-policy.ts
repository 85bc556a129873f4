import { z } from "zod";

import {
  fraction,
  listOf,
  modelName,
  mustBe,
  strictFields,
  text,
  usdAmount,
  wholeNumber,
} from "../config/field-types.ts";

const evaluatorsMax = 10;
const routesMax = 100;

/** An evaluator's name, for its newest version, or `name@version`. */
const evaluatorName = () =>
  text({
    pattern: /^[a-z][a-z0-9-]{0,63}(@[0-9a-f]{12})?$/,
    rule: "must be an evaluator's name, as relevance or relevance@0123456789ab",
  });

const rate = () => fraction({ min: 0, max: 1 });

/** Without the version that `name@version` says. */
export const evaluatorNameIn = (reference: string): string => reference.replace(/@.*/, "");

/** The part `judge` of a tenant's policy. Absent: nothing of it is judged. */
export const judgePolicySchema = strictFields({
  evaluators: listOf(evaluatorName(), { max: evaluatorsMax })
    .refine((names) => names.length > 0, { error: mustBe("must name an evaluator") })
    .refine((names) => new Set(names.map((name) => evaluatorNameIn(name))).size === names.length, {
      error: mustBe("must name each evaluator once"),
    })
    .readonly(),
  model: modelName(),
  /** What judging may cost in a UTC day. One of the two is needed. */
  daily_budget_usd: usdAmount().exactOptional(),
  daily_tokens: wholeNumber({ min: 1, max: 1_000_000_000_000 }).exactOptional(),
  /** The share of requests that is judged. */
  sample_rate: rate().default(0.05),
  /** Of those whose answer broke off; five times the sample if nothing is said. */
  error_sample_rate: rate().exactOptional(),
  /** Of those that the shield noted; five times the sample if nothing is said. */
  shield_sample_rate: rate().exactOptional(),
  /** Of those that got a thumb down; all if nothing is said. */
  feedback_sample_rate: rate().exactOptional(),
  /** By the model or alias that the client asked for, in place of `sample_rate`. */
  routes: z
    .record(modelName(), rate(), {
      error: (issue) =>
        issue.code === "invalid_key"
          ? "is no name of a model or an alias"
          : mustBe("must be an object of rates by model")(issue),
    })
    .refine((rates) => Object.keys(rates).length <= routesMax, {
      error: mustBe(`must have at most ${routesMax} models`),
    })
    .exactOptional(),
  /** Keeps the judge's reasons in the audit log; they may quote what was judged, and cannot be erased from it. */
  keep_reasons: z.boolean({ error: mustBe("must be true or false") }).exactOptional(),
})
  .refine(
    ({ daily_budget_usd: usd, daily_tokens: tokens }) => usd !== undefined || tokens !== undefined,
    { error: mustBe("must have a cap: daily_budget_usd, daily_tokens or both") },
  )
  .readonly();
export type JudgePolicy = z.infer<typeof judgePolicySchema>;
