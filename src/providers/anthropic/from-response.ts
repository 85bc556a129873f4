import { Failure } from "../../errors.ts";
import { newId } from "../../lib/ids.ts";
import { isJsonObject, objectsOf } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { chatUsage } from "../chat-usage.ts";
import { readCounts, serviceTierOf } from "./answer/usage.ts";
import { isThinkingBlock, textOr } from "./wire.ts";
import type { Block } from "./wire.ts";

export interface CompletionOptions {
  readonly answerTool: string | undefined;
  readonly createdSeconds: number;
  /** The model that was asked for, in case the answer names none. */
  readonly model: string;
  readonly upstreamName: string;
}

/** A whole message of Anthropic's as a chat completion. What OpenAI has no place for goes beside it. */
export function toCompletion(message: JsonObject, options: CompletionOptions): JsonObject {
  const { answerTool, createdSeconds, model } = options;
  const blocks = objectsOf(message["content"]);
  const usage = readCounts(message["usage"]);
  const tier = serviceTierOf(message["usage"]);
  const choice = {
    index: 0,
    message: toMessage(message, blocks, options),
    logprobs: null,
    finish_reason: finishReason(message["stop_reason"], hasCalls(blocks, answerTool)),
  };
  return {
    id: textOr(message["id"], `chatcmpl-${newId()}`),
    object: "chat.completion",
    created: createdSeconds,
    model: textOr(message["model"], model),
    choices: [choice],
    ...(usage === undefined ? {} : { usage: chatUsage(usage) }),
    ...(tier === undefined ? {} : { service_tier: tier }),
  };
}

function toMessage(
  message: JsonObject,
  blocks: readonly Block[],
  { answerTool, upstreamName }: CompletionOptions,
): JsonObject {
  const uses = blocks.filter((block) => block["type"] === "tool_use");
  const answer = uses.find(({ name }) => name === answerTool);
  const calls = uses.filter(({ name }) => name !== answerTool);
  const thoughts = blocks.filter(isThinkingBlock);
  const reasoning = thoughts.map((block) => textOr(block["thinking"], "")).join("");
  // What is said beside an answer that is JSON would break it.
  const texts = answer === undefined ? blocks.filter((block) => block["type"] === "text") : [];
  const said =
    answer === undefined
      ? texts.map((block) => textOr(block["text"], "")).join("")
      : inputText(answer["input"]);
  const isSilent = texts.length === 0 && answer === undefined && calls.length > 0;
  return {
    role: "assistant",
    content: isSilent ? null : said,
    refusal: refusalOf(message),
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => toCall(call, upstreamName)) }),
    ...beside({ texts, thoughts, serverBlocks: blocks.filter(isServerBlock) }),
  };
}

/** What OpenAI has no place for, or only one for pages of the web. */
export function beside(message: {
  readonly texts: readonly Block[];
  readonly thoughts: readonly Block[];
  readonly serverBlocks: readonly Block[];
}): JsonObject {
  const { texts, thoughts, serverBlocks } = message;
  return {
    ...(thoughts.length === 0 ? {} : { thinking_blocks: thoughts }),
    ...citationsOf(texts),
    ...(serverBlocks.length === 0 ? {} : { server_tool_blocks: serverBlocks }),
  };
}

function toCall(block: Block, upstreamName: string): JsonObject {
  const { id, name } = calledTool(block, upstreamName);
  return { id, type: "function", function: { name, arguments: inputText(block["input"]) } };
}

/** Which tool a block calls. An id can be made up where there is none; a name cannot. */
export function calledTool(
  { id, name }: Block,
  upstreamName: string,
): { readonly id: string; readonly name: string } {
  if (typeof name === "string" && name !== "") {
    return { id: textOr(id, "") || `toolu_${newId()}`, name };
  }
  throw new Failure("upstream_error", `${upstreamName} called a tool without naming it.`);
}

export function inputText(input: unknown): string {
  return JSON.stringify(isJsonObject(input) ? input : {});
}

function hasCalls(blocks: readonly Block[], answerTool: string | undefined): boolean {
  return blocks.some(({ type, name }) => type === "tool_use" && name !== answerTool);
}

/** What Anthropic's own tools were asked and gave: the client has nothing to do about it. */
export function isServerBlock(block: Block): boolean {
  return block["type"] !== "text" && block["type"] !== "tool_use" && !isThinkingBlock(block);
}

/** Why Anthropic would not answer, where it says so. */
export function refusalOf(message: JsonObject): string | null {
  const details = message["stop_details"];
  if (message["stop_reason"] !== "refusal" || !isJsonObject(details)) return null;
  return typeof details["explanation"] === "string" ? details["explanation"] : null;
}

/** (https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons, read 2026-11-21) */
const finishReasons = new Map<unknown, string>([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["pause_turn", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["refusal", "content_filter"],
]);

/** `tool_use` is the end of an answer that was given by way of a tool, and a call to all others. */
export function finishReason(stopReason: unknown, hasToolCalls: boolean): string {
  return finishReasons.get(stopReason) ?? (hasToolCalls ? "tool_calls" : "stop");
}

/** The sources of texts that follow each other. OpenAI has a form for pages of the web; the others stay as they are. */
function citationsOf(texts: readonly Block[]): JsonObject {
  const citations: JsonObject[] = [];
  const annotations: JsonObject[] = [];
  let start = 0;
  for (const block of texts) {
    const end = start + textOr(block["text"], "").length;
    const place = { start_index: start, end_index: end };
    for (const citation of objectsOf(block["citations"])) {
      citations.push({ ...citation, ...place });
      const { url, title } = citation;
      if (typeof url !== "string") continue;
      annotations.push({ type: "url_citation", url_citation: { url, title, ...place } });
    }
    start = end;
  }
  return {
    ...(annotations.length === 0 ? {} : { annotations }),
    ...(citations.length === 0 ? {} : { citations }),
  };
}
