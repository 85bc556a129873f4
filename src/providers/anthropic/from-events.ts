import type { Failure } from "../../errors.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { SseReader } from "../../protocol/sse.ts";
import type { SseEvent } from "../../protocol/sse.ts";
import type { Usage } from "../../protocol/usage.ts";
import type { EventBatch, EventStream } from "../provider.ts";
import type { UpstreamBody } from "../transport/upstream-call.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";
import { failureWithin } from "./from-error.ts";
import { cutStream, eventFailure } from "../upstream-failure.ts";

/** What becomes of the events of one stream: a chat's chunks, or the same events again. */
export interface EventTaker {
  /** Adds to `out` what this event gives. Called for events with data, up to and with the last. */
  take(event: SseEvent, out: SseEvent[]): void;
  /** Whether `message_stop` has come. */
  readonly isDone: boolean;
  readonly usage: Usage | undefined;
}

/**
 * A stream of Anthropic's, which ends with `message_stop`; one that ends in any other way was cut. Runs once
 * per event, about 50 times a second per stream.
 */
export class AnthropicEvents implements EventStream {
  readonly #body: UpstreamBody;
  readonly #taker: EventTaker;
  readonly #upstreamName: string;
  readonly #reader = new SseReader();
  /** What ended the stream, while events that came before it are on their way. */
  #failure: Failure | undefined;
  #hasEvents = false;

  constructor(body: UpstreamBody, taker: EventTaker, upstreamName: string) {
    this.#body = body;
    this.#taker = taker;
    this.#upstreamName = upstreamName;
  }

  get usage(): Usage | undefined {
    return this.#taker.usage;
  }

  async next(): Promise<EventBatch> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const bytes = await this.#body.next();
      if (bytes === undefined) throw cutStream(this.#upstreamName, this.#hasEvents);
      const events: SseEvent[] = [];
      try {
        this.#takeAll(bytes, events);
      } catch (thrown) {
        this.cancel();
        this.#failure = eventFailure(thrown, this.#upstreamName);
      }
      const { isDone: isLast, usage } = this.#taker;
      if (isLast && this.#failure === undefined) this.#body.drain();
      if (isLast || events.length > 0) return { events, usage, isLast };
    }
  }

  cancel(): void {
    this.#body.cancel();
  }

  #takeAll(bytes: Buffer, events: SseEvent[]): void {
    for (const event of this.#reader.push(bytes)) {
      if (this.#taker.isDone) return;
      if (event.data === undefined) events.push(event);
      else {
        this.#hasEvents = true;
        this.#taker.take(event, events);
      }
    }
  }
}

/** The event's JSON. Throws what an `error` event says, and `SyntaxError` for what is no JSON object. */
export function readEvent(event: SseEvent, upstream: UpstreamIdentity): JsonObject {
  const value: unknown = JSON.parse(event.data ?? "");
  if (!isJsonObject(value)) throw new SyntaxError("not a JSON object");
  if (value["type"] === "error") throw failureWithin(value, upstream);
  return value;
}
