import { hash } from "node:crypto";

import { changeFields, isJsonObject } from "../../lib/json-text.ts";
import type { FieldChange, JsonObject, JsonText } from "../../lib/json-text.ts";
import type { ProviderCall } from "../provider.ts";
import type { Quirks } from "./quirks.ts";

export interface WrittenRequest {
  readonly body: Buffer | string;
  /** Fields that the vendor cannot take and that were left out. */
  readonly droppedParams: readonly string[];
  /** Whether usage was asked for on Sentinel's account, so that the client must not see it. */
  readonly usageIsInjected: boolean;
}

/**
 * The client's request in the vendor's dialect. A field that needs no change keeps the text in which the
 * client wrote it, and a request that needs none at all goes out as the bytes that came in.
 */
export function writeRequest(call: ProviderCall, quirks: Quirks): WrittenRequest {
  const { request } = call;
  const changes = new Map<string, FieldChange>();
  if (request.value["model"] !== undefined && request.value["model"] !== call.model) {
    changes.set("model", { value: JSON.stringify(call.model) });
  }
  const usageIsInjected = askForUsage(call, quirks, changes);
  const messages = call.endpoint === "chat" ? changedMessages(request.value, quirks) : undefined;
  if (messages !== undefined) changes.set("messages", { value: JSON.stringify(messages) });
  const droppedParams = renameAndDrop(call, quirks, changes);
  const body = changes.size === 0 ? call.requestBytes : changeFields(request, changes);
  return { body, droppedParams, usageIsInjected };
}

function askForUsage(
  call: ProviderCall,
  quirks: Quirks,
  changes: Map<string, FieldChange>,
): boolean {
  const streamsUsage = call.endpoint === "chat" || call.endpoint === "completions";
  if (!call.isStream || !streamsUsage) return false;
  if (!quirks.takesStreamOptions) {
    if ("stream_options" in call.request.value) changes.set("stream_options", "remove");
    return !wantsUsage(call.request);
  }
  if (wantsUsage(call.request)) return false;
  const given = call.request.value["stream_options"];
  const options = { ...(isJsonObject(given) ? given : {}), include_usage: true };
  changes.set("stream_options", { value: JSON.stringify(options) });
  return true;
}

/** Whether the client itself asked for a stream's usage. */
export function wantsUsage(request: JsonText): boolean {
  const options = request.value["stream_options"];
  return isJsonObject(options) && options["include_usage"] === true;
}

function renameAndDrop(
  call: ProviderCall,
  quirks: Quirks,
  changes: Map<string, FieldChange>,
): string[] {
  const { value } = call.request;
  const known = quirks.knownFields?.[call.endpoint];
  for (const [from, to] of Object.entries(quirks.renames)) {
    if (known === undefined || known.has(to)) rename(value, { from, to }, changes);
  }
  if (known === undefined) return [];
  const dropped = Object.keys(value).filter((name) => !known.has(name) && !changes.has(name));
  for (const name of dropped) changes.set(name, "remove");
  return dropped;
}

/** Where both are given, the new name is what the client's SDK means today, unless it says nothing. */
function rename(
  value: JsonObject,
  { from, to }: { readonly from: string; readonly to: string },
  changes: Map<string, FieldChange>,
): void {
  if (!(from in value)) return;
  if (to in value && value[from] === null) {
    changes.set(from, "remove");
    return;
  }
  if (to in value) changes.set(to, "remove");
  changes.set(from, { rename: to });
}

/** The messages in the vendor's dialect; undefined where they are right as they are. */
function changedMessages(request: JsonObject, quirks: Quirks): JsonObject[] | undefined {
  const needsLook =
    !quirks.hasDeveloperRole || quirks.needsShortToolIds || quirks.knownMessageFields !== undefined;
  const messages = request["messages"];
  if (!needsLook || !Array.isArray(messages)) return undefined;
  const given = messages.filter(isJsonObject);
  const changed = given.map((message) => changedMessage(message, quirks));
  return changed.some((message, index) => message !== given[index]) ? changed : undefined;
}

function changedMessage(message: JsonObject, quirks: Quirks): JsonObject {
  let result = message;
  if (!quirks.hasDeveloperRole && result["role"] === "developer") {
    result = { ...result, role: "system" };
  }
  if (quirks.needsShortToolIds) result = withShortToolIds(result);
  const known =
    quirks.knownMessageFields?.[String(result["role"])] ?? quirks.knownMessageFields?.["*"];
  if (known === undefined || Object.keys(result).every((name) => known.has(name))) return result;
  return Object.fromEntries(Object.entries(result).filter(([name]) => known.has(name)));
}

function withShortToolIds(message: JsonObject): JsonObject {
  const result = message["tool_call_id"];
  const calls = message["tool_calls"];
  if (typeof result === "string" && !isShortId(result)) {
    return { ...message, tool_call_id: shortId(result) };
  }
  if (!Array.isArray(calls)) return message;
  const needsChange = calls.some((call) => isJsonObject(call) && !isShortId(call["id"]));
  if (!needsChange) return message;
  return {
    ...message,
    tool_calls: calls.map((call: unknown) =>
      isJsonObject(call) && typeof call["id"] === "string"
        ? { ...call, id: isShortId(call["id"]) ? call["id"] : shortId(call["id"]) }
        : call,
    ),
  };
}

const shortIdLength = 9;

function isShortId(id: unknown): boolean {
  return typeof id === "string" && /^[A-Za-z0-9]{9}$/.test(id);
}

/** The same nine characters for the same id, so that a result still finds its call. */
function shortId(id: string): string {
  return hash("sha256", id, "hex").slice(0, shortIdLength);
}
