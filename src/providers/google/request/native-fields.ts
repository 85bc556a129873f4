import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { camelCase, withCamelCase } from "./camel-case.ts";

/**
 * Gemini's own fields in a request of OpenAI's format. Google's OpenAI API takes them as
 * `extra_body.google`; users of other gateways write some beside OpenAI's, so that works as well.
 * (https://ai.google.dev/gemini-api/docs/openai#extra-body, read 2026-11-21)
 */
export interface NativeFields {
  readonly generationConfig: JsonObject;
  readonly thinkingConfig: JsonObject | undefined;
  readonly tools: readonly JsonObject[];
  /** Fields of the request itself. */
  readonly outermost: JsonObject;
}

const outermostNames = new Set(["safetySettings", "cachedContent"]);
const configNames = new Set([
  "topK",
  "responseModalities",
  "mediaResolution",
  "speechConfig",
  "imageConfig",
]);
const besideNames = new Set([
  ...outermostNames,
  ...configNames,
  "generationConfig",
  "thinkingConfig",
]);

export function nativeFields(request: JsonObject): NativeFields {
  const given = givenFields(request, besideNames);
  const { thinkingConfig: within, ...config } = objectIn(given, "generationConfig") ?? {};
  const { tools } = given;
  return {
    generationConfig: { ...config, ...only(given, configNames) },
    thinkingConfig:
      objectIn(given, "thinkingConfig") ??
      (isJsonObject(within) ? withCamelCase(within) : undefined),
    tools: objectsOf(tools),
    outermost: only(given, outermostNames),
  };
}

/** Whether a field beside OpenAI's is one of Gemini's. */
export function isNativeField(name: string): boolean {
  return name === "extra_body" || name === "google" || besideNames.has(camelCase(name));
}

/**
 * Whatever stands beside OpenAI's fields, in `google`, in `extra_body` and in `extra_body.google`: the last
 * counts most. OpenAI's SDK for Python merges its `extra_body` into the request, which is why a client may
 * have the second and mean the fourth.
 */
function givenFields(request: JsonObject, names: ReadonlySet<string>): JsonObject {
  const beside = Object.entries(request).filter(([name]) => names.has(camelCase(name)));
  const extra = request["extra_body"];
  const { google, ...extraFields } = isJsonObject(extra) ? extra : {};
  const places = [Object.fromEntries(beside), request["google"], extraFields, google];
  const given = places
    .filter(isJsonObject)
    .flatMap((fields) => Object.entries(withCamelCase(fields)));
  return Object.fromEntries(given.filter(([, value]) => value != null));
}

function objectIn(fields: JsonObject, name: string): JsonObject | undefined {
  const value = fields[name];
  return isJsonObject(value) ? withCamelCase(value) : undefined;
}

function only(fields: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.has(name)));
}

const embeddingNames = new Set(["taskType", "title"]);

/** What an embedding is for, which OpenAI does not ask. (https://ai.google.dev/api/embeddings, read 2026-11-21) */
export function nativeEmbeddingFields(request: JsonObject): JsonObject {
  return only(givenFields(request, embeddingNames), embeddingNames);
}
