import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { DeliveredText } from "../../cost/delivered-text.ts";
import type { Exchange } from "../../exchange.ts";
import { bounded, wantsSeveral } from "./judged-text.ts";
import type { JudgedEndpoint } from "./judged-text.ts";

export interface SaidBy {
  readonly request: Pick<Exchange["request"], "value">;
  readonly spoken?: Pick<DeliveredText, "text" | "characters" | "isTruncated"> | undefined;
  readonly answerBytes?: Buffer | undefined;
}

export interface SaidAnswer {
  readonly text: string;
  /** Before it was cut, in UTF-16 units. */
  readonly characters: number;
}

/**
 * What the model answered, without what it thought: of a whole answer its first choice, of a stream all that was
 * delivered. Undefined where it said nothing, and for a stream of several answers, which are mixed in it.
 */
export function answerSaid(
  endpoint: JudgedEndpoint,
  { request, spoken, answerBytes }: SaidBy,
): SaidAnswer | undefined {
  if (spoken !== undefined && wantsSeveral(request.value)) return undefined;
  const text = spoken === undefined ? wholeText(endpoint, answerBytes) : streamedText(spoken);
  if (text.trim() === "") return undefined;
  return { text: bounded(text), characters: spoken?.characters ?? text.length };
}

/** What was not kept is not the model's fault: it did not stop in the middle of a word. */
const streamedText = ({ text, isTruncated }: NonNullable<SaidBy["spoken"]>): string =>
  isTruncated ? `${text}\n[…]` : text;

function wholeText(endpoint: JudgedEndpoint, bytes: Buffer | undefined): string {
  const answer = bytes === undefined ? undefined : parsed(bytes.toString("utf8"));
  return answer === undefined ? "" : saidIn(endpoint, answer);
}

/** Of an answer that was kept whole; empty where it was cut and is no JSON any more. */
export function storedText(endpoint: JudgedEndpoint, kept: string): string {
  const answer = parsed(kept);
  return answer === undefined ? "" : saidIn(endpoint, answer);
}

function parsed(text: string): JsonObject | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // It was cut, or is none of ours.
  }
}

function saidIn(endpoint: JudgedEndpoint, answer: JsonObject): string {
  switch (endpoint) {
    case "chat": {
      const message = objectsOf(answer["choices"])[0]?.["message"];
      return isJsonObject(message) ? messageText(message) : "";
    }
    case "completions":
      return textOf(objectsOf(answer["choices"])[0]?.["text"]);
    case "messages":
      return objectsOf(answer["content"]).flatMap(blockText).join("\n");
    case "responses":
      return objectsOf(answer["output"]).flatMap(outputText).join("\n");
  }
}

function messageText(message: JsonObject): string {
  const { content, refusal } = message;
  const parts = [
    textOf(content),
    ...objectsOf(content).flatMap(blockText),
    textOf(refusal),
    ...objectsOf(message["tool_calls"]).map(({ function: call }) =>
      isJsonObject(call) ? called(call["name"], call["arguments"]) : "",
    ),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function outputText(item: JsonObject): readonly string[] {
  const { type, name, content } = item;
  if (type === "message") return objectsOf(content).flatMap(blockText);
  return type === "function_call" ? [called(name, item["arguments"])] : [];
}

function blockText(block: JsonObject): readonly string[] {
  const { type, text, refusal, name, input } = block;
  if (type === "tool_use") return [called(name, input)];
  if (type === "thinking" || type === "redacted_thinking" || type === "reasoning") return [];
  return [textOf(text), textOf(refusal)].filter((part) => part !== "");
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function called(name: unknown, given: unknown): string {
  const text = typeof given === "string" ? given : given === undefined ? "" : JSON.stringify(given);
  return `[calls ${textOf(name)}(${text})]`;
}
