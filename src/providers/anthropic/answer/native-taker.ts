import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { SseEvent } from "../../../protocol/sse.ts";
import type { Usage } from "../../../protocol/usage.ts";
import type { UpstreamIdentity } from "../../upstream-failure.ts";
import { readEvent } from "../from-events.ts";
import type { EventTaker } from "../from-events.ts";
import { mergeCounts, readCounts } from "./usage.ts";

/** What an event is looked into for: usage, an error, the end. A quotation of these has its quotes escaped. */
const telling = /"type"\s*:\s*"(?:message_start|message_delta|message_stop|error)"/;

/**
 * Anthropic's events for a client of Anthropic's: they go on as the bytes that came. Runs once per event; budget
 * 2 µs, so that only a few at the beginning and the end are parsed.
 */
export class NativeTaker implements EventTaker {
  readonly #upstream: UpstreamIdentity;
  #counts: JsonObject = {};
  #usage: Usage | undefined;
  #isDone = false;

  constructor(upstream: UpstreamIdentity) {
    this.#upstream = upstream;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  take(event: SseEvent, out: SseEvent[]): void {
    const text = event.data?.trim() ?? "";
    // Cheaper than to parse each: an event that was cut inside does not end as it began.
    if (!text.startsWith("{") || !text.endsWith("}")) throw new SyntaxError("not a JSON object");
    if (telling.test(text)) this.#note(readEvent(event, this.#upstream));
    out.push(event);
  }

  #note(value: JsonObject): void {
    if (value["type"] === "message_start" && isJsonObject(value["message"])) {
      this.#count(value["message"]["usage"]);
    } else if (value["type"] === "message_delta") {
      this.#count(value["usage"]);
    } else if (value["type"] === "message_stop") {
      this.#isDone = true;
    }
  }

  /** Read when it comes, and not with each batch of events. */
  #count(counts: unknown): void {
    this.#counts = mergeCounts(this.#counts, counts);
    this.#usage = readCounts(this.#counts);
  }
}
