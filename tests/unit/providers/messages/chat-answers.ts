import type { JsonObject } from "../../../../src/lib/json-text.ts";
import { makeEvent } from "../../../../src/protocol/sse.ts";
import type { SseEvent } from "../../../../src/protocol/sse.ts";
import type { Usage } from "../../../../src/protocol/usage.ts";
import { MessageEvents } from "../../../../src/providers/messages/answer/from-chat-events.ts";
import type { AnswerContext } from "../../../../src/providers/messages/answer/from-chat.ts";
import { ToolNames } from "../../../../src/providers/messages/tool-names.ts";
import type { EventBatch, EventStream } from "../../../../src/providers/provider.ts";

export const context = (fields: Partial<AnswerContext> = {}): AnswerContext => ({
  model: "m",
  toolNames: new ToolNames(),
  stopSequences: [],
  ...fields,
});

export const chunkEvent = (delta: object, finish: string | null = null): SseEvent =>
  makeEvent(
    JSON.stringify({ model: "m-1", choices: [{ index: 0, delta, finish_reason: finish }] }),
  );

/** A stream that gives these batches, and then its end. */
export function streamOf(batches: readonly (readonly SseEvent[])[], usage?: Usage): EventStream {
  const waiting = [...batches];
  return {
    next: () => {
      const events = waiting.shift() ?? [];
      const isLast = waiting.length === 0;
      return Promise.resolve({ events, usage: isLast ? usage : undefined, isLast });
    },
    cancel: () => undefined,
  };
}

export async function translatedBatches(
  inner: EventStream,
  answer: AnswerContext = context(),
): Promise<EventBatch[]> {
  const events = new MessageEvents(inner, answer);
  const batches: EventBatch[] = [];
  for (;;) {
    const batch = await events.next();
    batches.push(batch);
    if (batch.isLast) return batches;
  }
}

export const dataOfBatches = (batches: readonly EventBatch[]): JsonObject[] =>
  batches.flatMap(({ events }) =>
    events.flatMap(({ data }) => (data === undefined ? [] : [JSON.parse(data) as JsonObject])),
  );

/**
 * The message as a client of Anthropic's puts it together, which trusts the order of the events. Throws where
 * one is out of place.
 */
export function assembled(events: readonly JsonObject[]): JsonObject {
  checkOrder(events);
  const content: Record<string, unknown>[] = [];
  let json = "";
  for (const { type, delta, content_block: started } of events) {
    if (type === "content_block_start") {
      json = "";
      content.push({ ...(started as JsonObject) });
    }
    const block = content.at(-1) ?? {};
    if (type === "content_block_delta") json += addDelta(block, delta as JsonObject);
    if (type === "content_block_stop" && block["type"] === "tool_use") {
      block["input"] = JSON.parse(json === "" ? "{}" : json);
    }
  }
  const { delta, usage } = events.at(-2) ?? {};
  return { ...(events[0]?.["message"] as JsonObject), ...(delta as JsonObject), usage, content };
}

/** One block is open at a time, blocks are numbered from 0, and what frames them is there. */
function checkOrder(events: readonly JsonObject[]): void {
  const shown = events.map(({ type, index }) => `${String(type)} ${String(index)};`);
  const blocks =
    /^(?:content_block_start (\d+);(?:content_block_delta \1;)*content_block_stop \1;)*$/;
  const [first, ...rest] = shown;
  const isFramed =
    first === "message_start undefined;" &&
    rest.splice(-2).join("") === "message_delta undefined;message_stop undefined;";
  const starts = events.filter((event) => event["type"] === "content_block_start");
  const isNumbered = starts.every((event, index) => event["index"] === index);
  if (isFramed && isNumbered && blocks.test(rest.join(""))) return;
  throw new Error(`a stream does not go ${shown.join(" ")}`);
}

/** Returns what belongs to a tool's input, which is JSON only once it is whole. */
function addDelta(block: Record<string, unknown>, { type, ...fields }: JsonObject): string {
  if (type === "input_json_delta") return String(fields["partial_json"]);
  for (const name in fields) block[name] = `${String(block[name])}${String(fields[name])}`;
  return "";
}
