import { Failure } from "../../../errors.ts";
import { newId } from "../../../lib/ids.ts";
import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { SseEvent } from "../../../protocol/sse.ts";
import type { Usage } from "../../../protocol/usage.ts";
import { ChatChunks } from "../../chat-chunks.ts";
import { chatUsage } from "../../chat-usage.ts";
import type { UpstreamIdentity } from "../../upstream-failure.ts";
import { readEvent } from "../from-events.ts";
import type { EventTaker } from "../from-events.ts";
import {
  beside,
  calledTool,
  finishReason,
  inputText,
  isServerBlock,
  refusalOf,
} from "../from-response.ts";
import { mergeCounts, readCounts } from "./usage.ts";
import { inputField, isThinkingBlock, textOr } from "../wire.ts";
import type { Block } from "../wire.ts";

export interface ChatTakerOptions {
  readonly upstream: UpstreamIdentity;
  readonly answerTool: string | undefined;
  readonly showsUsage: boolean;
  readonly model: string;
  readonly createdSeconds: number;
}

/** In place of a `ping`: it keeps the line warm and is no event, so that the stream has not begun yet. */
const keepAlive: SseEvent = { raw: Buffer.from(":\n\n"), name: "", data: undefined };

/**
 * Anthropic's events as the chunks of a chat. Runs once per event; budget 5 µs, most of it `JSON.parse`. Nothing
 * leaves before the first content, so that a failure until then can still be retried.
 * (https://platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11-21)
 */
export class ChatTaker implements EventTaker {
  readonly #options: ChatTakerOptions;
  #chunks: ChatChunks | undefined;
  /** The block that is open. One is closed before the next begins. */
  #block: OpenBlock | undefined;
  #toolCalls = 0;
  #hasAnswer = false;
  readonly #texts: Block[] = [];
  readonly #thoughts: Block[] = [];
  readonly #serverBlocks: Block[] = [];
  #counts: JsonObject = {};
  #usage: Usage | undefined;
  #ending: JsonObject = {};
  #isDone = false;

  constructor(options: ChatTakerOptions) {
    this.#options = options;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  take(event: SseEvent, out: SseEvent[]): void {
    const value = readEvent(event, this.#options.upstream);
    switch (value["type"]) {
      case "message_start":
        this.#start(isJsonObject(value["message"]) ? value["message"] : {});
        break;
      case "content_block_start":
        this.#open(isJsonObject(value["content_block"]) ? value["content_block"] : {}, out);
        break;
      case "content_block_delta":
        if (isJsonObject(value["delta"])) this.#continue(value["delta"], out);
        break;
      case "content_block_stop":
        this.#close(out);
        break;
      case "message_delta":
        this.#count(value["usage"]);
        if (isJsonObject(value["delta"])) this.#ending = { ...this.#ending, ...value["delta"] };
        break;
      case "message_stop":
        this.#finish(out);
        break;
      case "ping":
        out.push(keepAlive);
        break;
      default: // Anthropic may add kinds of events, and says that clients should pass over them.
    }
  }

  #start(message: JsonObject): void {
    this.#chunks = this.#newChunks(textOr(message["id"], newId()), message["model"]);
    this.#count(message["usage"]);
  }

