import { isJsonObject, objectsOf } from "../lib/json-text.ts";
import type { JsonObject } from "../lib/json-text.ts";

/**
 * The events of one block of a message's content, as if it had come in pieces.
 * (https://docs.claude.com/en/docs/build-with-claude/streaming, read 2026-11-21)
 */
export function blockEvents(block: JsonObject, index: number): readonly JsonObject[] {
  return [
    { type: "content_block_start", index, content_block: startOf(block) },
    ...deltasOf(block).map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

/** A block as it begins: what comes in pieces is empty. */
function startOf(block: JsonObject): JsonObject {
  switch (block["type"]) {
    case "text":
      return { ...block, text: "", ...(Array.isArray(block["citations"]) && { citations: [] }) };
    case "thinking":
      return { ...block, thinking: "", signature: "" };
    default:
      return isJsonObject(block["input"]) ? { ...block, input: {} } : block;
  }
}

/** None for a block that goes as a whole, which is the way of all that we do not know. */
function deltasOf({ type, text, thinking, signature, citations, input }: JsonObject): JsonObject[] {
  switch (type) {
    case "text": {
      const cited = objectsOf(citations).map((citation) => ({ type: "citations_delta", citation }));
      return [{ type: "text_delta", text: textOf(text) }, ...cited];
    }
    case "thinking":
      return [
        { type: "thinking_delta", thinking: textOf(thinking) },
        { type: "signature_delta", signature: textOf(signature) },
      ];
    default:
      return isJsonObject(input)
        ? [{ type: "input_json_delta", partial_json: JSON.stringify(input) }]
        : [];
  }
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
