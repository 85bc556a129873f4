import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { ownValue } from "../../../lib/own-value.ts";
import { SchemaTree, depthMax, mergeSchemas, withoutReference } from "./schema-references.ts";
import type { SchemaScope } from "./schema-references.ts";

/**
 * A JSON schema as the subset of OpenAPI's that every Gemini model takes (`Schema`). The newer fields that
 * take JSON schema itself (`parametersJsonSchema`, `responseJsonSchema`) are not used: which keywords they
 * allow depends on the model, and the subset is what all of them were built on. What the subset cannot say
 * becomes looser, never wrong: an answer may then break a rule that the client's own validation finds.
 * (https://ai.google.dev/api/caching#Schema, read 2026-11-21)
 */

/** Throws `invalid_value` for `param` where a reference leads nowhere or the schema grows without end. */
export function cleanSchema(schema: JsonObject, param: string): JsonObject {
  return clean(schema, { tree: new SchemaTree(schema, param), open: [], depth: 0 });
}

/** An answer's schema. Gemini writes fields in its own order unless it is told one: the client's, as OpenAI does. */
export function cleanAnswerSchema(schema: JsonObject, param: string): JsonObject {
  return inOrder(cleanSchema(schema, param));
}

function inOrder(schema: JsonObject): JsonObject {
  const { properties, items, anyOf } = schema;
  const fields = isJsonObject(properties) ? Object.entries(properties) : [];
  const ordering = schema["propertyOrdering"] ?? fields.map(([name]) => name);
  const inside = fields.map(([name, value]) => [
    name,
    isJsonObject(value) ? inOrder(value) : value,
  ]);
  return {
    ...schema,
    ...(fields.length === 0 ? {} : { properties: Object.fromEntries(inside) }),
    ...(fields.length < 2 ? {} : { propertyOrdering: ordering }),
    ...(isJsonObject(items) ? { items: inOrder(items) } : {}),
    ...(Array.isArray(anyOf) ? { anyOf: anyOf.filter(isJsonObject).map(inOrder) } : {}),
  };
}

/** A function's parameters: an object, or undefined where it has none, which Gemini wants left out. */
export function cleanParameters(schema: JsonObject, param: string): JsonObject | undefined {
  const cleaned = cleanSchema(schema, param);
  const whole = Array.isArray(cleaned["anyOf"]) ? asOneObject(cleaned["anyOf"]) : cleaned;
  const { properties } = whole;
  if (!isJsonObject(properties)) return undefined;
  const names = Object.keys(properties);
  if (names.length === 0 || (names.length === 1 && names[0] === anyField)) return undefined;
  return { ...whole, type: "object" };
}

/** Alternatives of a whole parameter list: every field that any of them has, required where all do. */
function asOneObject(alternatives: readonly unknown[]): JsonObject {
  const objects = alternatives.filter(isJsonObject);
  const properties = objects.flatMap(({ properties: own }) =>
    isJsonObject(own) ? Object.entries(own) : [],
  );
  const lists = objects.map((object) => listOf(object["required"]));
  const required = (lists[0] ?? []).filter((name) => lists.every((list) => list.includes(name)));
  const [first] = objects;
  return {
    ...(typeof first?.["description"] === "string" ? { description: first["description"] } : {}),
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
  };
}

/**
 * Gemini refuses objects without fields, so one whose fields nobody knows gets this one, which need not be set.
 * Google's Agent Development Kit and browser-use do the same.
 * (https://github.com/browser-use/browser-use/issues/3786, read 2026-11-21)
 */
const anyField = "any_field";
const anyObject = { type: "object", properties: { [anyField]: { type: "string" } } } as const;

function clean(given: unknown, outer: SchemaScope): JsonObject {
  outer.tree.count();
  // `true` and `{}` allow anything, which Gemini has no word for. Text can hold anything.
  if (!isJsonObject(given)) return { type: "string" };
  const { schema, scope } = withoutReference(given, { ...outer, depth: outer.depth + 1 });
  if (schema === undefined || outer.depth >= depthMax) return anyObject;
  const merged = withAllOf(schema, scope);
  const alternatives = alternativesOf(merged);
  if (alternatives === undefined) return cleanPlain(merged, scope);
  return cleanAlternatives(merged, alternatives, scope);
}

/** `allOf` as the one schema that it amounts to. */
function withAllOf(schema: JsonObject, scope: SchemaScope): JsonObject {
  scope.tree.count();
  const { allOf, ...rest } = schema;
  if (!Array.isArray(allOf)) return schema;
  const parts = allOf.filter(isJsonObject).flatMap((part) => {
    const found = withoutReference(part, scope);
    return found.schema === undefined ? [] : [withAllOf(found.schema, found.scope)];
  });
  return [...parts, rest].reduce(mergeSchemas);
}

