import { makeEvent } from "../protocol/sse.ts";
import type { SseEvent } from "../protocol/sse.ts";

/**
 * Writes the chunks of a chat stream as OpenAI does, for vendors whose own streams are something else. Runs
 * once per event of a translated stream; budget 2 µs. What is the same in every chunk is written once, and
 * text goes in by way of one `JSON.stringify` of a string.
 */
export class ChatChunks {
  readonly #head: string;
  #hasRole = false;

  /** `createdSeconds` is a Unix time. */
  constructor(identity: {
    readonly id: string;
    readonly model: string;
    readonly createdSeconds: number;
  }) {
    const { id, model, createdSeconds } = identity;
    this.#head =
      `{"id":${JSON.stringify(id)},"object":"chat.completion.chunk",` +
      `"created":${createdSeconds},"model":${JSON.stringify(model)}`;
  }

  /** A chunk with this delta; the first of all names the role as well. */
  delta(delta: object, index = 0): SseEvent {
    const role = this.#hasRole ? {} : { role: "assistant" };
    return this.#choice(JSON.stringify({ ...role, ...delta }), "null", index);
  }

  text(content: string): SseEvent {
    if (!this.#hasRole) return this.delta({ content });
    return this.#choice(`{"content":${JSON.stringify(content)}}`, "null", 0);
  }

  /** What the model thinks, kept out of `content`: the field that DeepSeek, vLLM and others have for it. */
  reasoning(text: string): SseEvent {
    if (!this.#hasRole) return this.delta({ reasoning_content: text });
    return this.#choice(`{"reasoning_content":${JSON.stringify(text)}}`, "null", 0);
  }

  /** The first chunk of a tool call; only this one has its id and name. `extra` holds more of its fields. */
  toolCall(
    index: number,
    call: { readonly id: string; readonly name: string; readonly arguments: string },
    extra: object = {},
  ): SseEvent {
    const named = { name: call.name, arguments: call.arguments };
    return this.delta({
      tool_calls: [{ index, id: call.id, type: "function", function: named, ...extra }],
    });
  }

  /** More of the arguments of a tool call, as JSON text. */
  toolArguments(index: number, json: string): SseEvent {
    const call = `{"index":${index},"function":{"arguments":${JSON.stringify(json)}}}`;
    return this.#choice(`{"tool_calls":[${call}]}`, "null", 0);
  }

  finish(reason: string, index = 0): SseEvent {
    const delta = this.#hasRole ? "{}" : `{"role":"assistant","content":""}`;
    return this.#choice(delta, JSON.stringify(reason), index);
  }

  /** The chunk after the last, for who asked for it: `usage` is OpenAI's object. */
  usage(usage: object): SseEvent {
    return makeEvent(`${this.#head},"choices":[],"usage":${JSON.stringify(usage)}}`);
  }

  #choice(delta: string, finish: string, index: number): SseEvent {
    this.#hasRole = true;
    const choice = `{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":${finish}}`;
    return makeEvent(`${this.#head},"choices":[${choice}]}`);
  }
}
