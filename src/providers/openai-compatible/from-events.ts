import type { Failure } from "../../errors.ts";
import { changeFields, isJsonObject, readJsonObject } from "../../lib/json-text.ts";
import type { FieldChange, JsonObject } from "../../lib/json-text.ts";
import { endpoints } from "../../protocol/endpoints.ts";
import { SseReader, makeEvent } from "../../protocol/sse.ts";
import type { SseEvent } from "../../protocol/sse.ts";
import { wantsUsage } from "../../protocol/stream-options.ts";
import { readUsage } from "../../protocol/usage.ts";
import type { Usage } from "../../protocol/usage.ts";
import type { EventBatch, EventStream, ProviderCall } from "../provider.ts";
import type { UpstreamBody } from "../transport/upstream-call.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";
import { failureFromBody, isError } from "./from-error.ts";
import type { AnswerQuirks } from "./quirks.ts";
import { repairChoices } from "./repair-choices.ts";
import { ToolCallRepair } from "./tool-calls.ts";
import { errorBeside, withOwnUsage } from "./vendor-usage.ts";
import { cutStream, eventFailure } from "../upstream-failure.ts";

/**
 * A vendor's stream as OpenAI's own. Runs once per event, about 50 times a second per stream; budget 2 µs.
 * An event is parsed only where it may hold something that matters here; the others go on as they came.
 */

