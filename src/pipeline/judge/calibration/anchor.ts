import { z } from "zod";

import { fraction, mustBe, oneOf, strictFields, text } from "../../../config/field-types.ts";
import type { CalibrationItem } from "./calibration-item.ts";
import type { Judged } from "../evaluators/evaluator.ts";

/** Of one text. What is longer is no use as an anchor, and would be cut for the judge anyway. */
export const subjectCharactersMax = 100_000;

const words = () => {
  const error = mustBe(`must be text of at most ${subjectCharactersMax} characters`);
  return z.string({ error }).max(subjectCharactersMax, { error });
};

/** What is to be judged, as it is sent to be judged now or to be kept as an anchor. */
export const subjectSchema = z
  .discriminatedUnion(
    "kind",
    [
      strictFields({
        kind: z.literal("answer"),
        system: words().default(""),
        conversation: words().default(""),
        question: words().default(""),
        answer: words(),
        reference: words().exactOptional(),
      }),
      strictFields({
        kind: z.literal("pair"),
        question: words().default(""),
        first: words(),
        second: words(),
        reference: words().exactOptional(),
      }),
    ],
    { error: mustBe('must be an object whose kind is "answer" or "pair"') },
  )
  .readonly();
export type Subject = z.infer<typeof subjectSchema>;

export function judgedOf(subject: Subject): Judged {
  if (subject.kind === "answer") {
    const { kind, ...texts } = subject;
    return { subject: kind, ...texts };
  }
  const { kind, ...texts } = subject;
  return { subject: kind, ...texts };
}

const label = () =>
  text({ pattern: /^[\w.-]{1,64}$/, rule: "must be one of the evaluator's labels" })
    .nullable()
    .default(null);
const score = () => fraction({ min: 0, max: 1 }).nullable().default(null);

export const anchorsMax = 200;

/** An item of a calibration with its texts, frozen: it is judged again each day, to see whether the judge drifts. */
export const anchorSchema = strictFields({
  subject: subjectSchema,
  human_label: label(),
  human_score: score(),
  /** What the judge said when it was calibrated. */
  status: oneOf(["scored"]).default("scored"),
  label: label(),
  score: score(),
  label_swapped: label(),
}).readonly();
export type Anchor = z.infer<typeof anchorSchema>;

/** An anchor as the item of a calibration that it is. */
export const itemOf = ({ subject: _subject, ...item }: Anchor): CalibrationItem => ({
  ...item,
  characters: [],
});
