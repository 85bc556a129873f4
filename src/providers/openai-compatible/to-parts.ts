import { Failure } from "../../errors.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { MessageQuirks } from "./quirks.ts";
import { withoutCacheControl } from "./to-tools.ts";

/**
 * The parts of a message's content in the vendor's dialect; the same list if they are right as they are.
 * Throws `invalid_value` for an image that the vendor cannot fetch.
 */
export function changedParts(
  parts: readonly unknown[],
  path: string,
  quirks: MessageQuirks,
): readonly unknown[] {
  const changed = parts.map((part, index) =>
    isJsonObject(part) ? changedPart(part, `${path}.content[${index}]`, quirks) : part,
  );
  return changed.some((part, index) => part !== parts[index]) ? changed : parts;
}

function changedPart(given: JsonObject, path: string, quirks: MessageQuirks): JsonObject {
  const part = quirks.takesCacheControl ? given : withoutCacheControl(given);
  switch (part["type"]) {
    case "image_url":
      if (quirks.images === "inlined") refuseLink(part["image_url"], path);
      return part;
    case "file":
      return quirks.files === "document-url" ? asDocument(part) : part;
    case "input_audio":
      return quirks.audio === "base64" ? asBase64Audio(part) : part;
    default:
      return part;
  }
}

function refuseLink(image: unknown, path: string): void {
  const url = isJsonObject(image) ? image["url"] : image;
  if (typeof url !== "string" || !/^https?:/i.test(url)) return;
  const message = `'${path}.image_url' is a link, and the provider of this model fetches none. Send the image itself, as "data:image/png;base64,…".`;
  throw new Failure("invalid_value", message, {
    param: `${path}.image_url`,
    recovery: "fallback", // Another target may fetch it.
  });
}

/** Mistral reads documents from a URL or a data URL. (https://docs.mistral.ai/capabilities/document_ai/document_qna, read 2026-11-21) */
function asDocument(part: JsonObject): JsonObject {
  const file = part["file"];
  if (!isJsonObject(file) || typeof file["file_data"] !== "string") return part;
  const name = file["filename"];
  return {
    type: "document_url",
    document_url: file["file_data"],
    ...(typeof name === "string" ? { document_name: name } : {}),
  };
}

function asBase64Audio(part: JsonObject): JsonObject {
  const audio = part["input_audio"];
  return isJsonObject(audio) && typeof audio["data"] === "string"
    ? { ...part, input_audio: audio["data"] }
    : part;
}
