import fc from "fast-check";
import { expect, test } from "vitest";

import { Failure } from "../../../../src/errors.ts";
import type { JsonObject } from "../../../../src/lib/json-text.ts";
import {
  cleanAnswerSchema,
  cleanParameters,
  cleanSchema,
} from "../../../../src/providers/google/request/clean-schema.ts";

const param = "tools[0].function.parameters";
/** An object of any fields: Gemini refuses one without. */
const anyObject = { type: "object", properties: { any_field: { type: "string" } } };
const clean = (schema: JsonObject): JsonObject => cleanSchema(schema, param);

test("keywords that Gemini refuses are left out at every level", () => {
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    $id: "x",
    type: "object",
    additionalProperties: false,
    patternProperties: { "^x": {} },
    properties: {
      list: {
        type: "array",
        uniqueItems: true,
        items: { type: "object", additionalProperties: true },
      },
      text: {
        type: "string",
        default: "a",
        examples: ["b"],
        minLength: 1,
        description: "d",
        title: "t",
      },
    },
    required: ["list", "gone"],
  };
  expect(clean(schema)).toEqual({
    type: "object",
    properties: {
      list: { type: "array", items: anyObject },
      text: { type: "string", title: "t", description: "d", minLength: 1 },
    },
    required: ["list"],
  });
});

test("references are inlined, and a recursive one ends", () => {
  const schema = {
    type: "object",
    properties: { root: { $ref: "#/$defs/node", description: "the root" } },
    $defs: {
      node: {
        type: "object",
        properties: { name: { $ref: "#/definitions/a~1b%20c" }, child: { $ref: "#/$defs/node" } },
      },
    },
    definitions: { "a/b c": { type: "string" } },
  };
  expect(clean(schema)).toEqual({
    type: "object",
    properties: {
      root: {
        type: "object",
        description: "the root",
        properties: { name: { type: "string" }, child: anyObject },
      },
    },
  });
});

test("a schema that is its own definition ends", () => {
  expect(clean({ $ref: "#" })).toEqual(anyObject);
  expect(
    clean({ $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } }),
  ).toEqual(anyObject);
});

test("recursion ends wherever it hides", () => {
  const inAllOf = { type: "object", properties: { x: { allOf: [{ $ref: "#" }] } } };
  const inList = { type: "array", items: { anyOf: [{ $ref: "#" }, { type: "string" }] } };
  const inBoth = { allOf: [{ properties: { x: { oneOf: [{ allOf: [{ $ref: "#" }] }, {}] } } }] };
  for (const schema of [inAllOf, inList, inBoth]) check(clean(schema));
});

test.each(["#/$defs/missing", "https://example.com/schema.json", "#/%", "#/__proto__/x", "#x"])(
  "a reference that leads nowhere is the caller's mistake: %s",
  (reference) => {
    expect(() => clean({ $ref: reference })).toThrow(
      expect.objectContaining({
        kind: "invalid_value",
        body: expect.objectContaining({ param }) as unknown,
      }) as Failure,
    );
  },
);

test("references that double a schema again and again are refused, at once", () => {
  const $defs: Record<string, unknown> = { d0: { type: "string" } };
  for (let level = 1; level <= 40; level++) {
    const lower = { $ref: `#/$defs/d${level - 1}` };
    $defs[`d${level}`] = { type: "object", properties: { a: lower, b: lower } };
  }
  expect(() => clean({ $ref: "#/$defs/d40", $defs })).toThrow(Failure);
  const all = Object.fromEntries(
    Object.keys($defs).map((_, level) => [
      `d${level}`,
      level === 0
        ? {}
        : { allOf: [{ $ref: `#/$defs/d${level - 1}` }, { $ref: `#/$defs/d${level - 1}` }] },
    ]),
  );
  expect(() => clean({ $ref: "#/$defs/d40", $defs: all })).toThrow(Failure);
});

