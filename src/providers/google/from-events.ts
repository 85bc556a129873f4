import type { Failure } from "../../errors.ts";
import { newId } from "../../lib/ids.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import { SseReader, makeEvent } from "../../protocol/sse.ts";
import type { SseEvent } from "../../protocol/sse.ts";
import type { Usage } from "../../protocol/usage.ts";
import { ChatChunks } from "../chat-chunks.ts";
import { chatUsage } from "../chat-usage.ts";
import type { EventBatch, EventStream } from "../provider.ts";
import { eventsOf } from "../transport/peek.ts";
import { answerBytesMax } from "../transport/read-all.ts";
import type { UpstreamBody } from "../transport/upstream-call.ts";
import { AnswerReader } from "./answer/answer-reader.ts";
import type { Piece } from "./answer/answer-reader.ts";
import { parseAnswer } from "./from-response.ts";
import type { AnswerContext } from "./from-response.ts";
import { eventFailure } from "../upstream-failure.ts";

const doneMarker = "[DONE]";
const blankLine = Buffer.from("\n\n");

/**
 * Gemini's stream as OpenAI's. Errors come as JSON, and so does the answer where a proxy lost `alt=sse`.
 * `showsUsage`: the client asked for it.
 */
export function readStream(
  body: UpstreamBody,
  context: AnswerContext,
  showsUsage: boolean,
): EventStream {
  return eventsOf(body, {
    events: (stream) => new GeminiEvents(stream, context, showsUsage),
    whole: (bytes) => wholeAsEvents(bytes, context, showsUsage),
    wholeBytesMax: answerBytesMax,
    upstreamName: context.upstream.name,
  });
}

/**
 * Gemini's events as OpenAI's chunks. Runs once per event; budget 10 µs. How the choices ended, and the usage, are
 * held back until the upstream has ended: it repeats the usage, and in some models the finish reason, in each
 * event, and it has no marker for its end.
 */
class GeminiEvents implements EventStream {
  readonly #body: UpstreamBody;
  readonly #context: AnswerContext;
  /** Usage is shown only to who asked for it. */
  readonly #showsUsage: boolean;
  readonly #answer: AnswerReader;
  readonly #reader = new SseReader();
  /** What every chunk repeats; known from the first event on. */
  #identity: ConstructorParameters<typeof ChatChunks>[0] | undefined;
  /** Each choice has its own, because the first chunk of each names the role. */
  readonly #chunks = new Map<number, ChatChunks>();
  /** What ended the stream, while events that came before it are on their way. */
  #failure: Failure | undefined;

  constructor(body: UpstreamBody, context: AnswerContext, showsUsage: boolean) {
    this.#body = body;
    this.#context = context;
    this.#showsUsage = showsUsage;
    this.#answer = new AnswerReader(context);
  }

  get usage(): Usage | undefined {
    return this.#answer.usage;
  }

  async next(): Promise<EventBatch> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const bytes = await this.#body.next();
      const events: SseEvent[] = [];
      try {
        if (bytes === undefined) return this.#end(events);
        this.#take(bytes, events);
      } catch (thrown) {
        this.cancel();
        this.#failure = eventFailure(thrown, this.#context.upstream.name);
      }
      if (events.length > 0) return { events, usage: this.#answer.usage, isLast: false };
    }
  }

  cancel(): void {
    this.#body.cancel();
  }

  #take(bytes: Buffer, events: SseEvent[]): void {
    for (const event of this.#reader.push(bytes)) this.#takeEvent(event, events);
  }

  #takeEvent(event: SseEvent, events: SseEvent[]): void {
    const text = event.data?.trim();
    if (event.data === undefined) events.push(event);
    if (text === undefined || text === "" || text === doneMarker) return;
    const response: unknown = JSON.parse(text);
    const objects = (Array.isArray(response) ? response : [response]).filter(isJsonObject);
    for (const object of objects) this.#write(this.#answer.read(object), events);
  }

  #end(events: SseEvent[]): EventBatch {
    // The last event may lack its blank line; half an event is no JSON and fails here.
    if (this.#reader.isMidEvent) this.#take(blankLine, events);
    const endings = this.#answer.endings();
    for (const { index, reason } of endings) {
      events.push(this.#writer(index).finish(reason, index));
    }
    const { usage } = this.#answer;
    if (this.#showsUsage && usage !== undefined)
      events.push(this.#writer(0).usage(chatUsage(usage)));
    return { events, usage, isLast: true };
  }

  #write(pieces: readonly Piece[], events: SseEvent[]): void {
    for (const piece of pieces) events.push(eventOf(piece, this.#writer(piece.index)));
  }

  #writer(index: number): ChatChunks {
    const known = this.#chunks.get(index);
    if (known !== undefined) return known;
    this.#identity ??= {
      id: this.#answer.id ?? `chatcmpl-${newId()}`,
      model: this.#answer.model ?? this.#context.model,
      createdSeconds: Math.floor(Date.now() / 1_000),
    };
    const made = new ChatChunks(this.#identity);
    this.#chunks.set(index, made);
    return made;
  }
}

/** The events of what came as JSON. */
function wholeAsEvents(bytes: Buffer, context: AnswerContext, showsUsage: boolean): EventStream {
  const answers = parseAnswer(bytes, context.upstream);
  const parts = answers.map((answer) => makeEvent(JSON.stringify(answer)).raw);
  const body: UpstreamBody = {
    next: () => Promise.resolve(parts.shift()),
    cancel: () => undefined,
    drain: () => undefined,
  };
  return new GeminiEvents(body, context, showsUsage);
}

function eventOf(piece: Piece, chunks: ChatChunks): SseEvent {
  const { index } = piece;
  switch (piece.kind) {
    case "text":
      return index === 0 ? chunks.text(piece.text) : chunks.delta({ content: piece.text }, index);
    case "reasoning":
      if (index === 0) return chunks.reasoning(piece.text);
      return chunks.delta({ reasoning_content: piece.text }, index);
    case "call": {
      const { index: place, id, name, arguments: json, extra } = piece.call;
      const named = { name, arguments: json };
      const call = { index: place, id, type: "function", function: named, ...extra };
      return chunks.delta({ tool_calls: [call] }, index);
    }
    case "media":
      return chunks.delta({ [piece.field]: [piece.item] }, index);
    case "fields":
      return chunks.delta(piece.fields, index);
  }
}
