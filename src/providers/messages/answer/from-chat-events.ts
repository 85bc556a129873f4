import { Failure, toFailure } from "../../../errors.ts";
import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { makeEvent } from "../../../protocol/sse.ts";
import type { SseEvent } from "../../../protocol/sse.ts";
import type { Usage } from "../../../protocol/usage.ts";
import type { EventBatch, EventStream } from "../../provider.ts";
import { endOf, messageUsage } from "./answer-end.ts";
import { ChatContent } from "./chat-content.ts";
import { messageHead } from "./from-chat.ts";
import type { AnswerContext } from "./from-chat.ts";
import { MessageBlocks } from "./message-blocks.ts";
import type { BlockSink, StartedBlock } from "./message-blocks.ts";

/**
 * A chat's stream as Anthropic's events. Runs once per chunk, about 50 times a second per stream; budget 4 µs,
 * most of it for reading the chunk. (https://docs.claude.com/en/docs/build-with-claude/streaming, read 2026-11-21)
 */
export class MessageEvents implements EventStream {
  readonly #inner: EventStream;
  readonly #context: AnswerContext;
  readonly #written = new WrittenBlocks();
  readonly #blocks: MessageBlocks;
  readonly #content: ChatContent;
  #hasBegun = false;
  /** With the reason for which the answer ended. */
  #lastChoice: JsonObject | undefined;
  #usage: Usage | undefined;
  /** What ended the stream, while events that came before it are on their way. */
  #failure: Failure | undefined;

  constructor(inner: EventStream, context: AnswerContext) {
    this.#inner = inner;
    this.#context = context;
    this.#blocks = new MessageBlocks(this.#written, context.model);
    this.#content = new ChatContent(this.#blocks, context.toolNames);
  }

  get usage(): Usage | undefined {
    return this.#inner.usage ?? this.#usage;
  }

  async next(): Promise<EventBatch> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const batch = await this.#inner.next();
      this.#usage = batch.usage ?? this.#usage;
      this.#takeAll(batch);
      const events = this.#written.take();
      const isLast = batch.isLast && !this.#hasFailed();
      if (isLast || events.length > 0) return { events, usage: this.#usage, isLast };
    }
  }

  cancel(): void {
    this.#inner.cancel();
  }

  #hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  #takeAll(batch: EventBatch): void {
    try {
      for (const event of batch.events) {
        // A comment keeps the line warm, here as there.
        if (event.data === undefined) this.#written.events.push(event);
        else this.#takeChunk(parse(event.data));
      }
      if (batch.isLast) this.#finish();
    } catch (thrown) {
      this.#inner.cancel();
      this.#failure = toFailure(thrown);
    }
  }

  #takeChunk(chunk: JsonObject): void {
    this.#begin(chunk["model"]);
    const choices = chunk["choices"];
    const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
    if (!isJsonObject(choice)) return; // The chunk that holds the usage, which the batch has as well.
    if (isJsonObject(choice["delta"])) this.#content.take(choice["delta"]);
    const finish = choice["finish_reason"];
    if (typeof finish === "string" && finish !== "") this.#lastChoice = choice;
  }

  /** The prompt's tokens are not known yet; the last event but one has them. */
  #begin(model: unknown): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const message = {
      ...messageHead(model, this.#context.model),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: messageUsage(undefined),
    };
    this.#written.write("message_start", JSON.stringify({ type: "message_start", message }));
  }

  #finish(): void {
    if (this.#lastChoice === undefined) {
      throw new Failure("upstream_error", "The provider ended in the middle of its answer.");
    }
    this.#blocks.end();
    const delta = endOf(this.#lastChoice, {
      hasToolCalls: this.#blocks.hasToolCalls,
      hasRefused: this.#content.hasRefused,
      stopSequences: this.#context.stopSequences,
    });
    const usage = messageUsage(this.#usage);
    this.#written.write("message_delta", JSON.stringify({ type: "message_delta", delta, usage }));
    this.#written.write("message_stop", `{"type":"message_stop"}`);
  }
}

function parse(data: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (error) {
    const message = "The provider sent an event that is not JSON.";
    throw new Failure("upstream_error", message, { cause: error });
  }
  return isJsonObject(value) ? value : {};
}

/** The names of a delta and of its one field, by the type of the block that it belongs to. */
const deltaHeads: Readonly<Record<StartedBlock["type"], string>> = {
  text: `{"type":"text_delta","text":`,
  thinking: `{"type":"thinking_delta","thinking":`,
  tool_use: `{"type":"input_json_delta","partial_json":`,
};

/** Blocks as events. Text goes in by way of one `JSON.stringify` of a string. */
class WrittenBlocks implements BlockSink {
  events: SseEvent[] = [];
  #deltaHead = "";

  /** The events since the last call. */
  take(): SseEvent[] {
    const { events } = this;
    this.events = [];
    return events;
  }

  write(name: string, data: string): void {
    this.events.push(makeEvent(data, name));
  }

  start(index: number, block: StartedBlock): void {
    this.#deltaHead = `{"type":"content_block_delta","index":${index},"delta":${deltaHeads[block.type]}`;
    const started = { type: "content_block_start", index, content_block: emptyBlock(block) };
    this.write("content_block_start", JSON.stringify(started));
  }

  add(_index: number, piece: string): void {
    this.write("content_block_delta", `${this.#deltaHead}${JSON.stringify(piece)}}}`);
  }

  stop(index: number, signature: string | undefined): void {
    if (signature !== undefined) {
      const delta = { type: "signature_delta", signature };
      this.write(
        "content_block_delta",
        JSON.stringify({ type: "content_block_delta", index, delta }),
      );
    }
    this.write("content_block_stop", `{"type":"content_block_stop","index":${index}}`);
  }
}

function emptyBlock(block: StartedBlock): object {
  switch (block.type) {
    case "text":
      return { type: "text", text: "" };
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "tool_use":
      return { type: "tool_use", id: block.id, name: block.name, input: {} };
  }
}
