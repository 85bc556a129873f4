import fc from "fast-check";
import { expect, test } from "vitest";

import {
  cleanSchema,
  isExpressible,
} from "../../../../src/providers/anthropic/request/clean-schema.ts";
import type { JsonObject } from "../../../../src/lib/json-text.ts";

test("what is refused is said in the description, and objects are closed", () => {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    description: "A person",
    properties: {
      name: { type: "string", pattern: "^A", format: "email" },
      age: { type: ["integer", "null"], minimum: 0, maximum: 150 },
      tags: { type: "array", items: { type: "string", maxLength: 3 }, minItems: 1, maxItems: 9 },
      pet: { oneOf: [{ $ref: "#/$defs/cat" }, { type: "null" }] },
      minimum: { type: "number" },
    },
    required: ["name"],
    additionalProperties: true,
    $defs: { cat: { type: "object", properties: { lives: { type: "integer", multipleOf: 1 } } } },
  };
  expect(cleanSchema(schema)).toEqual({
    type: "object",
    description: "A person",
    properties: {
      name: { type: "string", format: "email", description: '{pattern: "^A"}' },
      age: { type: ["integer", "null"], description: "{minimum: 0, maximum: 150}" },
      tags: {
        type: "array",
        items: { type: "string", description: "{maxLength: 3}" },
        minItems: 1,
        description: "{maxItems: 9}",
      },
      pet: { anyOf: [{ $ref: "#/$defs/cat" }, { type: "null" }] },
      minimum: { type: "number" },
    },
    required: ["name"],
    additionalProperties: false,
    $defs: {
      cat: {
        type: "object",
        properties: { lives: { type: "integer", description: "{multipleOf: 1}" } },
        additionalProperties: false,
      },
    },
  });
});

test("a property may be called like a keyword, or like a trap", () => {
  const schema = JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"string","minLength":1},"enum":{"type":"string"}}}',
  ) as JsonObject;
  expect(JSON.stringify(cleanSchema(schema))).toBe(
    '{"type":"object","properties":{"__proto__":{"type":"string","description":"{minLength: 1}"},' +
      '"enum":{"type":"string"}},"additionalProperties":false}',
  );
});

const closed = { type: "object", properties: {}, additionalProperties: false };

test.each([
  ["an empty object", closed, true],
  ["any keys", { ...closed, additionalProperties: true }, false],
  ["keys by a pattern", { ...closed, patternProperties: { "^a": {} } }, false],
  ["an object of which nothing is said", { type: "object" }, false],
  ["such an object inside a list", { type: "array", items: { type: "object" } }, false],
  ["such an object in a choice", { anyOf: [{ type: ["object", "null"] }] }, false],
  ["a definition that is used twice", twice(), true],
  [
    "a definition that holds itself",
    { ...closed, $defs: { a: { items: { $ref: "#/$defs/a" } } }, items: { $ref: "#/$defs/a" } },
    false,
  ],
  [
    "two that hold each other",
    {
      $ref: "#/$defs/a",
      $defs: { a: { items: { $ref: "#/$defs/b" } }, b: { items: { $ref: "#/$defs/a" } } },
    },
    false,
  ],
  [
    "a property that refers to itself",
    { ...closed, properties: { a: { items: { $ref: "#/properties/a" } } } },
    false,
  ],
])("%s can be expressed: %s", (_what, schema, expected) => {
  expect(isExpressible(schema)).toBe(expected);
});

test("references that lead on and on count as endless, and are soon given up", () => {
  const chain = (length: number): JsonObject => ({
    ...closed,
    items: { $ref: "#/$defs/0" },
    $defs: Object.fromEntries(
      Array.from({ length }, (_, place) => [place, { items: { $ref: `#/$defs/${place + 1}` } }]),
    ),
  });
  expect(isExpressible(chain(50))).toBe(true);
  expect(isExpressible(chain(100_000))).toBe(false);
});

function twice(): JsonObject {
  const cat = { $ref: "#/definitions/cat" };
  return { ...closed, properties: { a: cat, b: cat }, definitions: { cat: { type: "string" } } };
}

test("cleaning twice changes nothing more, and always ends", () => {
  const leaf = fc.constantFrom<JsonObject>(
    { type: "string", minLength: 1 },
    { $ref: "#/$defs/x" },
    {},
  );
  const { node } = fc.letrec<{ node: JsonObject }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.dictionary(fc.string(), tie("node")).map((properties) => ({ type: "object", properties })),
      fc.array(tie("node")).map((oneOf) => ({ oneOf })),
      tie("node").map((items) => ({ type: "array", items, maxItems: 3 })),
    ),
  }));
  fc.assert(
    fc.property(node, (schema) => {
      const once = cleanSchema(schema);
      expect(cleanSchema(once)).toEqual(once);
      expect(typeof isExpressible(schema)).toBe("boolean");
    }),
  );
});
