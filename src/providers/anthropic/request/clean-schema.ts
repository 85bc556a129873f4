import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";

/**
 * A JSON schema with what Anthropic's structured outputs and strict tools take. What they refuse is no longer
 * enforced but still said to the model, in the description; objects are closed, as required.
 * (https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations and
 * `transformJSONSchema` of @anthropic-ai/sdk 1.11, read 2026-11-21)
 */
export function cleanSchema(schema: JsonObject): JsonObject {
  const said: string[] = [];
  const fields = Object.entries(schema).flatMap(([keyword, value]) => {
    const isChoice = keyword === "oneOf" && schema["anyOf"] === undefined;
    const kept = cleaners.get(isChoice ? "anyOf" : keyword)?.(value);
    if (kept !== undefined) return [[isChoice ? "anyOf" : keyword, kept] as const];
    if (!silent.has(keyword)) said.push(`${keyword}: ${JSON.stringify(value)}`);
    return [];
  });
  const cleaned: JsonObject = Object.fromEntries(fields);
  if (cleaned["$ref"] !== undefined) return onlyReference(cleaned);
  const closed = isObjectSchema(schema) ? { additionalProperties: false } : {};
  if (said.length === 0) return { ...cleaned, ...closed };
  const description = [cleaned["description"], `{${said.join(", ")}}`].filter(Boolean).join("\n\n");
  return { ...cleaned, ...closed, description };
}

/**
 * Whether a schema means the same after cleaning: objects that may have any key cannot be said, and one that
 * holds itself is refused.
 */
export function isExpressible(schema: JsonObject): boolean {
  return !hasOpenObject(schema) && !refersToItself(schema);
}

const plain = ["type", "enum", "const", "default", "title", "description", "required", "$ref"];
const maps = ["properties", "$defs", "definitions"];
/** What is said in another way, or says nothing about the answer. */
const silent = new Set(["additionalProperties", "$schema", "$id", "$comment", "examples"]);
const formats = new Set<unknown>([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
]);

/** A keyword's value as it stays; undefined where it must go. */
type Clean = (value: unknown) => unknown;

const cleanAny: Clean = (value) => (isJsonObject(value) ? cleanSchema(value) : value);
const cleanMap: Clean = (value) =>
  isJsonObject(value)
    ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, cleanAny(inner)]))
    : undefined;
const cleanList: Clean = (value) => (Array.isArray(value) ? value.map(cleanAny) : undefined);

const cleaners = new Map<string, Clean>([
  ...plain.map((keyword) => [keyword, (value: unknown) => value] as const),
  ...maps.map((keyword) => [keyword, cleanMap] as const),
  // Exactly one of several (`oneOf`) cannot be enforced; one of them can.
  ["anyOf", cleanList],
  ["allOf", cleanList],
  ["items", (value) => (isJsonObject(value) ? cleanSchema(value) : undefined)],
  ["minItems", (value) => (value === 0 || value === 1 ? value : undefined)],
  ["format", (value) => (formats.has(value) ? value : undefined)],
]);

function onlyReference(schema: JsonObject): JsonObject {
  const kept = Object.entries(schema).filter(
    ([keyword]) => keyword === "$ref" || keyword === "$defs" || keyword === "definitions",
  );
  return Object.fromEntries(kept);
}

function isObjectSchema(schema: JsonObject): boolean {
  const { type } = schema;
  if (type === "object" || isJsonObject(schema["properties"])) return true;
  return Array.isArray(type) && type.includes("object");
}

function hasOpenObject(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.some(hasOpenObject);
  if (!isJsonObject(schema)) return false;
  const { additionalProperties: more, patternProperties } = schema;
  if (more === true || isJsonObject(more) || isJsonObject(patternProperties)) return true;
  const isBare = isObjectSchema(schema) && schema["properties"] === undefined && more !== false;
  return isBare || subschemasOf(schema).some(hasOpenObject);
}

const nesting = new Set(["anyOf", "allOf", "oneOf", "items"]);

/** The schemas right inside this one. A property may be called `enum`: names are not keywords. */
function subschemasOf(schema: JsonObject): unknown[] {
  return Object.entries(schema).flatMap(([keyword, value]) => {
    if (maps.includes(keyword) && isJsonObject(value)) return Object.values(value);
    return nesting.has(keyword) ? [value].flat() : [];
  });
}

/** References that lead to references. No schema of a person goes deeper; what does counts as endless. */
const referenceDepthMax = 100;

/** Follows each reference once; one that is met again on its own way holds itself. */
function refersToItself(root: JsonObject): boolean {
  const open = new Set<unknown>(["#"]);
  const settled = new Set<string>();
  const leadsBack = (schema: unknown): boolean => {
    if (!isJsonObject(schema)) return false;
    const reference = schema["$ref"];
    if (typeof reference === "string" && isLoop(reference)) return true;
    return subschemasOf(schema).some(leadsBack);
  };
  const isLoop = (reference: string): boolean => {
    if (open.has(reference) || open.size > referenceDepthMax) return true;
    if (settled.has(reference)) return false;
    open.add(reference);
    const isFound = leadsBack(definitionOf(root, reference));
    open.delete(reference);
    settled.add(reference);
    return isFound;
  };
  // A definition that nothing refers to does no harm.
  return leadsBack({ ...root, $defs: undefined, definitions: undefined });
}

/** What a JSON pointer into the schema leads to (RFC 6901). */
function definitionOf(root: JsonObject, reference: string): unknown {
  if (!reference.startsWith("#/")) return undefined;
  let found: unknown = root;
  for (const step of reference.slice(2).split("/")) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(found)) found = found[Number(name)] as unknown;
    else if (isJsonObject(found)) found = found[name];
    else return undefined;
  }
  return found;
}
