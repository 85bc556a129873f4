import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";

/**
 * Mistral's models that think answer with a list of parts where OpenAI's clients expect text, and end with
 * `model_length` where OpenAI says `length`. The text becomes `content`, the thoughts `reasoning_content`,
 * which is where other vendors put them. (https://docs.mistral.ai/capabilities/reasoning/, read 2026-11-21)
 */
export function withTextContent(answer: JsonObject): JsonObject {
  const choices = answer["choices"];
  if (!Array.isArray(choices)) return answer;
  const repaired = choices.map((choice: unknown) =>
    isJsonObject(choice) ? repairChoice(choice) : choice,
  );
  const isChanged = repaired.some((choice, index) => choice !== choices[index]);
  return isChanged ? { ...answer, choices: repaired } : answer;
}

function repairChoice(choice: JsonObject): JsonObject {
  const place = "delta" in choice ? "delta" : "message";
  const message = choice[place];
  const finished =
    choice["finish_reason"] === "model_length" ? { ...choice, finish_reason: "length" } : choice;
  if (!isJsonObject(message) || !Array.isArray(message["content"])) return finished;
  const text: string[] = [];
  const thoughts: string[] = [];
  for (const part of message["content"]) {
    if (!isJsonObject(part)) continue;
    if (part["type"] === "thinking") thoughts.push(textOf(part["thinking"]));
    else text.push(textOf(part["text"]));
  }
  const reasoning = thoughts.length === 0 ? {} : { reasoning_content: thoughts.join("") };
  return { ...finished, [place]: { ...message, content: text.join(""), ...reasoning } };
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return "";
  return value.map((part: unknown) => (isJsonObject(part) ? textOf(part["text"]) : "")).join("");
}
