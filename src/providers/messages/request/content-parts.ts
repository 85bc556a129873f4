import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { anthropicOnly, fault } from "./translation.ts";
import type { Translation } from "./translation.ts";

/** One block of a turn, and where the request has it. */
export interface PlacedBlock {
  readonly block: JsonObject;
  readonly place: string;
}

/** The blocks of a turn's `content`, for which a string is short. */
export function blocksOf(content: unknown, place: string): PlacedBlock[] {
  if (typeof content === "string") return [{ block: { type: "text", text: content }, place }];
  if (!Array.isArray(content)) return [];
  return content.map((block: unknown, index) => {
    if (!isJsonObject(block)) throw fault(`${place}[${index}]`, "must be a content block.");
    return { block, place: `${place}[${index}]` };
  });
}

/** A content block as parts of a chat message. Throws for what no chat has a place for. */
export function toParts(placed: PlacedBlock, translation: Translation): JsonObject[] {
  const parts = partsOf(placed, translation);
  const cacheControl = placed.block["cache_control"];
  const last = parts.at(-1);
  if (cacheControl == null || last === undefined) return parts;
  if (translation.traits.takesCacheControl) {
    return [...parts.slice(0, -1), { ...last, cache_control: cacheControl }];
  }
  translation.dropped.add("cache_control");
  return parts;
}

/** Text alone becomes a string, which every server takes; a list is only for what needs one. */
export function asContent(parts: readonly JsonObject[], separator: string): unknown {
  const isText = parts.every((part) => part["type"] === "text" && !("cache_control" in part));
  return isText ? parts.map((part) => String(part["text"])).join(separator) : parts;
}

/** Between texts that their author kept apart. */
export const paragraph = "\n\n";

export function textPart(text: string): JsonObject {
  return { type: "text", text };
}

function partsOf({ block, place }: PlacedBlock, translation: Translation): JsonObject[] {
  switch (block["type"]) {
    case "text":
      return [textPart(stringOf(block, "text", place))];
    case "image":
      return [imagePart(sourceOf(block, place), `${place}.source`)];
    case "document":
      return documentParts({ block, place }, translation);
    case "search_result":
      return [textPart(searchResultText({ block, place }))];
    case "tool_reference":
      return [textPart(availability(stringOf(block, "tool_name", place), "now available"))];
    case "compaction":
      return typeof block["content"] === "string" ? [textPart(block["content"])] : [];
    default:
      throw anthropicOnly(`${place}.type`, `a block of type ${typeOf(block)}`);
  }
}

export function availability(toolName: string, what: string): string {
  return `The tool '${toolName}' is ${what}.`;
}

/** For a message to the client, which may have sent anything. */
export function typeOf({ type }: JsonObject): string {
  return typeof type === "string" ? `'${type}'` : "that is not given";
}

/** Throws where the field is not a text. */
export function stringOf(block: JsonObject, field: string, place: string): string {
  const value = block[field];
  if (typeof value === "string") return value;
  throw fault(`${place}.${field}`, value == null ? "is required." : "must be a string.");
}

function sourceOf(block: JsonObject, place: string): JsonObject {
  const { source } = block;
  if (isJsonObject(source)) return source;
  throw fault(`${place}.source`, "must be an object with a type.");
}

function imagePart(source: JsonObject, place: string): JsonObject {
  switch (source["type"]) {
    case "base64":
      return { type: "image_url", image_url: { url: dataUrl(source, place) } };
    case "url":
      return { type: "image_url", image_url: { url: stringOf(source, "url", place) } };
    default:
      throw anthropicOnly(`${place}.type`, `an image of type ${typeOf(source)}`);
  }
}

function documentParts({ block, place }: PlacedBlock, translation: Translation): JsonObject[] {
  const source = sourceOf(block, place);
  const sourcePlace = `${place}.source`;
  const { title, context, citations } = block;
  if (isJsonObject(citations) && citations["enabled"] === true) {
    translation.dropped.add("citations");
  }
  const named = typeof title === "string" && title !== "" ? title : undefined;
  const isExplained = typeof context === "string" && context !== "";
  const explained = isExplained ? [textPart(context)] : [];
  switch (source["type"]) {
    case "base64": {
      const file = {
        filename: named ?? "document.pdf",
        file_data: dataUrl(source, sourcePlace),
      };
      return [...explained, { type: "file", file }];
    }
    case "text": {
      const text = stringOf(source, "data", sourcePlace);
      const heading = named === undefined ? [] : [named];
      const body = [...heading, ...(isExplained ? [context] : []), text];
      return [textPart(body.join(paragraph))];
    }
    case "content": {
      const blocks = blocksOf(source["content"], `${sourcePlace}.content`);
      const heading = named === undefined ? [] : [textPart(named)];
      return [...heading, ...explained, ...blocks.flatMap((inner) => toParts(inner, translation))];
    }
    case "url": // A chat has no place for it, and Sentinel itself fetches nothing that a client names.
      throw fault(`${sourcePlace}.type`, "is 'url': send the document as 'base64' to this model.");
    default:
      throw anthropicOnly(`${sourcePlace}.type`, `a document of type ${typeOf(source)}`);
  }
}

function dataUrl(source: JsonObject, place: string): string {
  const type = stringOf(source, "media_type", place);
  return `data:${type};base64,${stringOf(source, "data", place)}`;
}

function searchResultText({ block, place }: PlacedBlock): string {
  const texts = blocksOf(block["content"], `${place}.content`).map(({ block: inner, place: at }) =>
    stringOf(inner, "text", at),
  );
  const head = [block["title"], block["source"]].filter((line) => typeof line === "string");
  return [...head, ...texts].join("\n");
}
