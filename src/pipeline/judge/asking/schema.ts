import type { JsonObject } from "../../../lib/json-text.ts";
import type { Evaluator } from "../evaluators/evaluator.ts";

/**
 * What a judge that gives its reasons has to say. The reason comes first: what is written is read before the label is
 * chosen. Labels are texts, digits too, so that an enum can list them.
 */
export const verdictSchema = ({ labels, parameters }: Evaluator): JsonObject => ({
  type: "object",
  properties: {
    ...(parameters.reason ? { reason: { type: "string" } } : {}),
    label: { type: "string", enum: labels.map(({ label }) => label) },
  },
  required: parameters.reason ? ["reason", "label"] : ["label"],
  additionalProperties: false,
});

/** (https://platform.openai.com/docs/guides/structured-outputs, read 2026-11-21) */
export const responseFormat = (evaluator: Evaluator): JsonObject => ({
  type: "json_schema",
  json_schema: { name: "verdict", strict: true, schema: verdictSchema(evaluator) },
});
