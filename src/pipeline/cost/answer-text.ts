import { isJsonObject, objectsOf } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { Endpoint } from "../../protocol/endpoints.ts";

/**
 * What a model wrote in a whole answer: its text, thoughts, refusals and the names and arguments of tool calls, as
 * `DeliveredText` gathers them from a stream. Empty for endpoints whose answers nobody writes.
 */
export function answerText(endpoint: Endpoint, answer: JsonObject): string {
  const texts: string[] = [];
  switch (endpoint) {
    case "chat":
      for (const { message } of objectsOf(answer["choices"])) addMessage(message, texts);
      break;
    case "completions":
      for (const { text } of objectsOf(answer["choices"])) addText(text, texts);
      break;
    case "responses":
      for (const item of objectsOf(answer["output"])) addItem(item, texts);
      break;
    case "messages":
      for (const block of objectsOf(answer["content"])) addBlock(block, texts);
      break;
    case "embeddings":
    case "moderations":
    case "count_tokens":
  }
  return texts.join("");
}

function addMessage(message: unknown, texts: string[]): void {
  if (!isJsonObject(message)) return;
  const { reasoning_content: thoughts, reasoning, content, refusal, function_call: call } = message;
  addText(typeof thoughts === "string" && thoughts !== "" ? thoughts : reasoning, texts);
  addText(content, texts);
  for (const part of objectsOf(content)) addText(part["text"], texts);
  addText(refusal, texts);
  addCall(call, texts);
  for (const each of objectsOf(message["tool_calls"])) {
    addCall(each["function"] ?? each["custom"], texts);
  }
}

/** An item of /v1/responses: a message, thoughts, or a call. */
function addItem(item: JsonObject, texts: string[]): void {
  for (const part of [...objectsOf(item["summary"]), ...objectsOf(item["content"])]) {
    addText(part["text"], texts);
    addText(part["refusal"], texts);
  }
  addCall(item, texts);
}

function addBlock(block: JsonObject, texts: string[]): void {
  addText(block["text"], texts);
  addText(block["thinking"], texts);
  addText(block["name"], texts);
  if (isJsonObject(block["input"])) texts.push(JSON.stringify(block["input"]));
}

function addCall(call: unknown, texts: string[]): void {
  if (!isJsonObject(call)) return;
  addText(call["name"], texts);
  addText(call["arguments"], texts);
  addText(call["input"], texts);
}

function addText(text: unknown, texts: string[]): void {
  if (typeof text === "string") texts.push(text);
}
