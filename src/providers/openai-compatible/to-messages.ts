import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { ownValue } from "../../lib/own-value.ts";
import { plain } from "./quirks.ts";
import type { MessageQuirks } from "./quirks.ts";
import { changedParts } from "./to-parts.ts";
import { changedToolCalls, shortId } from "./to-tool-calls.ts";

/** The messages in the vendor's dialect; undefined where they are right as they are. */
export function changedMessages(
  messages: unknown,
  quirks: MessageQuirks,
): readonly unknown[] | undefined {
  if (quirks === plain.messages || !Array.isArray(messages)) return undefined;
  const changed = messages.map((message: unknown, index) =>
    isJsonObject(message) ? changedMessage(message, index, quirks) : message,
  );
  markPrefill(changed, quirks);
  return changed.some((message, index) => message !== messages[index]) ? changed : undefined;
}

/** An answer that the client has begun is told from one that is over. */
function markPrefill(messages: unknown[], { prefillField }: MessageQuirks): void {
  const last: unknown = messages.at(-1);
  if (prefillField === undefined || !isJsonObject(last) || last["role"] !== "assistant") return;
  if (last[prefillField] != null || Array.isArray(last["tool_calls"])) return;
  messages[messages.length - 1] = { ...last, [prefillField]: true };
}

/** Whether a tool was called and the thoughts that led to it did not come back. */
export function lacksThoughts(messages: unknown): boolean {
  return (
    Array.isArray(messages) &&
    messages.some(
      (message) =>
        isJsonObject(message) &&
        Array.isArray(message["tool_calls"]) &&
        message["tool_calls"].length > 0 &&
        thoughtsOf(message) === undefined,
    )
  );
}

function changedMessage(given: JsonObject, index: number, quirks: MessageQuirks): JsonObject {
  let message = given;
  if (!quirks.hasDeveloperRole && message["role"] === "developer") {
    message = { ...message, role: "system" };
  }
  message = withThoughts(message, quirks.thoughtFields);
  message = onlyKnown(message, quirks);
  const { content, tool_calls: calls, tool_call_id: id } = message;
  if (quirks.needsShortToolIds && typeof id === "string" && shortId(id) !== id) {
    message = { ...message, tool_call_id: shortId(id) };
  }
  if (Array.isArray(calls))
    message = withList(message, "tool_calls", changedToolCalls(calls, quirks));
  if (Array.isArray(content)) {
    message = withList(message, "content", changedParts(content, `messages[${index}]`, quirks));
  }
  return message;
}

const withList = (message: JsonObject, field: string, list: readonly unknown[]): JsonObject =>
  list === message[field] ? message : { ...message, [field]: list };

/** The fields in which clients keep what a model thought, whichever vendor's it was. */
const thoughtNames: readonly string[] = [
  "reasoning",
  "reasoning_content",
  "thinking_blocks",
  "extra_content",
];

function withThoughts(message: JsonObject, fields: MessageQuirks["thoughtFields"]): JsonObject {
  if (fields === undefined || message["role"] !== "assistant") return message;
  if (thoughtNames.every((name) => name in message === fields.includes(name))) return message;
  const thoughts = thoughtsOf(message);
  const kept = Object.entries(message).filter(([name]) => !thoughtNames.includes(name));
  const written = thoughts === undefined ? [] : fields.map((name) => [name, thoughts] as const);
  return Object.fromEntries([...kept, ...written]);
}

function thoughtsOf(message: JsonObject): string | undefined {
  const thoughts = message["reasoning_content"] ?? message["reasoning"];
  return typeof thoughts === "string" ? thoughts : undefined;
}

function onlyKnown(
  message: JsonObject,
  { knownFields, takesCacheControl }: MessageQuirks,
): JsonObject {
  const known = ownValue(knownFields, message["role"]) ?? knownFields?.["*"];
  const isKnown = (name: string) =>
    known === undefined ? takesCacheControl || name !== "cache_control" : known.has(name);
  if (Object.keys(message).every(isKnown)) return message;
  return Object.fromEntries(Object.entries(message).filter(([name]) => isKnown(name)));
}