test.each<[string, JsonObject, JsonObject]>([
  ["a constant", { const: "a" }, { type: "string", format: "enum", enum: ["a"] }],
  ["a list of numbers", { enum: [1, 2] }, { type: "integer", description: "(one of: 1, 2)" }],
  [
    "a list with null",
    { enum: ["a", null] },
    { type: "string", nullable: true, format: "enum", enum: ["a"] },
  ],
  [
    "a list of booleans",
    { type: "boolean", enum: [true], description: "d" },
    { type: "boolean", description: "d (one of: true)" },
  ],
  [
    "numbers and texts",
    { enum: ["a", 1, null] },
    { type: "string", nullable: true, format: "enum", enum: ["a", "1"] },
  ],
  ["a list with an empty text", { type: "string", enum: ["", "a"] }, { type: "string" }],
  ["null among the types", { type: ["string", "null"] }, { type: "string", nullable: true }],
  ["null alone", { type: ["null"] }, { type: "null" }],
  [
    "several types",
    { type: ["string", "integer"] },
    { anyOf: [{ type: "string" }, { type: "integer" }] },
  ],
  [
    "several types, one of them null",
    { type: ["string", "integer", "null"] },
    {
      anyOf: [
        { type: "string", nullable: true },
        { type: "integer", nullable: true },
      ],
    },
  ],
  [
    "one alternative besides null",
    { anyOf: [{ type: "string" }, { type: "null" }] },
    { type: "string", nullable: true },
  ],
  [
    "oneOf with something beside it",
    { description: "d", oneOf: [{ type: "string" }, { type: "number" }] },
    {
      anyOf: [
        { type: "string", description: "d" },
        { type: "number", description: "d" },
      ],
    },
  ],
  [
    "allOf",
    {
      allOf: [
        { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
        { properties: { b: { type: "number" } } },
      ],
    },
    {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "number" } },
      required: ["a"],
    },
  ],
  [
    "excluded bounds of whole numbers",
    { type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 9 },
    { type: "integer", minimum: 1, maximum: 8 },
  ],
  [
    "excluded bounds between whole numbers",
    { type: "integer", exclusiveMinimum: 0.5, exclusiveMaximum: 8.5 },
    { type: "integer", minimum: 1, maximum: 8 },
  ],
  [
    "a record",
    { type: "object", additionalProperties: { type: "number" } },
    { type: "object", properties: { any_field: { type: "number" } } },
  ],
  [
    "an object without fields",
    { type: "object", properties: {}, additionalProperties: false, description: "d" },
    { ...anyObject, description: "d" },
  ],
  [
    "excluded bounds of numbers",
    { type: "number", exclusiveMinimum: 0 },
    { type: "number", minimum: 0 },
  ],
  [
    "a format that Gemini has",
    { type: "string", format: "date-time" },
    { type: "string", format: "date-time" },
  ],
  [
    "a format that it has not",
    { type: "string", format: "email", description: "d" },
    { type: "string", description: "d (format: email)" },
  ],
  ["an expression", { type: "string", pattern: "^a+$" }, { type: "string", pattern: "^a+$" }],
  ["an expression that looks ahead", { type: "string", pattern: "^(?!a)" }, { type: "string" }],
  [
    "a tuple",
    { type: "array", prefixItems: [{ type: "string" }, { type: "number" }] },
    { type: "array", items: { anyOf: [{ type: "string" }, { type: "number" }] } },
  ],
  ["an array of anything", { type: "array" }, { type: "array", items: { type: "string" } }],
  ["anything", {}, { type: "string" }],
  [
    "a type that is not written",
    { properties: { a: true } },
    { type: "object", properties: { a: { type: "string" } } },
  ],
])("%s is written as Gemini takes it", (_what, given, expected) => {
  expect(clean(given)).toEqual(expected);
});

test("a property may have the name of a keyword", () => {
  const properties = {
    $ref: { type: "string" },
    type: { type: "number" },
    const: { type: "string" },
  };
  expect(clean({ type: "object", properties })).toEqual({ type: "object", properties });
});

test("a function without parameters has none, however that was written", () => {
  expect(cleanParameters({ type: "object", properties: {}, required: [] }, param)).toBeUndefined();
  expect(cleanParameters({}, param)).toBeUndefined();
  expect(cleanParameters({ type: "object", additionalProperties: true }, param)).toBeUndefined();
  const record = { type: "object", additionalProperties: { type: "number" } };
  expect(cleanParameters(record, param)).toBeUndefined();
});