const ofAlternatives = ["anyOf", "oneOf"] as const;

/** `anyOf`, `oneOf` and a list of types all say the same to Gemini, which has `anyOf` alone. */
function alternativesOf(schema: JsonObject): readonly unknown[] | undefined {
  for (const name of ofAlternatives) {
    const list = listIn(schema, name);
    if (list.length > 0) return list;
  }
  const { type } = schema;
  if (!Array.isArray(type) || type.length === 0) return undefined;
  return type.map((one: unknown) => ({ type: one }));
}

/**
 * Where `anyOf` is set nothing else may be, so what stands beside it goes into each alternative; `null` as
 * one of them becomes `nullable`.
 */
function cleanAlternatives(
  schema: JsonObject,
  alternatives: readonly unknown[],
  scope: SchemaScope,
): JsonObject {
  const shared = Object.fromEntries(
    Object.entries(schema).filter(([name, value]) => {
      if (name === "type") return !Array.isArray(value);
      return name !== "anyOf" && name !== "oneOf";
    }),
  );
  const others = alternatives.filter((one) => !isNull(one));
  const isNullable = others.length < alternatives.length || schema["nullable"] === true;
  const cleaned = others
    .flatMap((one) => unfolded(cleanAlternative(one, shared, scope)))
    .map((one) => (isNullable ? { ...one, nullable: true } : one));
  const [only] = cleaned;
  if (only === undefined) return { type: "null" };
  return cleaned.length === 1 ? only : { anyOf: cleaned };
}

function cleanAlternative(given: unknown, shared: JsonObject, scope: SchemaScope): JsonObject {
  if (!isJsonObject(given)) return clean(shared, scope);
  const found = withoutReference(given, scope);
  if (found.schema === undefined) return anyObject;
  return clean(mergeSchemas(shared, found.schema), found.scope);
}

/** Alternatives of an alternative are alternatives themselves. */
function unfolded(schema: JsonObject): JsonObject[] {
  const { anyOf } = schema;
  return Array.isArray(anyOf) ? anyOf.filter(isJsonObject) : [schema];
}

function isNull(schema: unknown): boolean {
  return isJsonObject(schema) && (schema["type"] === "null" || schema["const"] === null);
}

/** A schema of a single type. */
function cleanPlain(schema: JsonObject, scope: SchemaScope): JsonObject {
  const values = valuesOf(schema);
  const type = typeOf(schema, values);
  const { title, description } = schema;
  const hint = formatHint(schema, type);
  const said = [description, hint, valuesHint(type, values)]
    .filter((text) => typeof text === "string")
    .join(" ");
  return {
    type,
    ...(typeof title === "string" ? { title } : {}),
    ...(said === "" ? {} : { description: said }),
    ...(schema["nullable"] === true || values?.includes(null) === true ? { nullable: true } : {}),
    ...keywordsOf(type, schema, scope),
    ...(values === undefined ? {} : enumOf(type, values)),
  };
}

function keywordsOf(type: string, schema: JsonObject, scope: SchemaScope): JsonObject {
  switch (type) {
    case "object":
      return {
        ...objectKeywords(schema, scope),
        ...numbers(schema, ["minProperties", "maxProperties"]),
      };
    case "array":
      return { items: itemsOf(schema, scope), ...numbers(schema, ["minItems", "maxItems"]) };
    case "number":
    case "integer":
      return { ...formatOf(type, schema), ...rangeOf(type, schema) };
    case "string":
      return {
        ...formatOf(type, schema),
        ...patternOf(schema),
        ...numbers(schema, ["minLength", "maxLength"]),
      };
    default:
      return {};
  }
}

/** `enum` or `const`, which Gemini does not have. */
function valuesOf(schema: JsonObject): readonly unknown[] | undefined {
  const list = listIn(schema, "enum");
  if (list.length > 0) return list;
  return schema["const"] === undefined ? undefined : [schema["const"]];
}

const types = new Set<unknown>([
  "object",
  "array",
  "string",
  "number",
  "integer",
  "boolean",
  "null",
]);

/** Gemini wants a type everywhere; where none is written the keywords tell which is meant. */
function typeOf(schema: JsonObject, values: readonly unknown[] | undefined): string {
  const given = typeof schema["type"] === "string" ? schema["type"].toLowerCase() : undefined;
  if (given !== undefined && types.has(given)) return given;
  if (values !== undefined) return typeOfValues(values);
  if (schema["properties"] !== undefined || schema["additionalProperties"] !== undefined)
    return "object";
  if (schema["items"] !== undefined || schema["prefixItems"] !== undefined) return "array";
  const isNumber = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].some(
    (name) => typeof schema[name] === "number",
  );
  return isNumber ? "number" : "string";
}