  /** Read when it comes, and not with each batch of events. */
  #count(counts: unknown): void {
    this.#counts = mergeCounts(this.#counts, counts);
    this.#usage = readCounts(this.#counts);
  }

  #newChunks(id: string, model: unknown): ChatChunks {
    const { model: asked, createdSeconds } = this.#options;
    return new ChatChunks({ id, model: textOr(model, asked), createdSeconds });
  }

  get #to(): ChatChunks {
    return (this.#chunks ??= this.#newChunks(newId(), undefined));
  }

  #open(start: Block, out: SseEvent[]): void {
    this.#close(out);
    const isTool = start["type"] === "tool_use";
    const isCall = isTool && start["name"] !== this.#options.answerTool;
    this.#block = {
      start,
      isAnswer: isTool && !isCall && !this.#hasAnswer,
      callIndex: isCall ? this.#toolCalls++ : -1,
      text: "",
      json: "",
      signature: "",
      citations: [],
    };
    this.#hasAnswer ||= this.#block.isAnswer;
    if (isCall) {
      const call = { ...calledTool(start, this.#options.upstream.name), arguments: "" };
      out.push(this.#to.toolCall(this.#block.callIndex, call));
    }
    const text = textOr(start["text"], "");
    if (text !== "") this.#addText(this.#block, text, out);
  }

  #continue(delta: JsonObject, out: SseEvent[]): void {
    const block = this.#block;
    if (block === undefined) return;
    switch (delta["type"]) {
      case "text_delta":
        this.#addText(block, textOr(delta["text"], ""), out);
        break;
      case "input_json_delta":
        this.#addJson(block, textOr(delta["partial_json"], ""), out);
        break;
      case "thinking_delta":
        this.#addThought(block, textOr(delta["thinking"], ""), out);
        break;
      case "signature_delta":
        block.signature += textOr(delta["signature"], "");
        break;
      case "citations_delta":
        block.citations.push(delta["citation"]);
        break;
      default: // A kind of content that came after this was written.
    }
  }

  #addText(block: OpenBlock, text: string, out: SseEvent[]): void {
    if (text === "") return;
    block.text += text;
    // What is said beside an answer that is JSON would break it: it waits for the end.
    if (this.#options.answerTool === undefined) out.push(this.#to.text(text));
  }

  #addJson(block: OpenBlock, json: string, out: SseEvent[]): void {
    if (json === "") return;
    block.json += json;
    if (block.isAnswer) out.push(this.#to.text(json));
    else if (block.callIndex >= 0) out.push(this.#to.toolArguments(block.callIndex, json));
  }

  #addThought(block: OpenBlock, thought: string, out: SseEvent[]): void {
    if (thought === "") return;
    block.text += thought;
    out.push(this.#to.reasoning(thought));
  }

  /** What can be said only of a whole block. */
  #close(out: SseEvent[]): void {
    const block = this.#block;
    if (block === undefined) return;
    this.#block = undefined;
    const { start } = block;
    // A tool without parameters, or one whose input came in one piece.
    if (start["type"] === "tool_use" && block.json === "") {
      this.#addJson(block, inputText(start["input"]), out);
    } else if (isThinkingBlock(start)) {
      this.#thoughts.push(wholeThought(block));
    } else if (isServerBlock(start)) {
      this.#serverBlocks.push(wholeServerBlock(block));
    } else if (start["type"] === "text") {
      this.#texts.push({ text: block.text, citations: block.citations });
    }
  }

  #finish(out: SseEvent[]): void {
    const { name } = this.#options.upstream;
    if (typeof this.#ending["stop_reason"] !== "string") {
      throw new Failure("upstream_error", `${name} ended in the middle of its answer.`);
    }
    this.#close(out);
    this.#isDone = true;
    this.#addLists(out);
    const refusal = refusalOf(this.#ending);
    if (refusal !== null) out.push(this.#to.delta({ refusal }));
    out.push(this.#to.finish(finishReason(this.#ending["stop_reason"], this.#toolCalls > 0)));
    const { usage } = this;
    if (this.#options.showsUsage && usage !== undefined) out.push(this.#to.usage(chatUsage(usage)));
  }

  /** Each list once and whole: OpenAI's SDK keeps the last of each, where LangChain's appends. */
  #addLists(out: SseEvent[]): void {
    const { answerTool } = this.#options;
    const texts = this.#hasAnswer ? [] : this.#texts;
    const waiting = answerTool === undefined ? "" : texts.map(({ text }) => text).join("");
    if (waiting !== "") out.push(this.#to.text(waiting));
    const lists = beside({ texts, thoughts: this.#thoughts, serverBlocks: this.#serverBlocks });
    if (Object.keys(lists).length > 0) out.push(this.#to.delta(lists));
  }
}

interface OpenBlock {
  readonly start: Block;
  /** Its input is the answer. */
  readonly isAnswer: boolean;
  /** Which of the client's tool calls it is; -1 for none. */
  readonly callIndex: number;
  /** What has come so far. */
  text: string;
  json: string;
  signature: string;
  readonly citations: unknown[];
}

function wholeThought({ start, text, signature }: OpenBlock): Block {
  if (start["type"] !== "thinking") return start;
  const thinking = textOr(start["thinking"], "") + text;
  return { ...start, thinking, signature: textOr(start["signature"], "") + signature };
}

function wholeServerBlock({ start, json }: OpenBlock): Block {
  return { ...start, ...inputField(json) };
}
