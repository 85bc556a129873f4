import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";

/**
 * Answers of /v1/responses, put together of their events and taken apart into them.
 * (https://platform.openai.com/docs/api-reference/responses-streaming, read 2026-11-21)
 */

const lastTypes: ReadonlySet<unknown> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
]);

/** The whole response, which its last event holds; undefined where that is missing. */
export function foldResponse(events: readonly JsonObject[]): JsonObject | undefined {
  const last = events.findLast(({ type }) => lastTypes.has(type));
  const response = last?.["response"];
  if (!isJsonObject(response)) return undefined;
  const { output } = response;
  // Some servers leave out there what they had said before.
  if (Array.isArray(output) && output.length > 0) return response;
  const items = events
    .filter(({ type }) => type === "response.output_item.done")
    .map(({ item }) => item);
  return { ...response, output: items };
}

/** The events of a response, each with its name as its type, numbered as they go. */
export function responseEvents(response: JsonObject): readonly JsonObject[] {
  const { output } = response;
  const begun = {
    ...response,
    status: "in_progress",
    output: [],
    ...(response["completed_at"] !== undefined && { completed_at: null }),
    ...(response["output_text"] !== undefined && { output_text: "" }),
    usage: null,
  };
  const items = objectsOf(output);
  return [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
    ...items.flatMap(itemEvents),
    { type: lastTypeOf(response["status"]), response },
  ].map((event, sequenceNumber) => ({ ...event, sequence_number: sequenceNumber }));
}

function lastTypeOf(status: unknown): string {
  return status === "incomplete" || status === "failed"
    ? `response.${status}`
    : "response.completed";
}

function itemEvents(item: JsonObject, place: number): readonly JsonObject[] {
  const { content, summary, status } = item;
  const at = { item_id: item["id"], output_index: place };
  const begun = {
    ...item,
    ...(status !== undefined && { status: "in_progress" }),
    ...(Array.isArray(content) && { content: [] }),
    ...(Array.isArray(summary) && { summary: [] }),
  };
  return [
    { type: "response.output_item.added", output_index: place, item: begun },
    ...objectsOf(summary).flatMap((part, index) =>
      summaryEvents(part, { ...at, summary_index: index }),
    ),
    ...objectsOf(content).flatMap((part, index) =>
      contentEvents(part, { ...at, content_index: index }),
    ),
    { type: "response.output_item.done", output_index: place, item },
  ];
}

function summaryEvents(part: JsonObject, at: JsonObject): readonly JsonObject[] {
  const { text } = part;
  return [
    { type: "response.reasoning_summary_part.added", ...at, part: { ...part, text: "" } },
    { type: "response.reasoning_summary_text.delta", ...at, delta: text },
    { type: "response.reasoning_summary_text.done", ...at, text },
    { type: "response.reasoning_summary_part.done", ...at, part },
  ];
}

function contentEvents(part: JsonObject, at: JsonObject): readonly JsonObject[] {
  const { type, text, refusal, annotations, logprobs } = part;
  switch (type) {
    case "output_text":
      return [
        {
          type: "response.content_part.added",
          ...at,
          part: {
            ...part,
            text: "",
            annotations: [],
            ...(logprobs !== undefined && { logprobs: [] }),
          },
        },
        { type: "response.output_text.delta", ...at, delta: text, logprobs: logprobs ?? [] },
        ...objectsOf(annotations).map((annotation, index) => ({
          type: "response.output_text.annotation.added",
          ...at,
          annotation_index: index,
          annotation,
        })),
        { type: "response.output_text.done", ...at, text, logprobs: logprobs ?? [] },
        { type: "response.content_part.done", ...at, part },
      ];
    case "refusal":
      return [
        { type: "response.content_part.added", ...at, part: { ...part, refusal: "" } },
        { type: "response.refusal.delta", ...at, delta: refusal },
        { type: "response.refusal.done", ...at, refusal },
        { type: "response.content_part.done", ...at, part },
      ];
    case "reasoning_text":
      return [
        { type: "response.content_part.added", ...at, part: { ...part, text: "" } },
        { type: "response.reasoning_text.delta", ...at, delta: text },
        { type: "response.reasoning_text.done", ...at, text },
        { type: "response.content_part.done", ...at, part },
      ];
    default:
      return [
        { type: "response.content_part.added", ...at, part },
        { type: "response.content_part.done", ...at, part },
      ];
  }
}
