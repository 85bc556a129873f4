import { isJsonObject, readJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { parseExactly } from "../../lib/exact-json.ts";
import { makeEvent } from "../../protocol/sse.ts";
import type { SseEvent } from "../../protocol/sse.ts";
import { chatUsage } from "../../providers/chat-usage.ts";
import type { EventBatch, EventStream, WholeReply } from "../../providers/provider.ts";
import type { CachedEndpoint, StoredAnswer, StoredBody } from "./cache-store.ts";
import { cachedUsage } from "./replay/cached-usage.ts";
import { chunksOf, foldChunks, usageChunk } from "./replay/choices.ts";
import type { ChoiceEndpoint } from "./replay/choices.ts";
import { foldMessage, messageEvents } from "./replay/message.ts";
import { rememberedOf } from "./replay/remembered.ts";
import { foldResponse, responseEvents } from "./replay/response.ts";
import { StoredEvent } from "./replay/stored-event.ts";

/**
 * Stored answers as replies, in the mode that is asked for, whichever they were stored in. What the model said, its id and
 * its time stay as they were; only the usage says that it was read from a cache. Runs once per hit; budget 20 µs, and 1 µs for what is remembered.
 */

/** What of an answer its replay needs. */
export type Replayed = Pick<StoredAnswer, "endpoint" | "body" | "usage">;

/** As a whole answer. Undefined for what cannot be read: as good as not stored. */
export function replayWhole(answer: Replayed): Pick<WholeReply, "bytes" | "value"> | undefined {
  const { endpoint, body } = answer;
  if (body.kind === "whole") {
    const known = rememberedOf(body);
    const whole = known?.whole ?? withUsageMarked(endpoint, body.bytes);
    if (known !== undefined && whole !== undefined) known.whole = whole;
    return whole;
  }
  const folded = readEvents(body.chunks);
  const whole = folded && foldEvents(endpoint, folded);
  if (whole === undefined) return undefined;
  const usage = shownUsage(answer, whole["usage"]);
  const value = usage === undefined ? whole : { ...whole, usage };
  return { bytes: Buffer.from(JSON.stringify(value)), value };
}

/** As a stream, all of it at once. `wantsUsage` is what this client asked for, not the one it was made for. */
export function replayStream(
  answer: Replayed,
  { wantsUsage }: { readonly wantsUsage: boolean },
): EventStream | undefined {
  const { endpoint, body, usage } = answer;
  const events =
    body.kind === "events"
      ? eventsKnown(answer, body, wantsUsage)
      : eventsOf(answer, body.bytes, wantsUsage);
  return events === undefined || endpoint === "embeddings" ? undefined : inBatches(events, usage);
}

function eventsKnown(
  answer: Replayed,
  body: Extract<StoredBody, { kind: "events" }>,
  wantsUsage: boolean,
): readonly SseEvent[] | undefined {
  const known = rememberedOf(body);
  const name = wantsUsage ? "eventsWithUsage" : "eventsWithoutUsage";
  const events = known?.[name] ?? eventsAgain(answer, body.chunks, wantsUsage);
  if (known !== undefined && events !== undefined) known[name] = events;
  return events;
}

/** The whole answer that a stream's events make; undefined where they make none. */
export function foldEvents(
  endpoint: CachedEndpoint,
  events: readonly JsonObject[],
): JsonObject | undefined {
  switch (endpoint) {
    case "chat":
    case "completions":
      return foldChunks(endpoint, events);
    case "responses":
      return foldResponse(events);
    case "messages":
      return foldMessage(events);
    case "embeddings":
      return undefined;
  }
}

/** The values of stored events. Undefined if one is no JSON object. */
export function readEvents(chunks: readonly Uint8Array[]): readonly JsonObject[] | undefined {
  const values: JsonObject[] = [];
  for (const chunk of chunks) {
    const { data } = new StoredEvent(chunk);
    if (data === undefined) continue;
    const value = readValue(data);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function readValue(text: string): JsonObject | undefined {
  try {
    const value = parseExactly(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // Whatever damaged it, it is not what was stored.
  }
}

/** The answer's bytes with another usage in the place of its own; all others stay as they came. */
function withUsageMarked(
  endpoint: CachedEndpoint,
  bytes: Uint8Array,
): Pick<WholeReply, "bytes" | "value"> | undefined {
  const own = asBuffer(bytes);
  const json = readJsonObject(own.toString("utf8"), Number.POSITIVE_INFINITY);
  if ("problem" in json) return undefined;
  const field = json.fields.find(({ key }) => key === "usage");
  if (field === undefined || !isJsonObject(json.value["usage"]) || endpoint === "embeddings") {
    return { bytes: own, value: json.value };
  }
  const { text } = json;
  const counts = readValue(text.slice(field.start, field.end)) ?? {};
  const usage = cachedUsage(endpoint, counts);
  const marked = text.slice(0, field.start) + JSON.stringify(usage) + text.slice(field.end);
  return { bytes: Buffer.from(marked), value: { ...json.value, usage } };
}

/** The usage as the client is to see it: the answer's own, or what was counted where that shows none. */
function shownUsage({ endpoint, usage }: Replayed, own: unknown): JsonObject | undefined {
  if (isJsonObject(own)) return cachedUsage(endpoint, own);
  if (usage === undefined || !hasChoices(endpoint)) return undefined;
  return cachedUsage(endpoint, chatUsage(usage) as JsonObject);
}

const hasChoices = (endpoint: CachedEndpoint): endpoint is ChoiceEndpoint =>
  endpoint === "chat" || endpoint === "completions";

/** A whole answer, taken apart. */
function eventsOf(
  answer: Replayed,
  bytes: Uint8Array,
  wantsUsage: boolean,
): readonly SseEvent[] | undefined {
  const { endpoint } = answer;
  const value = readValue(asBuffer(bytes).toString("utf8"));
  if (value === undefined) return undefined;
  const usage = shownUsage(answer, value["usage"]);
  const marked = usage === undefined ? value : { ...value, usage };
  if (hasChoices(endpoint)) {
    const chunks = chunksOf(endpoint, marked).map((chunk) => makeEvent(JSON.stringify(chunk)));
    if (chunks.length === 0) return undefined;
    if (!wantsUsage || usage === undefined) return chunks;
    return [...chunks, makeEvent(JSON.stringify(usageChunk(endpoint, value, usage)))];
  }
  const named = endpoint === "messages" ? messageEvents(marked) : responseEvents(marked);
  return named.map((event) => makeEvent(JSON.stringify(event), String(event["type"])));
}

/** Only events in which this is found are read; in a text that quotes it, its quotes are escaped. */
const usageName = Buffer.from('"usage"');

/** The events as they were, but for those that hold usage. Undefined if such a one cannot be read. */
function eventsAgain(
  answer: Replayed,
  chunks: readonly Uint8Array[],
  wantsUsage: boolean,
): readonly SseEvent[] | undefined {
  const { endpoint } = answer;
  const events: SseEvent[] = [];
  let last: UsageNote = { like: undefined, usage: undefined };
  for (const chunk of chunks) {
    const event = new StoredEvent(chunk);
    if (!event.raw.includes(usageName)) {
      events.push(event);
      continue;
    }
    const value = readValue(event.data ?? "");
    if (value === undefined) return undefined;
    if (hasChoices(endpoint)) last = takeChunk(event, value, events) ?? last;
    else events.push(withInnerUsage(endpoint, event, value));
  }
  if (wantsUsage && hasChoices(endpoint)) addUsage(answer, endpoint, last, events);
  return events;
}

/** The usage chunk, last of all: the stored one, or one like the others with what was counted. */
function addUsage(
  answer: Replayed,
  endpoint: ChoiceEndpoint,
  last: UsageNote,
  events: SseEvent[],
): void {
  const usage = shownUsage(answer, last.usage);
  const like = last.like ?? readValue(events[0]?.data ?? "");
  if (usage === undefined || like === undefined) return;
  events.push(makeEvent(JSON.stringify(usageChunk(endpoint, like, usage))));
}

interface UsageNote {
  readonly like: JsonObject | undefined;
  readonly usage: unknown;
}

/** A chunk that may hold usage: that is taken out of it, to be shown at the end to who asks for it. */
function takeChunk(event: SseEvent, chunk: JsonObject, events: SseEvent[]): UsageNote | undefined {
  const { usage, ...rest } = chunk;
  if (!isJsonObject(usage)) {
    events.push(event);
    return undefined;
  }
  const { choices } = chunk;
  if (Array.isArray(choices) && choices.length > 0) {
    events.push(makeEvent(JSON.stringify(rest), event.name));
  }
  return { like: chunk, usage };
}

/** Messages count in the message that begins and beside the delta that ends; responses in the response. */
function withInnerUsage(endpoint: CachedEndpoint, event: SseEvent, value: JsonObject): SseEvent {
  const changed = { ...withUsageIn(endpoint, value) };
  for (const place of ["message", "response"]) {
    const inner = changed[place];
    if (isJsonObject(inner)) changed[place] = withUsageIn(endpoint, inner);
  }
  return makeEvent(JSON.stringify(changed), event.name);
}

function withUsageIn(endpoint: CachedEndpoint, value: JsonObject): Record<string, unknown> {
  const { usage } = value;
  return isJsonObject(usage) ? { ...value, usage: cachedUsage(endpoint, usage) } : { ...value };
}

/** One write takes so much: a client that reads slowly is not given all of a large answer at once. */
export const replayBatchBytes = 64 * 1024;

function inBatches(events: readonly SseEvent[], usage: StoredAnswer["usage"]): EventStream {
  let at = 0;
  const next = (): EventBatch => {
    const start = at;
    let bytes = 0;
    while (at < events.length && (at === start || bytes < replayBatchBytes)) {
      bytes += events[at]?.raw.length ?? 0;
      at++;
    }
    return { events: events.slice(start, at), usage, isLast: at >= events.length };
  };
  return {
    usage,
    next: () => Promise.resolve(next()),
    cancel: () => {
      at = events.length;
    },
  };
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
