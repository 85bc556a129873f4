import { Failure } from "../../../errors.ts";
import { isJsonObject } from "../../../lib/json-text.ts";
import { newId } from "../../../lib/ids.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { Usage } from "../../../protocol/usage.ts";
import { endOf, messageUsage } from "./answer-end.ts";
import { ChatContent } from "./chat-content.ts";
import { MessageBlocks } from "./message-blocks.ts";
import type { BlockSink, StartedBlock } from "./message-blocks.ts";
import { readArguments } from "../tool-input.ts";
import type { ToolNames } from "../tool-names.ts";

/** What an answer's translation needs of its request. */
export interface AnswerContext {
  /** The model as the provider names it. */
  readonly model: string;
  readonly toolNames: ToolNames;
  readonly stopSequences: readonly unknown[];
}

/** A chat's whole answer as a message. */
export function fromChat(
  completion: JsonObject,
  usage: Usage | undefined,
  context: AnswerContext,
): JsonObject {
  const choices = completion["choices"];
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (!isJsonObject(choice) || !isJsonObject(choice["message"])) {
    throw new Failure("upstream_error", "The provider's answer holds no message.");
  }
  const collected = new CollectedBlocks();
  const blocks = new MessageBlocks(collected, context.model);
  const content = new ChatContent(blocks, context.toolNames);
  content.take(choice["message"]);
  blocks.end();
  const { stopSequences } = context;
  const signs = { hasToolCalls: blocks.hasToolCalls, hasRefused: content.hasRefused };
  return {
    ...messageHead(completion["model"], context.model),
    content: collected.blocks,
    ...endOf(choice, { ...signs, stopSequences }),
    usage: messageUsage(usage),
  };
}

/** The fields that every message begins with. It names the model that answered, where that is told. */
export function messageHead(told: unknown, asked: string): JsonObject {
  const model = typeof told === "string" && told !== "" ? told : asked;
  return { id: `msg_${newId()}`, type: "message", role: "assistant", model };
}

class CollectedBlocks implements BlockSink {
  readonly blocks: JsonObject[] = [];
  #open: StartedBlock = { type: "text" };
  #pieces: string[] = [];

  start(_index: number, block: StartedBlock): void {
    this.#open = block;
    this.#pieces = [];
  }

  add(_index: number, piece: string): void {
    this.#pieces.push(piece);
  }

  stop(_index: number, signature: string | undefined): void {
    const text = this.#pieces.join("");
    const open = this.#open;
    switch (open.type) {
      case "text":
        this.blocks.push({ type: "text", text });
        break;
      case "thinking":
        this.blocks.push({ type: "thinking", thinking: text, signature });
        break;
      case "tool_use": {
        const { id, name } = open;
        this.blocks.push({ type: "tool_use", id, name, input: readArguments(text) });
        break;
      }
    }
  }
}