function typeOfValues(values: readonly unknown[]): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return "null";
  if (known.every((value) => typeof value === "boolean")) return "boolean";
  if (known.every((value) => Number.isInteger(value))) return "integer";
  return known.every((value) => typeof value === "number") ? "number" : "string";
}

/**
 * Gemini lists texts only, and refuses an empty one. (https://ai.google.dev/api/caching#Schema, read 2026-11-21)
 */
function enumOf(type: string, values: readonly unknown[]): JsonObject {
  if (type !== "string" || values.includes("")) return {};
  const texts = values
    .filter((value) => typeof value === "number" || typeof value === "string")
    .map(String);
  return texts.length === 0 ? {} : { format: "enum", enum: [...new Set(texts)] };
}

/** Numbers and the like cannot be listed, but the model can be told of them. */
function valuesHint(type: string, values: readonly unknown[] | undefined): string | undefined {
  const known = values?.filter((value) => typeof value === "number" || typeof value === "boolean");
  if (known === undefined || known.length === 0 || type === "string") return undefined;
  return `(one of: ${known.join(", ")})`;
}

const formats: Readonly<Record<string, ReadonlySet<unknown>>> = {
  string: new Set(["date-time"]),
  number: new Set(["float", "double"]),
  integer: new Set(["int32", "int64"]),
};

function formatOf(type: string, schema: JsonObject): JsonObject {
  const { format } = schema;
  return ownValue(formats, type)?.has(format) === true ? { format } : {};
}

/** A format that is refused still tells the model what is wanted. */
function formatHint(schema: JsonObject, type: string): string | undefined {
  const { format } = schema;
  if (typeof format !== "string" || format === "enum") return undefined;
  return ownValue(formats, type)?.has(format) === false ? `(format: ${format})` : undefined;
}

/** Google's expressions are RE2's, without a look around and without references back. */
function patternOf(schema: JsonObject): JsonObject {
  const { pattern } = schema;
  if (typeof pattern !== "string" || /\(\?<?[=!]|\\[1-9]|\\k</.test(pattern)) return {};
  return { pattern };
}

/** Bounds that are excluded are not known: for whole numbers the next one is the bound. */
function rangeOf(type: string, schema: JsonObject): JsonObject {
  const isWhole = type === "integer";
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below } = schema;
  const lowest = typeof above !== "number" ? minimum : isWhole ? Math.floor(above) + 1 : above;
  const highest = typeof below !== "number" ? maximum : isWhole ? Math.ceil(below) - 1 : below;
  return {
    ...(typeof lowest === "number" ? { minimum: lowest } : {}),
    ...(typeof highest === "number" ? { maximum: highest } : {}),
  };
}

function numbers(schema: JsonObject, names: readonly string[]): JsonObject {
  const given = names.filter((name) => typeof schema[name] === "number");
  return Object.fromEntries(given.map((name) => [name, schema[name]]));
}

/** A tuple becomes a list of anything that one of its places may hold. */
function itemsOf(schema: JsonObject, scope: SchemaScope): JsonObject {
  const { items, prefixItems } = schema;
  const places = Array.isArray(prefixItems) ? prefixItems : items;
  if (!Array.isArray(places)) return clean(items, scope);
  return places.length === 0 ? { type: "string" } : clean({ anyOf: places }, scope);
}

function objectKeywords(schema: JsonObject, scope: SchemaScope): JsonObject {
  const { properties, additionalProperties: others } = schema;
  const names = isJsonObject(properties) ? Object.keys(properties) : [];
  if (!isJsonObject(properties) || names.length === 0) {
    return isJsonObject(others)
      ? { properties: { [anyField]: clean(others, scope) } }
      : { properties: anyObject.properties };
  }
  const known = new Set(names);
  const required = listOf(schema["required"]).filter((name) => known.has(name));
  const ordering = listOf(schema["propertyOrdering"]).filter((name) => known.has(name));
  return {
    properties: Object.fromEntries(names.map((name) => [name, clean(properties[name], scope)])),
    ...(required.length === 0 ? {} : { required: [...new Set(required)] }),
    ...(ordering.length === 0 ? {} : { propertyOrdering: ordering }),
  };
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function listIn(schema: JsonObject, name: string): readonly unknown[] {
  const value = schema[name];
  return Array.isArray(value) ? value : [];
}
