import { hash } from "node:crypto";

import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { MessageQuirks } from "./quirks.ts";

/** The tool calls of a message in the vendor's dialect; the same list if they are right as they are. */
export function changedToolCalls(
  calls: readonly unknown[],
  quirks: MessageQuirks,
): readonly unknown[] {
  const changed = calls.map((call) => (isJsonObject(call) ? changedCall(call, quirks) : call));
  return changed.some((call, index) => call !== calls[index]) ? changed : calls;
}

function changedCall(given: JsonObject, quirks: MessageQuirks): JsonObject {
  let call = given;
  const known = quirks.knownToolCallFields;
  if (known !== undefined && !Object.keys(call).every((name) => known.has(name))) {
    call = Object.fromEntries(Object.entries(call).filter(([name]) => known.has(name)));
  }
  const { id, function: fn } = call;
  if (quirks.needsShortToolIds && typeof id === "string" && shortId(id) !== id) {
    call = { ...call, id: shortId(id) };
  }
  if (quirks.needsJsonArguments && isJsonObject(fn) && isBlank(fn["arguments"])) {
    call = { ...call, function: { ...fn, arguments: "{}" } };
  }
  return call;
}

const isBlank = (text: unknown) => typeof text === "string" && text.trim() === "";

const shortIdLength = 9;

/** The same nine characters for the same id, so that a result still finds its call. */
export function shortId(id: string): string {
  return /^[A-Za-z0-9]{9}$/.test(id) ? id : hash("sha256", id, "hex").slice(0, shortIdLength);
}
