import { hash } from "node:crypto";

import { canonicalJson } from "../../../lib/canonical-json.ts";
import type { Evaluator } from "./evaluator.ts";
import { promptTemplate } from "../asking/prompt.ts";
import { verdictSchema } from "../asking/schema.ts";

const digits = 12;
const depthMax = 16;
const nothing: ReadonlySet<string> = new Set();

/**
 * 12 hexadecimal digits of all that shapes an evaluator's verdicts: what is changed has another version, so that the scores
 * of two rubrics are never taken for those of one. Where it came from (`source`) shapes nothing.
 */
export function versionOf(evaluator: Evaluator): string {
  const { name, subject, instructions, labels, isOrdinal, model, parameters } = evaluator;
  const { temperature, maxTokens, samples, logprobs, reason } = parameters;
  const text = canonicalJson(
    JSON.stringify({
      template: promptTemplate,
      name,
      subject,
      instructions,
      labels: labels.map(({ label, score, description }) => ({ label, score, description })),
      isOrdinal,
      model: model ?? null,
      parameters: { temperature, maxTokens, samples, logprobs, reason },
      schema: verdictSchema(evaluator),
    }),
    { omit: nothing, depthMax },
  );
  if (text === undefined) throw new Error(`The evaluator ${name} cannot be written as JSON.`);
  return hash("sha256", text.toWellFormed(), "hex").slice(0, digits);
}
