import { isJsonObject, readJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";

/**
 * What a provider wants back with the next turn and Anthropic's blocks have no place for, as Gemini's
 * `thought_signature`. It travels as the `signature` of a `thinking` block, which clients send back unmodified
 * (https://docs.claude.com/en/docs/build-with-claude/extended-thinking, read 2026-11-21). Clients can read it,
 * and write what they like: what comes back is only ever given to the provider as fields of its own message.
 */
export interface CarriedExtras {
  /** The model that made them, as its provider names it: of no use to another, which might refuse them. */
  readonly model: string;
  /** Fields of the message. */
  readonly message: JsonObject;
  /** Fields of its tool calls, by the id of the call. */
  readonly calls: ReadonlyMap<string, JsonObject>;
}

const prefix = "sentinel.1.";
const signatureLengthMax = 4 * 1024 * 1024;
const depthMax = 32;

const isList = (value: unknown): boolean => Array.isArray(value);

/**
 * The fields that are carried: Google's (https://ai.google.dev/gemini-api/docs/thought-signatures),
 * OpenRouter's (https://openrouter.ai/docs/guides/best-practices/reasoning-tokens), and those of gateways in
 * front of Anthropic's models. All read 2026-11-21.
 */
const messageFields: Readonly<Record<string, (value: unknown) => boolean>> = {
  extra_content: isJsonObject,
  reasoning_details: isList,
  thinking_blocks: isList,
};
const callFields: typeof messageFields = { extra_content: isJsonObject };

/** The extras among the fields of a chat message, or of a stream's delta. */
export function extrasOfMessage(message: JsonObject): JsonObject | undefined {
  return pick(message, messageFields);
}

export function extrasOfCall(call: JsonObject): JsonObject | undefined {
  return pick(call, callFields);
}

/** Extras of a stream come in pieces: lists go on, objects are filled. */
export function mergeExtras(before: JsonObject, more: JsonObject): JsonObject {
  const merged: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(more)) {
    const known = merged[name];
    if (Array.isArray(known) && Array.isArray(value)) merged[name] = known.concat(value);
    else if (isJsonObject(known) && isJsonObject(value)) merged[name] = { ...known, ...value };
    else merged[name] = value;
  }
  return merged;
}

export function encodeExtras({ model, message, calls }: CarriedExtras): string {
  const carried = {
    model,
    ...(Object.keys(message).length > 0 && { message }),
    ...(calls.size > 0 && { calls: [...calls] }),
  };
  return prefix + Buffer.from(JSON.stringify(carried)).toString("base64url");
}

/** Whether a `thinking` block was made here, whatever it carries. */
export function isOurSignature(signature: unknown): signature is string {
  return typeof signature === "string" && signature.startsWith(prefix);
}

/** Undefined for a signature that is not ours, or that does not hold what we would have written. */
export function decodeExtras(signature: unknown): CarriedExtras | undefined {
  if (!isOurSignature(signature) || signature.length > signatureLengthMax) return undefined;
  const text = Buffer.from(signature.slice(prefix.length), "base64url").toString("utf8");
  const json = readJsonObject(text, depthMax);
  if ("problem" in json || typeof json.value["model"] !== "string") return undefined;
  const { model, message, calls } = json.value;
  return {
    model,
    message: (isJsonObject(message) ? extrasOfMessage(message) : undefined) ?? {},
    calls: readCalls(calls),
  };
}

function readCalls(calls: unknown): Map<string, JsonObject> {
  const read = new Map<string, JsonObject>();
  for (const entry of Array.isArray(calls) ? (calls as unknown[]) : []) {
    const [id, fields] = Array.isArray(entry) ? (entry as unknown[]) : [];
    const extras = isJsonObject(fields) ? extrasOfCall(fields) : undefined;
    if (typeof id === "string" && extras !== undefined) read.set(id, extras);
  }
  return read;
}

function pick(from: JsonObject, fields: typeof messageFields): JsonObject | undefined {
  let picked: Record<string, unknown> | undefined;
  for (const name in fields) {
    const value = from[name];
    if (value != null && fields[name]?.(value) === true) (picked ??= {})[name] = value;
  }
  return picked;
}
