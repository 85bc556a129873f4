import { type JsonObject, isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { CachedEndpoint, StoredAnswer } from "../cache-store.ts";
import { foldEvents, readEvents } from "../replay.ts";

/**
 * What the user reads of a stored answer, whole or streamed: its text and refusals, without what the model thought
 * before. Undefined where there is nothing to read, or the answer says something in another way than by text.
 */
export function spokenText({
  endpoint,
  body,
}: Pick<StoredAnswer, "endpoint" | "body">): string | undefined {
  const answer =
    body.kind === "whole" ? readWhole(body.bytes) : folded(endpoint, readEvents(body.chunks));
  if (answer === undefined) return undefined;
  const texts = textsOf(endpoint, answer);
  const isAllText = texts.every((text) => text !== undefined);
  const text = texts.join("\n");
  return isAllText && text.trim() !== "" ? text : undefined;
}

function readWhole(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // Whatever damaged it, it is not what was stored.
  }
}

const folded = (
  endpoint: CachedEndpoint,
  events: readonly JsonObject[] | undefined,
): JsonObject | undefined => events && foldEvents(endpoint, events);

type Text = string | undefined;

/** Undefined stands for something that is no text. */
function textsOf(endpoint: CachedEndpoint, answer: JsonObject): readonly Text[] {
  switch (endpoint) {
    case "chat":
      return objectsOf(answer["choices"]).flatMap(({ message }) => messageTexts(message));
    case "messages":
      return objectsOf(answer["content"]).flatMap(partTexts);
    case "responses":
      return objectsOf(answer["output"]).flatMap(itemTexts);
    case "completions":
    case "embeddings":
      return [];
  }
}

function messageTexts(message: unknown): readonly Text[] {
  if (!isJsonObject(message)) return [undefined];
  const { content, refusal } = message;
  const refused = typeof refusal === "string" ? [refusal] : [];
  if (typeof content === "string") return [content, ...refused];
  return [...objectsOf(content).flatMap(partTexts), ...refused];
}

function itemTexts(item: JsonObject): readonly Text[] {
  if (item["type"] === "reasoning") return [];
  return item["type"] === "message" ? objectsOf(item["content"]).flatMap(partTexts) : [undefined];
}

const thoughts: ReadonlySet<unknown> = new Set(["thinking", "redacted_thinking", "reasoning"]);

function partTexts({ type, text, refusal }: JsonObject): readonly Text[] {
  if (thoughts.has(type)) return [];
  const said = typeof text === "string" ? text : refusal;
  return [typeof said === "string" ? said : undefined];
}
