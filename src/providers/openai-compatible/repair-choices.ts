import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { ownValue } from "../../lib/own-value.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";
import { failureFromBody } from "./from-error.ts";
import type { AnswerQuirks } from "./quirks.ts";

/**
 * An answer, or a chunk of one, whose choices say in OpenAI's words what the vendor said in its own; the same
 * object if nothing was wrong. Throws a `Failure` for a choice that says that it broke off.
 */
export function repairChoices(
  answer: JsonObject,
  quirks: AnswerQuirks,
  upstream: UpstreamIdentity,
): JsonObject {
  const choices = answer["choices"];
  if (!Array.isArray(choices)) return answer;
  const repaired = choices.map((choice: unknown) => {
    if (!isJsonObject(choice)) return choice;
    refuseBroken(choice, quirks, upstream);
    return withOwnWords(choice, quirks);
  });
  const isChanged = repaired.some((choice, index) => choice !== choices[index]);
  return isChanged ? { ...answer, choices: repaired } : answer;
}

/** OpenRouter puts the reason beside. (https://openrouter.ai/docs/api/reference/errors-and-debugging, read 2026-11-21) */
function refuseBroken(choice: JsonObject, quirks: AnswerQuirks, upstream: UpstreamIdentity): void {
  const reason = choice["finish_reason"];
  if (typeof reason !== "string" || !quirks.failedReasons.includes(reason)) return;
  const said = choice["error"] ?? {
    message: `${upstream.name} broke its answer off and said why in one word: ${reason}.`,
  };
  throw failureFromBody({ error: said }, upstream);
}

function withOwnWords(choice: JsonObject, { finishReasons }: AnswerQuirks): JsonObject {
  const place = "delta" in choice ? "delta" : "message";
  const message = choice[place];
  const finish = ownValue(finishReasons, choice["finish_reason"]);
  const finished = finish === undefined ? choice : { ...choice, finish_reason: finish };
  if (!isJsonObject(message)) return finished;
  const repaired = withReasoningContent(withTextContent(message));
  return repaired === message ? finished : { ...finished, [place]: repaired };
}

/**
 * Mistral's models that think answer with a list of parts where OpenAI's clients expect text. The text
 * becomes `content`, the thoughts `reasoning_content`, which is where other vendors put them.
 * (https://docs.mistral.ai/capabilities/reasoning/, read 2026-11-21)
 */
function withTextContent(message: JsonObject): JsonObject {
  const { content } = message;
  if (!Array.isArray(content)) return message;
  const text: string[] = [];
  const thoughts: string[] = [];
  for (const part of content) {
    if (!isJsonObject(part)) continue;
    if (part["type"] === "thinking") thoughts.push(textOf(part["thinking"]));
    else text.push(textOf(part["text"]));
  }
  const reasoning = thoughts.length === 0 ? {} : { reasoning_content: thoughts.join("") };
  return { ...message, content: text.join(""), ...reasoning };
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return "";
  return value.map((part: unknown) => (isJsonObject(part) ? textOf(part["text"]) : "")).join("");
}

/** What Groq, Ollama, OpenRouter, Together and vLLM call `reasoning` stays, and is there under this name too. */
function withReasoningContent(message: JsonObject): JsonObject {
  const { reasoning } = message;
  if (typeof reasoning !== "string" || message["reasoning_content"] != null) return message;
  return { ...message, reasoning_content: reasoning };
}
