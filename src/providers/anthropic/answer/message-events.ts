import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { blockEvents } from "../../../protocol/message-blocks.ts";
import { makeEvent } from "../../../protocol/sse.ts";
import type { SseEvent } from "../../../protocol/sse.ts";
import type { EventBatch, EventStream } from "../../provider.ts";
import type { EventTaker } from "../from-events.ts";
import { mergeCounts } from "./usage.ts";
import { inputField, textOr } from "../wire.ts";
import type { Block } from "../wire.ts";

/**
 * The two forms of a message into each other, for servers that answer in the one that was not asked for. This
 * one makes the stream of a whole message, taken as if it had come as one.
 */
export function streamOf(message: JsonObject, taker: EventTaker): EventStream {
  const events: SseEvent[] = [];
  for (const value of eventsOf(message)) {
    taker.take(makeEvent(JSON.stringify(value), String(value["type"])), events);
  }
  const batch: EventBatch = { events, usage: taker.usage, isLast: true };
  return { next: () => Promise.resolve(batch), cancel: () => undefined };
}

function eventsOf(message: JsonObject): JsonObject[] {
  const { content, stop_reason: reason, stop_sequence: sequence, stop_details: details } = message;
  const begun = { ...message, content: [], stop_reason: null, stop_sequence: null };
  const blocks = objectsOf(content).flatMap(blockEvents);
  const delta = {
    stop_reason: reason ?? null,
    stop_sequence: sequence ?? null,
    ...(details === undefined ? {} : { stop_details: details }),
  };
  return [
    { type: "message_start", message: begun },
    ...blocks,
    { type: "message_delta", delta, usage: message["usage"] ?? {} },
    { type: "message_stop" },
  ];
}

/** Puts the events of a stream together to the whole message. */
export class MessageBuilder {
  #message: JsonObject = {};
  readonly #blocks: Block[] = [];
  /** The input of the block that is open, as far as it has come. */
  #json = "";

  add(event: JsonObject): void {
    switch (event["type"]) {
      case "message_start":
        if (isJsonObject(event["message"])) this.#message = event["message"];
        break;
      case "content_block_start":
        this.#json = "";
        if (isJsonObject(event["content_block"])) this.#blocks.push(event["content_block"]);
        break;
      case "content_block_delta":
        if (isJsonObject(event["delta"])) this.#continue(event["delta"]);
        break;
      case "content_block_stop":
        if (this.#json !== "") this.#change(inputField(this.#json));
        this.#json = "";
        break;
      case "message_delta": {
        const counts = isJsonObject(this.#message["usage"]) ? this.#message["usage"] : {};
        const usage = mergeCounts(counts, event["usage"]);
        const ending = isJsonObject(event["delta"]) ? event["delta"] : {};
        this.#message = { ...this.#message, ...ending, usage };
        break;
      }
      default: // Nothing that a whole message has.
    }
  }

  build(): JsonObject {
    return { ...this.#message, content: this.#blocks };
  }

  #continue(delta: JsonObject): void {
    const block = this.#blocks.at(-1) ?? {};
    const longer = (name: string): void => {
      this.#change({ [name]: textOr(block[name], "") + textOr(delta[name], "") });
    };
    switch (delta["type"]) {
      case "text_delta":
        longer("text");
        break;
      case "thinking_delta":
        longer("thinking");
        break;
      case "signature_delta":
        longer("signature");
        break;
      case "input_json_delta":
        this.#json += textOr(delta["partial_json"], "");
        break;
      case "citations_delta":
        this.#change({ citations: [...objectsOf(block["citations"]), delta["citation"]] });
        break;
      default: // A kind of content that came after this was written.
    }
  }

  #change(fields: JsonObject): void {
    this.#blocks.push({ ...this.#blocks.pop(), ...fields });
  }
}
