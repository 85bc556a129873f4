import type { Attributes } from "@opentelemetry/api";

import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { genAi } from "../../telemetry/genai/attributes.ts";
import type { Exchange } from "../exchange.ts";

/**
 * How the client wants its answer made, as the conventions name it: numbers and words of the API. What it wrote itself,
 * as its stop sequences, is left out.
 */
export function addRequest(attributes: Attributes, { request, isStream }: Exchange): void {
  const { value } = request;
  for (const [field, name] of numbers) {
    const given = value[field];
    if (typeof given === "number") attributes[name] = given;
  }
  const choices = value["n"];
  if (typeof choices === "number" && choices !== 1) attributes[genAi.requestChoiceCount] = choices;
  if (isStream) attributes[genAi.requestStream] = true;
  const type = outputTypes.get(formatOf(value));
  if (type !== undefined) attributes[genAi.outputType] = type;
  const encoding = value["encoding_format"];
  if (encoding === "float" || encoding === "base64") {
    attributes[genAi.requestEncodingFormats] = [encoding];
  }
}

/** Fields of chats, completions, messages and Responses; where two mean the same, the later one counts. */
const numbers: readonly (readonly [field: string, name: string])[] = [
  ["temperature", genAi.requestTemperature],
  ["top_p", genAi.requestTopP],
  ["top_k", genAi.requestTopK],
  ["seed", genAi.requestSeed],
  ["frequency_penalty", genAi.requestFrequencyPenalty],
  ["presence_penalty", genAi.requestPresencePenalty],
  ["max_tokens", genAi.requestMaxTokens],
  ["max_output_tokens", genAi.requestMaxTokens],
  ["max_completion_tokens", genAi.requestMaxTokens],
];

function formatOf(value: JsonObject): unknown {
  const text = value["text"];
  const format = value["response_format"] ?? (isJsonObject(text) ? text["format"] : undefined);
  return isJsonObject(format) ? format["type"] : undefined;
}

const outputTypes: ReadonlyMap<unknown, string> = new Map([
  ["text", "text"],
  ["json_object", "json"],
  ["json_schema", "json"],
]);
