import { hash } from "node:crypto";

import { parseExactly } from "../../../lib/exact-json.ts";
import { isJsonObject, objectsOf, readJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { textBlock, toBlocks, withCacheMark } from "./blocks.ts";
import { cacheMark, invalid, isThinkingBlock, textOr } from "../wire.ts";
import type { Block, Turn } from "../wire.ts";

/** The messages of a chat as Anthropic has them: what the system says apart, then turns that alternate. */
export interface Dialogue {
  readonly system: readonly Block[];
  readonly turns: readonly Turn[];
}

/**
 * System and developer messages become the system prompt wherever they stand, in their order, as in Anthropic's
 * own layer for OpenAI's SDKs. Messages of one role that follow each other become one turn.
 * (https://platform.claude.com/docs/en/api/openai-sdk, read 2026-11-21)
 */
export function toDialogue(request: JsonObject, keepsThinking: boolean): Dialogue {
  const system: (readonly Block[])[] = [];
  const turns: OpenTurn[] = [];
  objectsOf(request["messages"]).forEach((message, index) => {
    const path = `messages[${index}]`;
    switch (message["role"]) {
      case "system":
      case "developer":
        system.push(systemBlocks(message, path));
        break;
      case "user":
        add(turns, "user", messageBlocks(message, path));
        break;
      case "assistant":
        add(turns, "assistant", assistantBlocks(message, path, keepsThinking));
        break;
      case "tool":
        add(turns, "user", [toolResult(message, path)]);
        break;
      default:
        throw invalid(
          `${path}.role`,
          `is '${String(message["role"])}', which is no role of a chat.`,
        );
    }
  });
  const filled = system.filter((blocks) => blocks.length > 0);
  // A chat of instructions alone is asked as a question: Anthropic wants a user to speak.
  const asked = turns.length === 0 ? filled.pop() : undefined;
  if (asked !== undefined) turns.push({ role: "user", content: [...asked] });
  if (turns.length === 0) throw invalid("messages", "must have a message that is not empty.");
  return { system: filled.flat(), turns: finished(turns) };
}

interface OpenTurn {
  readonly role: Turn["role"];
  readonly content: Block[];
}

function add(turns: OpenTurn[], role: Turn["role"], blocks: readonly Block[]): void {
  if (blocks.length === 0) return;
  const last = turns.at(-1);
  if (last?.role === role) last.content.push(...blocks);
  else turns.push({ role, content: [...blocks] });
}

/** What is said in place of a user who has not spoken yet: the first turn must be the user's. */
const placeholder: Turn = { role: "user", content: [{ type: "text", text: "." }] };

function finished(turns: readonly OpenTurn[]): readonly Turn[] {
  const ordered = turns.map((turn, index) => {
    if (turn.role === "user") return { ...turn, content: resultsFirst(turn.content) };
    return index === turns.length - 1 ? withoutTrailingSpace(turn) : turn;
  });
  const spoken = ordered.filter(({ content }) => content.length > 0);
  return spoken[0]?.role === "assistant" ? [placeholder, ...spoken] : spoken;
}

/** All results of one round of calls go in one turn, before anything that the user says. */
function resultsFirst(content: readonly Block[]): readonly Block[] {
  const isResult = (block: Block): boolean => block["type"] === "tool_result";
  const firstOther = content.findIndex((block) => !isResult(block));
  if (firstOther === -1 || !content.slice(firstOther).some(isResult)) return content;
  return [...content.filter(isResult), ...content.filter((block) => !isResult(block))];
}

/** Anthropic refuses an answer that is to be continued after white space. */
function withoutTrailingSpace(turn: Turn): Turn {
  const last = turn.content.at(-1);
  if (last?.["type"] !== "text") return turn;
  const trimmed = { ...last, text: textOr(last["text"], "").trimEnd() };
  return { ...turn, content: [...turn.content.slice(0, -1), trimmed] };
}

function systemBlocks(message: JsonObject, path: string): readonly Block[] {
  const blocks = messageBlocks(message, path);
  const wrong = blocks.findIndex((block) => block["type"] !== "text");
  if (wrong === -1) return blocks;
  throw invalid(`${path}.content`, "must be text: Claude's instructions hold nothing else.");
}

function messageBlocks(message: JsonObject, path: string): readonly Block[] {
  return withCacheMark(toBlocks(message["content"], `${path}.content`), message);
}

function assistantBlocks(
  message: JsonObject,
  path: string,
  keepsThinking: boolean,
): readonly Block[] {
  if (message["function_call"] != null) {
    throw invalid(`${path}.function_call`, "is not supported here: use 'tool_calls'.");
  }
  const thinking = keepsThinking ? thoughtsOf(message) : [];
  const refused = textBlock(textOr(message["refusal"], ""), {});
  const said = toBlocks(withoutThoughts(message["content"]), `${path}.content`);
  const calls = Array.isArray(message["tool_calls"]) ? message["tool_calls"] : [];
  const uses = calls.map((call: unknown, index) =>
    toolUse(isJsonObject(call) ? call : {}, `${path}.tool_calls[${index}]`),
  );
  return [...thinking, ...withCacheMark([...refused, ...said, ...uses], message)];
}

/** Where clients keep the signed blocks: in a field of their own, or among the parts of the content. */
function thoughtsOf(message: JsonObject): readonly Block[] {
  const apart = objectsOf(message["thinking_blocks"]).filter(isSigned);
  // Without their signature Anthropic does not take its own thoughts back, nor anybody else's.
  return apart.length > 0 ? apart : objectsOf(message["content"]).filter(isSigned);
}

function withoutThoughts(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  return content.filter((part) => !isJsonObject(part) || !isThinkingBlock(part));
}

function isSigned(block: Block): boolean {
  if (!isThinkingBlock(block)) return false;
  const proof = block["type"] === "thinking" ? block["signature"] : block["data"];
  return typeof proof === "string" && proof !== "";
}

function toolUse(call: JsonObject, path: string): Block {
  const { id, function: fn } = call;
  if (!isJsonObject(fn)) throw invalid(path, "must be the call of a function.");
  if (typeof id !== "string" || id === "") throw invalid(`${path}.id`, "is required.");
  const input = toolInput(fn["arguments"], `${path}.function.arguments`);
  return { type: "tool_use", id: toolId(id), name: fn["name"], input, ...cacheMark(call) };
}

/** Of the JSON in arguments: far more than tools have, and far less than would end our stack. */
const inputDepthMax = 500;

function toolInput(json: unknown, param: string): JsonObject {
  const text = textOr(json, "").trim();
  if (text === "") return {};
  if (!("problem" in readJsonObject(text, inputDepthMax))) {
    const input = parseExactly(text);
    if (isJsonObject(input)) return input;
  }
  throw invalid(param, `must be a JSON object, at most ${inputDepthMax} levels deep.`);
}

function toolResult(message: JsonObject, path: string): Block {
  const { tool_call_id: id, content, is_error: isError } = message;
  if (typeof id !== "string" || id === "") throw invalid(`${path}.tool_call_id`, "is required.");
  return {
    type: "tool_result",
    tool_use_id: toolId(id),
    content: typeof content === "string" ? content : toBlocks(content, `${path}.content`),
    ...(typeof isError === "boolean" ? { is_error: isError } : {}),
    ...cacheMark(message),
  };
}

/** Anthropic takes letters, digits, `_` and `-`; other vendors' ids get another one, the same each time. */
function toolId(id: string): string {
  if (/^[A-Za-z0-9_-]+$/.test(id)) return id;
  return `toolu_${hash("sha256", id, "hex").slice(0, 24)}`;
}