test("alternatives of a whole parameter list become one object", () => {
  const a = {
    type: "object",
    properties: { id: { type: "string" }, a: { type: "number" } },
    required: ["id", "a"],
  };
  const b = { type: "object", properties: { id: { type: "string" } }, required: ["id"] };
  expect(cleanParameters({ oneOf: [a, b] }, param)).toEqual({
    type: "object",
    properties: { id: { type: "string" }, a: { type: "number" } },
    required: ["id"],
  });
});

test("an answer's fields keep the order in which the client wrote them", () => {
  const inner = {
    type: "object",
    properties: { why: { type: "string" }, answer: { type: "string" } },
  };
  const schema = {
    type: "object",
    properties: { z: { type: "array", items: inner }, a: { anyOf: [inner, { type: "string" }] } },
  };
  const ordered = { ...inner, propertyOrdering: ["why", "answer"] };
  expect(cleanAnswerSchema(schema, param)).toEqual({
    type: "object",
    properties: {
      z: { type: "array", items: ordered },
      a: { anyOf: [ordered, { type: "string" }] },
    },
    propertyOrdering: ["z", "a"],
  });
});

const known = new Set([
  ...[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "items",
    "minItems",
    "maxItems",
  ],
  ...["properties", "required", "minProperties", "maxProperties", "propertyOrdering", "anyOf"],
  ...["minimum", "maximum", "minLength", "maxLength", "pattern"],
]);

function check(schema: unknown): void {
  expect(schema).toBeTypeOf("object");
  const fields = schema as Record<string, unknown>;
  for (const name of Object.keys(fields)) expect(known).toContain(name);
  if (fields["anyOf"] === undefined) expect(fields["type"]).toBeTypeOf("string");
  else expect(Object.keys(fields)).toEqual(["anyOf"]);
  if (fields["type"] === "object") expect(fields["properties"]).not.toEqual({});
  expect(fields["type"] === "object").toBe(fields["properties"] !== undefined);
  if (fields["enum"] !== undefined) expect(fields["type"]).toBe("string");
  for (const value of (fields["enum"] ?? []) as unknown[]) expect(value).toBeTypeOf("string");
  for (const part of (fields["anyOf"] ?? []) as unknown[]) check(part);
  if (fields["items"] !== undefined) check(fields["items"]);
  for (const part of Object.values(fields["properties"] ?? {})) check(part);
}

test("whatever is given, nothing comes out that Gemini does not know", () => {
  const { schema } = fc.letrec((tie) => ({
    schema: fc.oneof(
      { maxDepth: 4 },
      fc.boolean(),
      fc.record(
        {
          type: fc.oneof(
            fc.constantFrom(
              "object",
              "array",
              "string",
              "number",
              "integer",
              "boolean",
              "null",
              "odd",
            ),
            fc.array(fc.constantFrom("string", "null", "array")),
          ),
          properties: fc.dictionary(fc.constantFrom("a", "b", "__proto__"), tie("schema")),
          items: fc.oneof(tie("schema"), fc.array(tie("schema"), { maxLength: 2 })),
          anyOf: fc.array(tie("schema"), { maxLength: 2 }),
          oneOf: fc.array(tie("schema"), { maxLength: 2 }),
          allOf: fc.array(tie("schema"), { maxLength: 2 }),
          $ref: fc.constantFrom("#", "#/properties/a"),
          enum: fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.boolean())),
          const: fc.anything({ maxDepth: 1 }),
          required: fc.array(fc.string()),
          format: fc.string(),
          additionalProperties: fc.boolean(),
          exclusiveMinimum: fc.oneof(fc.integer(), fc.boolean()),
          unheardOf: fc.anything(),
        },
        { requiredKeys: [] },
      ),
    ),
  }));
  fc.assert(
    fc.property(schema, (given) => {
      if (typeof given !== "object") return;
      let cleaned: unknown;
      try {
        cleaned = clean(given);
      } catch (error) {
        expect(error).toBeInstanceOf(Failure);
        return;
      }
      check(cleaned);
    }),
    { numRuns: 300 },
  );
});