/** What an event is looked into for: usage, an error, the end of a choice. */
const telling = /"(?:usage|error)"\s*:\s*[{"]|"finish_reason"\s*:\s*"|"object"\s*:\s*"error"/;
/** And, where these may need repair, for tool calls, content in lists, and thoughts under another name. */
const tellingRepair = new RegExp(
  `${telling.source}|"(?:tool_calls|content)"\\s*:\\s*\\[|"reasoning"\\s*:\\s*"`,
);
/** What may be the last event of a Responses stream. */
const tellingTyped = /"type"\s*:\s*"(?:response\.(?:completed|failed|incomplete)|error)"/;
const lastTypes = new Set<unknown>([
  "response.completed",
  "response.failed",
  "response.incomplete",
]);
const doneMarker = "[DONE]";
const blankLine = Buffer.from("\n\n");
/** In place of an event without data: it keeps the line warm, and clients would try to parse the event. */
const keepAlive: SseEvent = { raw: Buffer.from(":\n\n"), name: "", data: undefined };

export class CompatibleEvents implements EventStream {
  readonly #body: UpstreamBody;
  readonly #quirks: AnswerQuirks;
  readonly #upstream: UpstreamIdentity;
  readonly #reader = new SseReader();
  readonly #toolCalls = new ToolCallRepair();
  /** The usage chunk is shown only to who asked for it. */
  readonly #showsUsage: boolean;
  /** The client asked for usage in every chunk (vLLM), and so it stays there. */
  readonly #usageIsContinuous: boolean;
  readonly #endsWithMarker: boolean;
  readonly #telling: RegExp;
  #usage: Usage | undefined;
  /** Held back until the end, and whether it was also a chunk of the answer. */
  #usageEvent: SseEvent | undefined;
  #usageHasChoices = false;
  /** What ended the stream, while events that came before it are on their way. */
  #failure: Failure | undefined;
  #hasEvents = false;
  readonly #choiceCount: number;
  /** The indices of the choices that have ended. */
  readonly #finished = new Set<unknown>();
  #isDone = false;

  constructor(
    body: UpstreamBody,
    call: ProviderCall,
    quirks: AnswerQuirks,
    upstream: UpstreamIdentity,
  ) {
    this.#body = body;
    this.#quirks = quirks;
    this.#upstream = upstream;
    this.#endsWithMarker = endpoints[call.endpoint].streamEnd === "done-marker";
    this.#showsUsage = wantsUsage(call.request);
    this.#choiceCount = choiceCountOf(call);
    this.#telling = quirks.areOpenAis ? telling : tellingRepair;
    const options = call.request.value["stream_options"];
    this.#usageIsContinuous = isJsonObject(options) && options["continuous_usage_stats"] === true;
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  async next(): Promise<EventBatch> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const bytes = await this.#body.next();
      if (bytes === undefined) return this.#end();
      const events: SseEvent[] = [];
      try {
        for (const event of this.#reader.push(bytes)) {
          if (!this.#isDone) this.#take(event, events);
        }
      } catch (thrown) {
        this.cancel();
        this.#failure = eventFailure(thrown, this.#upstream.name);
      }
      if (this.#isDone) return this.#last(events);
      if (events.length > 0) return { events, usage: this.#usage, isLast: false };
    }
  }

  cancel(): void {
    this.#body.cancel();
  }

  #take(event: SseEvent, events: SseEvent[]): void {
    const { data } = event;
    if (data === undefined) {
      events.push(event);
      return;
    }
    const text = data.trim();
    if (text === "") {
      events.push(keepAlive);
      return;
    }
    if (this.#endsWithMarker && text === doneMarker) {
      this.#isDone = true;
      return;
    }
    // Cheaper than to parse each: an event that was cut inside does not end as it began.
    if (!text.startsWith("{") || !text.endsWith("}")) throw new SyntaxError("not a JSON object");
    this.#hasEvents = true;
    if (!this.#endsWithMarker) {
      this.#takeTyped(event, data, events);
      return;
    }
    if (!this.#telling.test(data)) events.push(event);
    else this.#takeChunk(event, this.#parse(data), events);
  }

  /** Chat and completions: chunks without names. */
  #takeChunk(event: SseEvent, chunk: JsonObject, events: SseEvent[]): void {
    if (isError(chunk)) throw failureFromBody(chunk, this.#upstream);
    const choices = Array.isArray(chunk["choices"]) ? chunk["choices"] : [];
    for (const choice of choices) {
      if (isJsonObject(choice) && hasFinish(choice)) this.#finished.add(choice["index"]);
    }
    const repaired = this.#quirks.areOpenAis ? chunk : this.#repair(chunk);
    const shown = repaired === chunk ? event : makeEvent(JSON.stringify(repaired), event.name);
    if (repaired["usage"] == null) events.push(shown);
    else this.#takeUsage(repaired, shown, events);
  }

  #repair(chunk: JsonObject): JsonObject {
    const error = errorBeside(chunk, this.#quirks);
    if (error !== undefined) throw failureFromBody({ error }, this.#upstream);
    const inOwnWords = repairChoices(chunk, this.#quirks, this.#upstream);
    return withOwnUsage(this.#toolCalls.repairChunk(inOwnWords), this.#quirks);
  }

  /**
   * OpenAI sends usage once, last, in a chunk without choices, and only if asked. Vendors that put it into
   * the last chunk of the answer have it moved there.
   */
  #takeUsage(chunk: JsonObject, event: SseEvent, events: SseEvent[]): void {
    this.#usage = readUsage(chunk["usage"], chunk) ?? this.#usage;
    if (this.#usageIsContinuous && this.#showsUsage) {
      events.push(event);
      return;
    }
    const { choices } = chunk;
    this.#usageEvent = event;
    this.#usageHasChoices = Array.isArray(choices) && choices.length > 0;
    if (this.#usageHasChoices) events.push(withField(event, "usage", "remove"));
  }

  /** Responses: events with a type, the last of which says that it is the last. */
  #takeTyped(event: SseEvent, data: string, events: SseEvent[]): void {
    if (tellingTyped.test(data)) {
      const value = this.#parse(data);
      if (value["type"] === "error") throw failureFromBody(value, this.#upstream);
      const response = value["response"];
      if (isJsonObject(response))
        this.#usage = readUsage(response["usage"], response) ?? this.#usage;
      this.#isDone = lastTypes.has(value["type"]);
    }
    events.push(event);
  }

  #end(): EventBatch {
    const isMidEvent = this.#reader.isMidEvent;
    // Servers that send no marker end cleanly after the answer's last chunk. Any other end is a cut.
    if (this.#finished.size >= this.#choiceCount && !isMidEvent) return this.#last([]);
    // Some leave out the blank line after their marker.
    const rest = isMidEvent && this.#endsWithMarker ? this.#reader.push(blankLine) : [];
    if (rest.some(({ data }) => data?.trim() === doneMarker)) return this.#last([]);
    throw cutStream(this.#upstream.name, this.#hasEvents);
  }

  #last(events: SseEvent[]): EventBatch {
    this.#body.drain();
    const event = this.#usageEvent;
    if (event !== undefined && this.#showsUsage) {
      events.push(this.#usageHasChoices ? withField(event, "choices", { value: "[]" }) : event);
    }
    return { events, usage: this.#usage, isLast: true };
  }

  #parse(data: string): JsonObject {
    const value: unknown = JSON.parse(data);
    return isJsonObject(value) ? value : {};
  }
}

/** How many answers were asked for: `n` of them to a chat, and to each prompt of a completion. */
function choiceCountOf({ request: { value } }: ProviderCall): number {
  const { n: count, prompt } = value;
  const isBatch = Array.isArray(prompt) && typeof prompt[0] !== "number";
  return (isBatch ? prompt.length : 1) * (typeof count === "number" ? count : 1);
}

function hasFinish(choice: JsonObject): boolean {
  const reason = choice["finish_reason"];
  return typeof reason === "string" && reason !== "";
}

/** The event with one outermost field changed, and the others in the text in which they came. */
function withField(event: SseEvent, field: string, change: FieldChange): SseEvent {
  const json = readJsonObject(event.data ?? "", Number.POSITIVE_INFINITY);
  if ("problem" in json) return event; // It was parsed before.
  const text = changeFields(json, new Map([[field, change]]));
  // A line break in JSON can only be white space.
  return makeEvent(text.replaceAll(/[\r\n]/g, " "), event.name);
}
