import { isJsonObject, readJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { mediaPart } from "./media-parts.ts";
import type { ModelTraits } from "../model-generation.ts";
import { fault } from "./request-fault.ts";
import { readSignature, signed, uncheckedSignature } from "../thought-signatures.ts";
import type { ToolNames } from "../tool-names.ts";
import type { FunctionCallPart, FunctionResponsePart, InlinePart, MediaPart } from "../wire.ts";

/** Of the JSON in arguments and results. Google's own parser gives up at about as many. */
const depthMax = 100;

/** The conversation's calls so far: Gemini wants a result's function by name, OpenAI names its call. */
export class KnownCalls {
  readonly #names: ToolNames;
  readonly #byId = new Map<string, string>();

  constructor(names: ToolNames) {
    this.#names = names;
  }

  /** The function's name as Gemini takes it. */
  note(id: string | undefined, name: string): string {
    const made = this.#names.toGemini(name);
    if (id !== undefined) this.#byId.set(id, made);
    return made;
  }

  find(id: string): string | undefined {
    return this.#byId.get(id);
  }
}

/** An assistant's `tool_calls`. Throws `invalid_value`. */
export function functionCallParts(
  message: JsonObject,
  param: string,
  calls: KnownCalls,
  traits: ModelTraits,
): FunctionCallPart[] {
  const given = message["tool_calls"];
  if (!Array.isArray(given)) return [];
  return given.map((call: unknown, index) => {
    const where = `${param}.tool_calls[${index}]`;
    const fn = isJsonObject(call) ? call["function"] : undefined;
    if (!isJsonObject(call) || !isJsonObject(fn) || typeof fn["name"] !== "string") {
      throw fault(`${where}.function`, `'${where}' must be a function call: Gemini has no other.`);
    }
    const id = typeof call["id"] === "string" && call["id"] !== "" ? call["id"] : undefined;
    const name = calls.note(id, fn["name"]);
    const args = argumentsOf(fn["arguments"], `${where}.function.arguments`);
    const functionCall = { ...(id === undefined ? {} : { id }), name, args };
    // Of the calls of one step only the first is signed.
    const unsigned = index === 0 && traits.isGemini3 ? uncheckedSignature : undefined;
    return signed<FunctionCallPart>({ functionCall }, readSignature(call) ?? unsigned);
  });
}

function argumentsOf(json: unknown, param: string): JsonObject {
  if (json == null || json === "") return {};
  if (isJsonObject(json)) return json;
  const read = typeof json === "string" ? readJsonObject(json, depthMax) : undefined;
  if (read !== undefined && !("problem" in read)) return read.value;
  if (json === "null") return {};
  throw fault(param, `'${param}' must be a JSON object, at most ${depthMax} levels deep.`);
}

/** A tool's result; what of it is no text goes beside or, for older models, after it. Throws `invalid_value`. */
export function toolResultParts(
  message: JsonObject,
  param: string,
  calls: KnownCalls,
  traits: ModelTraits,
): (FunctionResponsePart | MediaPart)[] {
  const id = message["tool_call_id"];
  const where = `${param}.tool_call_id`;
  if (typeof id !== "string") throw fault(where, `'${where}' is required.`);
  const name = calls.find(id);
  if (name === undefined) {
    throw fault(where, `'${where}' names no tool call of an assistant's message before it.`);
  }
  const { text, media } = resultOf(message["content"], `${param}.content`);
  const inside = media.filter((part) => traits.isGemini3 && "inlineData" in part) as InlinePart[];
  const beside = media.filter((part) => !inside.some((other) => other === part));
  const parts = inside.length === 0 ? {} : { parts: inside };
  return [{ functionResponse: { id, name, response: responseOf(text), ...parts } }, ...beside];
}

function resultOf(content: unknown, param: string): { text: string; media: MediaPart[] } {
  if (!Array.isArray(content))
    return { text: typeof content === "string" ? content : "", media: [] };
  const texts: string[] = [];
  const media: MediaPart[] = [];
  content.forEach((part: unknown, index) => {
    const where = `${param}[${index}]`;
    if (!isJsonObject(part)) throw fault(where, `'${where}' must be an object.`);
    const made = mediaPart(part, where);
    if (made !== undefined) media.push(made);
    else if (typeof part["text"] === "string") texts.push(part["text"]);
    else throw fault(`${where}.type`, `'${where}' must be a text, an image or a file.`);
  });
  return { text: texts.join("\n"), media };
}

/** Gemini wants an object; its numbers are doubles (`google.protobuf.Struct`), so an id of 19 digits stays text. */
function responseOf(text: string): JsonObject {
  const read = readJsonObject(text, depthMax);
  const isObject = !("problem" in read) && !(longNumber.test(text) && hasLongNumber(text));
  return isObject ? read.value : { result: text };
}

/** Whether there may be a number that a double cannot hold. */
const longNumber = /\d{16}/;

function hasLongNumber(json: string): boolean {
  let found = false;
  JSON.parse(json, (_name, value: unknown) => {
    found ||= typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
    return value;
  });
  return found;
}
