import type { JsonObject } from "../../../lib/json-text.ts";
import { asContent, blocksOf, paragraph, stringOf, textPart, toParts } from "./content-parts.ts";
import type { PlacedBlock } from "./content-parts.ts";
import type { Translation } from "./translation.ts";

export interface ChatToolResult {
  readonly callId: string;
  readonly message: JsonObject;
  /** What a `tool` message cannot hold, images above all: parts of the user's message that follows. */
  readonly attachments: readonly JsonObject[];
}

/** A `tool_result` as a `tool` message of a chat, which can hold text only. */
export function toChatToolResult(placed: PlacedBlock, translation: Translation): ChatToolResult {
  const { block, place } = placed;
  const callId = stringOf(block, "tool_use_id", place);
  const parts = blocksOf(block["content"], `${place}.content`).flatMap((inner) =>
    toParts(inner, translation),
  );
  const texts = parts.filter(isText);
  const others = parts.filter((part) => !isText(part));
  if (others.length > 0) texts.push(textPart(pointer(others.length)));
  if (block["is_error"] === true) texts.unshift(textPart("The tool failed:"));
  const cacheControl = block["cache_control"];
  const keepsCache = cacheControl != null && translation.traits.takesCacheControl;
  if (cacheControl != null && !keepsCache) translation.dropped.add("cache_control");
  return {
    callId,
    message: {
      role: "tool",
      tool_call_id: callId,
      content: asContent(texts, paragraph),
      ...(keepsCache && { cache_control: cacheControl }),
    },
    attachments:
      others.length === 0 ? [] : [textPart(`From the result of tool call ${callId}:`), ...others],
  };
}

function isText(part: JsonObject): boolean {
  return part["type"] === "text";
}

function pointer(count: number): string {
  return count === 1
    ? "(One attachment of this result follows in the next user message.)"
    : `(${count} attachments of this result follow in the next user message.)`;
}
