import fc from "fast-check";
import { expect, test } from "vitest";

import { changeFields, fromObject, readJsonObject } from "../../../src/lib/json-text.ts";
import type { FieldChange, JsonText } from "../../../src/lib/json-text.ts";

function readOk(text: string, depthMax = 64): JsonText {
  const json = readJsonObject(text, depthMax);
  if ("problem" in json) throw new Error(json.problem);
  return json;
}

const change = (text: string, changes: Record<string, FieldChange>): string =>
  changeFields(readOk(text), new Map(Object.entries(changes)));

test("a value is replaced and the other fields keep their very text", () => {
  const text = '{ "model" : "a", "seed": 12345678901234567890, "t":1.0, "x":{"model":"b"} }';
  const changed = change(text, { model: { value: '"z"' } });
  expect(changed).toContain("12345678901234567890");
  expect(changed).toContain("1.0");
  expect(JSON.parse(changed)).toMatchObject({ model: "z", x: { model: "b" } });
});

test("a field is renamed in place, removed, or added at the end", () => {
  expect(change('{"a":1,"b":2}', { a: { rename: "c" }, b: "remove", d: { value: "3" } })).toBe(
    '{"c":1,"d":3}',
  );
  expect(change("{}", { d: { value: "3" } })).toBe('{"d":3}');
});

test("braces, quotes and backslashes inside strings do not mislead it", () => {
  const text = String.raw`{"a":"}\"{[\\","m\u006fdel":"x","b":["]",{"c":"\\\""}]}`;
  expect(JSON.parse(change(text, { model: { value: '"y"' } }))).toEqual({
    a: '}"{[\\',
    model: "y",
    b: ["]", { c: '\\"' }],
  });
});

test("any object survives a change of one field, for every other field", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(3), (object, indent) => {
      const text = JSON.stringify({ ...object, model: "old" }, undefined, indent);
      const changed: unknown = JSON.parse(change(text, { model: { value: '"new"' } }));
      expect(changed).toEqual(JSON.parse(JSON.stringify({ ...object, model: "new" })));
    }),
  );
});

test("whatever is not a JSON object is told apart from one, and nothing throws", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const json = readJsonObject(text, 64);
      expect("problem" in json || typeof json.value === "object").toBe(true);
    }),
  );
  expect(readJsonObject("[1]", 64)).toEqual({ problem: "not_an_object" });
  expect(readJsonObject("null", 64)).toEqual({ problem: "not_an_object" });
  expect(readJsonObject('{"a":', 64)).toMatchObject({ problem: "malformed" });
});

test("nesting of 10,000 levels is refused before it is parsed", () => {
  const text = `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`;
  expect(readJsonObject(text, 128)).toEqual({ problem: "too_deep" });
});

test("a name written twice means its last value for everyone who reads on", () => {
  const json = readOk('{"model":"a","model":"b"}');
  expect(json.value).toEqual({ model: "b" });
  expect(json.text).toBe('{"model":"b"}');
});

test("__proto__ is a field like any other and changes no prototype", () => {
  const json = readOk('{"__proto__":{"polluted":true},"a":1}');
  expect(Object.keys(json.value)).toEqual(["__proto__", "a"]);
  expect("polluted" in {}).toBe(false);
  expect(change(json.text, { a: { value: "2" } })).toBe('{"__proto__":{"polluted":true},"a":2}');
});

test("an object made here reads like one that came in", () => {
  expect(changeFields(fromObject({ a: 1, b: "x" }), new Map([["a", "remove"]]))).toBe('{"b":"x"}');
});
