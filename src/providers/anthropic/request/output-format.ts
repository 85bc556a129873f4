import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { cleanSchema, isExpressible } from "./clean-schema.ts";
import type { ModelTraits } from "../model-traits.ts";
import { invalid, textOr } from "../wire.ts";

/** How the answer is brought into the form that `response_format` asks for. */
export type AnswerFormat =
  | { readonly kind: "free" }
  /** Anthropic's own: `output_config.format`. */
  | { readonly kind: "schema"; readonly format: JsonObject }
  /** A tool that must be called, whose input is the answer. */
  | { readonly kind: "tool"; readonly tool: JsonObject }
  /** Said, and not enforced. */
  | { readonly kind: "instruction"; readonly text: string };

/**
 * Structured outputs are there since Claude 4.5, without a beta header. Older models, and schemas that they
 * cannot express, are served by a tool that has to be called.
 * (https://platform.claude.com/docs/en/build-with-claude/structured-outputs, read 2026-11-21)
 */
export function toFormat(request: JsonObject, model: ModelTraits): AnswerFormat {
  const format = request["response_format"];
  if (!isJsonObject(format)) return { kind: "free" };
  switch (format["type"]) {
    case "text":
      return { kind: "free" };
    case "json_object":
      return { kind: "instruction", text: jsonInstruction };
    case "json_schema":
      return schemaFormat(format["json_schema"], request, model);
    default:
      throw invalid("response_format.type", "must be text, json_object or json_schema.");
  }
}

/** Anthropic has no JSON mode without a schema; OpenAI's promises an object and nothing else. */
const jsonInstruction =
  "Answer with a single JSON object and nothing else: no text around it and no code fence.";

function schemaFormat(given: unknown, request: JsonObject, model: ModelTraits): AnswerFormat {
  const named = isJsonObject(given) ? given : {};
  const schema = named["schema"];
  if (!isJsonObject(schema)) {
    throw invalid("response_format.json_schema.schema", "must be a JSON schema.");
  }
  const isNative = model.hasStructuredOutputs && (isExpressible(schema) || !model.takesForcedTools);
  if (isNative) {
    return { kind: "schema", format: { type: "json_schema", schema: cleanSchema(schema) } };
  }
  const description = textOr(named["description"], "");
  const tool = {
    name: answerToolName(request),
    description: `Gives the answer to the user. ${description}`.trim(),
    input_schema: { type: "object", ...schema },
  };
  return { kind: "tool", tool };
}

/** A name that none of the client's tools has. */
function answerToolName(request: JsonObject): string {
  const taken = new Set(
    objectsOf(request["tools"]).map(({ name, function: fn }) =>
      isJsonObject(fn) ? fn["name"] : name,
    ),
  );
  let name = "give_answer";
  while (taken.has(name)) name += "_";
  return name;
}
