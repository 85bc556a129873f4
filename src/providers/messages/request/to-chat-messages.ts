import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { toAssistantMessage } from "./assistant-turns.ts";
import {
  asContent,
  availability,
  blocksOf,
  paragraph,
  stringOf,
  toParts,
} from "./content-parts.ts";
import type { PlacedBlock } from "./content-parts.ts";
import { toChatToolResult } from "./tool-results.ts";
import { anthropicOnly, fault } from "./translation.ts";
import type { Translation } from "./translation.ts";

/** The system prompt and all turns as a chat's messages. */
export function toChatMessages(request: JsonObject, translation: Translation): JsonObject[] {
  const messages: JsonObject[] = [];
  const system = systemMessage(blocksOf(request["system"], "system"), translation);
  if (system !== undefined) messages.push(system);
  const calls = new OpenCalls(translation.isStrict);
  for (const turn of turnsOf(request["messages"])) {
    switch (turn.role) {
      case "user":
        messages.push(...userMessages(turn, calls, translation));
        break;
      case "assistant": {
        const message = toAssistantMessage(turn.blocks, translation);
        if (message !== undefined) messages.push(message);
        calls.open(turn);
        break;
      }
      case "system": {
        calls.mustBeClosed(turn.place);
        const message = systemMessage(turn.blocks, translation);
        if (message !== undefined) messages.push(message);
        break;
      }
    }
  }
  calls.mustBeClosed("messages");
  return messages;
}

interface Turn {
  readonly role: "user" | "assistant" | "system";
  readonly blocks: PlacedBlock[];
  /** Where its first message is. */
  readonly place: string;
}

/** Messages of the same role that follow one another are one turn. */
function turnsOf(messages: unknown): Turn[] {
  const turns: Turn[] = [];
  const given = Array.isArray(messages) ? (messages as unknown[]) : [];
  if (given.length === 0) throw fault("messages", "must have at least 1 element.");
  given.forEach((message, index) => {
    const place = `messages[${index}]`;
    if (!isJsonObject(message)) throw fault(place, "must be a message.");
    const { role, content } = message;
    if (role !== "user" && role !== "assistant" && role !== "system") {
      throw fault(`${place}.role`, "must be one of: user, assistant, system.");
    }
    const blocks = blocksOf(content, `${place}.content`);
    const last = turns.at(-1);
    if (last?.role === role) last.blocks.push(...blocks);
    else turns.push({ role, blocks, place });
  });
  return turns;
}

/** The results of the calls before come first, as OpenAI wants it, and then what the user says. */
function userMessages(turn: Turn, calls: OpenCalls, translation: Translation): JsonObject[] {
  const messages: JsonObject[] = [];
  const parts: JsonObject[] = [];
  for (const placed of turn.blocks) {
    if (placed.block["type"] !== "tool_result") continue;
    const { callId, message, attachments } = toChatToolResult(placed, translation);
    calls.close(callId, `${placed.place}.tool_use_id`);
    messages.push(message);
    parts.push(...attachments);
  }
  calls.mustBeClosed(turn.place);
  for (const placed of turn.blocks) {
    if (placed.block["type"] !== "tool_result") parts.push(...toParts(placed, translation));
  }
  if (parts.length > 0) messages.push({ role: "user", content: asContent(parts, paragraph) });
  return messages;
}

/**
 * Coding agents put a line of accounting in front of their system prompt that differs from request to request,
 * and so would keep every prompt cache but Anthropic's own, which knows the line, from ever being hit.
 * (https://github.com/anthropics/claude-code/issues/24168, read 2026-11-21)
 */
const billingLine = "x-anthropic-billing-header:";
const firstLine = /^.*\n?/;

function systemMessage(
  blocks: readonly PlacedBlock[],
  translation: Translation,
): JsonObject | undefined {
  const parts = blocks.flatMap((placed) => systemParts(placed, translation));
  const content = asContent(parts, paragraph);
  return content === "" ? undefined : { role: "system", content };
}

function systemParts(placed: PlacedBlock, translation: Translation): JsonObject[] {
  const { block, place } = placed;
  switch (block["type"]) {
    case "text": {
      const text = stringOf(block, "text", place);
      if (!text.startsWith(billingLine)) return toParts(placed, translation);
      const rest = text.replace(firstLine, "");
      return rest === "" ? [] : toParts({ block: { ...block, text: rest }, place }, translation);
    }
    case "tool_addition":
      return [toolChange(placed, "now available")];
    case "tool_removal":
      return [toolChange(placed, "no longer available")];
    default:
      throw fault(`${place}.type`, "must be text in a system prompt.");
  }
}

/** All tools are given from the start, so that the model only has to be told which to use. */
function toolChange({ block, place }: PlacedBlock, what: string): JsonObject {
  const { tool } = block;
  const name = isJsonObject(tool) ? (tool["name"] ?? tool["tool_name"]) : undefined;
  const isReference = isJsonObject(tool) && tool["type"] === "tool_reference";
  if (isReference && typeof name === "string") {
    return { type: "text", text: availability(name, what) };
  }
  throw anthropicOnly(`${place}.tool`, "a tool that is defined in the middle of a conversation");
}

/** The tool calls that have no result yet. Both vendors refuse a conversation in which one stays without. */
class OpenCalls {
  readonly #isStrict: boolean;
  #ids = new Set<string>();

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict;
  }

  open(turn: Turn): void {
    this.#ids = new Set();
    for (const { block, place } of turn.blocks) {
      if (block["type"] !== "tool_use") continue;
      const id = stringOf(block, "id", place);
      if (this.#ids.has(id)) throw fault(`${place}.id`, `repeats '${id}'.`);
      this.#ids.add(id);
    }
  }

  close(id: string, place: string): void {
    if (this.#ids.delete(id) || !this.#isStrict) return;
    throw fault(place, `has no tool_use '${id}' in the message before, or had its result already.`);
  }

  mustBeClosed(place: string): void {
    const [id] = this.#ids;
    this.#ids.clear();
    if (id === undefined || !this.#isStrict) return;
    throw fault(place, `lacks the tool_result for tool_use '${id}', which must follow at once.`);
  }
}
