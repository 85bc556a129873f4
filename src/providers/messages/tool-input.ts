import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { parseExactly } from "../../lib/exact-json.ts";

/**
 * The one key of a tool's input whose arguments were no JSON object, as of an answer that was cut short. The
 * client sees what the model wrote, its tool refuses it, and the model is shown its own words again.
 */
const unparsedKey = "_unparsed_arguments";

/** A tool's arguments, which OpenAI has as text and Anthropic as an object. None at all are an empty object. */
export function readArguments(text: string): JsonObject {
  if (text.trim() === "") return {};
  return parseObject(text) ?? { [unparsedKey]: text };
}

export function writeArguments(input: JsonObject): string {
  const unparsed = input[unparsedKey];
  const isUnparsed = typeof unparsed === "string" && Object.keys(input).length === 1;
  return isUnparsed ? unparsed : JSON.stringify(input);
}

/** Whether nothing more can follow. */
export function isWholeObject(text: string): boolean {
  return text.trimEnd().endsWith("}") && parseObject(text) !== undefined;
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = parseExactly(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // Not JSON (yet), which is what was asked.
  }
}
