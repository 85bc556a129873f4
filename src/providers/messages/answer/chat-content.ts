import { Failure } from "../../../errors.ts";
import { isJsonObject } from "../../../lib/json-text.ts";
import { newId } from "../../../lib/ids.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { extrasOfCall, extrasOfMessage } from "../carried-extras.ts";
import type { MessageBlocks } from "./message-blocks.ts";
import type { ToolNames } from "../tool-names.ts";

/** Takes in what chat messages hold: the pieces of a stream, or a whole message as if it were the only piece. */
export class ChatContent {
  readonly #blocks: MessageBlocks;
  readonly #toolNames: ToolNames;
  #hasRefused = false;

  constructor(blocks: MessageBlocks, toolNames: ToolNames) {
    this.#blocks = blocks;
    this.#toolNames = toolNames;
  }

  /** The model said that it will not answer. */
  get hasRefused(): boolean {
    return this.#hasRefused;
  }

  take(message: JsonObject): void {
    const { reasoning_content: thoughts, reasoning, content, refusal } = message;
    // DeepSeek's name, and that of OpenRouter, Groq and newer vLLM. (their API references, read 2026-11-21)
    if (typeof thoughts === "string") this.#blocks.reasoning(thoughts);
    else if (typeof reasoning === "string") this.#blocks.reasoning(reasoning);
    const extras = extrasOfMessage(message);
    if (extras !== undefined) this.#blocks.messageExtras(extras);
    if (typeof content === "string") this.#blocks.text(content);
    else if (Array.isArray(content)) this.#takeParts(content);
    if (typeof refusal === "string" && refusal !== "") {
      this.#hasRefused = true;
      this.#blocks.text(refusal);
    }
    const calls = message["tool_calls"];
    if (Array.isArray(calls)) this.#takeCalls(calls);
  }

  #takeParts(parts: readonly unknown[]): void {
    for (const part of parts) {
      if (isJsonObject(part) && typeof part["text"] === "string") this.#blocks.text(part["text"]);
    }
  }

  #takeCalls(calls: readonly unknown[]): void {
    calls.forEach((call, order) => {
      if (!isJsonObject(call)) return;
      const place = typeof call["index"] === "number" ? call["index"] : order;
      const fn = isJsonObject(call["function"]) ? call["function"] : {};
      const extras = extrasOfCall(call);
      if (!this.#blocks.hasTool(place)) {
        const id = typeof call["id"] === "string" && call["id"] !== "" ? call["id"] : newToolId();
        const { name } = fn;
        if (typeof name !== "string" || name === "") {
          throw new Failure("upstream_error", "The provider called a tool without naming it.");
        }
        this.#blocks.toolStart(place, { id, name: this.#toolNames.fromChat(name), extras });
      } else if (extras !== undefined) this.#blocks.toolExtras(place, extras);
      if (typeof fn["arguments"] === "string") {
        this.#blocks.toolArguments(place, fn["arguments"]);
      }
    });
  }
}

function newToolId(): string {
  return `toolu_${newId()}`;
}
