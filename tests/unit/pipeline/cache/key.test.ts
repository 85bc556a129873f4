import fc from "fast-check";
import { expect, test } from "vitest";

import { readJsonObject } from "../../../../src/lib/json-text.ts";
import { exactKey, keyDepthMax } from "../../../../src/pipeline/cache/key.ts";
import type { KeyParts } from "../../../../src/pipeline/cache/key.ts";

const targets = [{ name: "openai/gpt-4o" }];

const keyOf = (text: string, parts: Partial<KeyParts> = {}): string | undefined =>
  exactKey({
    tenantId: "acme",
    endpoint: "chat",
    model: "fast",
    targets,
    strategy: "priority",
    pinnedProvider: undefined,
    clientHeaders: {},
    request: { text },
    ...parts,
  });

const plain = `{"model":"fast","messages":[{"role":"user","content":"Hi"}],"temperature":0}`;

/** The same value, its names in another order, with other white space and other escapes. */
function rewritten(value: unknown, turn: () => number): string {
  const gap = (): string => ["", " ", "\n", "\t  "][turn() % 4] ?? "";
  if (typeof value === "string") return turn() % 2 === 0 ? JSON.stringify(value) : escaped(value);
  if (Array.isArray(value)) {
    return `[${gap()}${value.map((one) => rewritten(one, turn)).join(`${gap()},${gap()}`)}${gap()}]`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .map((member) => ({ member, place: turn() }))
    .sort((left, right) => left.place - right.place)
    .map(
      ({ member: [name, inner] }) => `${escaped(name)}${gap()}:${gap()}${rewritten(inner, turn)}`,
    );
  return `{${gap()}${members.join(`${gap()},`)}${gap()}}`;
}

const escaped = (text: string): string =>
  `"${Array.from({ length: text.length }, (_, at) => {
    return `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }).join("")}"`;

const name = fc.oneof(
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "a",
    "A",
    "",
    "é",
    "0",
    "10",
  ),
  fc.string({ unit: "binary", maxLength: 6 }),
);
const scalar = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("\\u0041", 'a"b', "/", "\\/", "\n", "true", "1", "null"),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small" },
    scalar,
    fc.array(tie("json"), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie("json")), { maxLength: 4 }).map(asObject),
  ),
}));

function asObject(members: readonly (readonly [string, unknown])[]): object {
  const object: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of members) object[key] = value;
  return object;
}

const request = fc.array(fc.tuple(name, json), { maxLength: 6 }).map(asObject);

test("the order of names, white space and escapes make no difference", () => {
  fc.assert(
    fc.property(request, fc.infiniteStream(fc.nat(1_000)), (value, turns) => {
      const turn = (): number => Number(turns.next().value);
      expect(keyOf(rewritten(value, turn))).toBe(keyOf(JSON.stringify(value)));
    }),
    { numRuns: 2_000 },
  );
});

/** Equal as JSON: -0 is 0, and what an object inherits does not count. */
const sortedText = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? asObject(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );

/** The same but for one place in it, which may be anywhere. */
function changed(value: unknown, piece: unknown, turn: () => number): unknown {
  if (typeof value !== "object" || value === null || turn() % 4 === 0) return piece;
  if (Array.isArray(value)) {
    const at = turn() % (value.length + 1);
    return value.toSpliced(at, 1, changed(value[at], piece, turn));
  }
  const members = Object.entries(value);
  const [key = "new", inner] = members[turn() % (members.length + 1)] ?? [];
  return asObject([...members, [key, changed(inner, piece, turn)]]);
}

test("requests that differ in one place share no key", () => {
  const turns = fc.infiniteStream(fc.nat(1_000));
  fc.assert(
    fc.property(request, json, turns, (one, piece, stream) => {
      const turn = (): number => Number(stream.next().value);
      expectSame({ a: one }, { a: changed(one, piece, turn) });
    }),
    { numRuns: 2_000 },
  );
});

function expectSame(one: object, other: object): void {
  const areSame = sortedText(one) === sortedText(other);
  expect(keyOf(JSON.stringify(one)) === keyOf(JSON.stringify(other))).toBe(areSame);
}

test("requests that differ in everything share no key", () => {
  fc.assert(
    fc.property(request, request, (one, other) => {
      expectSame(one, other);
    }),
    { numRuns: 1_000 },
  );
});

test("one small change anywhere makes another key", () => {
  const changes: readonly (readonly [string, unknown])[] = [
    ["temperature", 0.1],
    ["top_p", 0.5],
    ["seed", 1],
    ["max_tokens", 10],
    ["response_format", { type: "json_object" }],
    [
      "response_format",
      { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } },
    ],
    ["tools", [{ type: "function", function: { name: "a", parameters: {} } }]],
    ["tools", [{ type: "function", function: { name: "b", parameters: {} } }]],
    ["tool_choice", "none"],
    ["stop", ["a"]],
    ["stop", "a"],
    [
      "messages",
      [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Hi" },
      ],
    ],
    [
      "messages",
      [
        { role: "system", content: "Be brief" },
        { role: "user", content: "Hi" },
      ],
    ],
    [
      "messages",
      [
        { role: "user", content: "Hi" },
        { role: "system", content: "Be brief." },
      ],
    ],
    ["messages", [{ role: "user", content: "Hi", name: "Ann" }]],
    ["messages", [{ role: "user", content: " Hi" }]],
    ["messages", [{ role: "user", content: [{ type: "text", text: "Hi" }] }]],
    ["something_new", null],
    ["something_new", false],
    ["something_new", ""],
  ];
  const base = JSON.parse(plain) as Record<string, unknown>;
  const keys = changes.map(([field, value]) => keyOf(JSON.stringify({ ...base, [field]: value })));
  expect(new Set([...keys, keyOf(plain)]).size).toBe(changes.length + 1);
});

test("no two tenants, endpoints, models, targets, pins or telling headers share a key", () => {
  const text = fc.string({ unit: "binary", maxLength: 8 });
  const parts = fc.record({
    tenantId: text,
    endpoint: fc.constantFrom("chat" as const, "responses" as const, "messages" as const),
    model: text,
    targets: fc.array(
      text.map((target) => ({ name: target })),
      { maxLength: 3 },
    ),
    strategy: fc.constantFrom("priority", "weighted"),
    pinnedProvider: fc.option(text, { nil: undefined }),
    clientHeaders: fc.record({ "anthropic-beta": fc.option(text, { nil: undefined }) }),
  });
  const meaning = (of: object): string => JSON.stringify(of);
  fc.assert(
    fc.property(parts, parts, fc.boolean(), (one, other, isNear) => {
      const second = isNear ? { ...one, tenantId: other.tenantId } : other;
      expect(keyOf(plain, one) === keyOf(plain, second)).toBe(meaning(one) === meaning(second));
    }),
    { numRuns: 2_000 },
  );
});

test("one tenant's text cannot be made to look like another's head", () => {
  const keys = new Set([
    keyOf(plain, { tenantId: "a", model: `b","c` }),
    keyOf(plain, { tenantId: `a","chat","b`, model: "c" }),
    keyOf(plain, { tenantId: "a\n", model: "b" }),
    keyOf(plain, { tenantId: "a", model: "\nb" }),
  ]);
  expect(keys.size).toBe(4);
});

test("how an answer travels and whom it is for are left out, at the outermost level alone", () => {
  const base = JSON.parse(plain) as Record<string, unknown>;
  const dressed = {
    stream: true,
    stream_options: { include_usage: true },
    ...base,
    user: "ann",
    metadata: { a: "b" },
    safety_identifier: "x",
    prompt_cache_key: "y",
  };
  expect(keyOf(JSON.stringify(dressed))).toBe(keyOf(plain));
  const inner = (user: string): string =>
    JSON.stringify({ ...base, messages: [{ role: "user", content: "Hi", user }] });
  expect(keyOf(inner("ann"))).not.toBe(keyOf(inner("bob")));
});

test.each<[string, string, boolean]>([
  ["1", "1.0", true],
  ["1", "10e-1", true],
  ["100", "1e2", true],
  ["100", "100.0", true],
  ["0", "-0", true],
  ["0", "0.000e5", true],
  ["0.7", "0.70", true],
  ["0.7", "7E-1", true],
  ["1000000000000000", "1e15", true],
  ["1000000000000000000000", "1E+21", true],
  ["9007199254740992", "9007199254740993", false],
  ["1e400", "1e401", false],
  ["1e-400", "0", false],
  ["1e400", "null", false],
  ["0.1", "0.10000000000000000001", false],
  ["1", "-1", false],
  ["1", '"1"', false],
  ["1", "true", false],
  ["1", "[1]", false],
  ["1e999999999999999999999999", "1e999999999999999999999998", false],
])("%s and %s are one: %s", (one, other, areSame) => {
  expect(keyOf(`{"seed":${one}}`) === keyOf(`{"seed":${other}}`)).toBe(areSame);
});

test("numbers are compared by value, with all of their digits", () => {
  const digits = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
  fc.assert(
    fc.property(digits, digits, fc.integer({ min: -30, max: 30 }), (one, other, power) => {
      const shifted = `${one * 1_000n}e${power - 3}`;
      expect(keyOf(`{"n":${shifted}}`)).toBe(keyOf(`{"n":${one}e${power}}`));
      expect(keyOf(`{"n":${one}}`) === keyOf(`{"n":${other}}`)).toBe(one === other);
    }),
    { numRuns: 2_000 },
  );
});

test("a name written twice is neither of the two: who reads on may take either", () => {
  const inner = (fields: string): string => `{"messages":[{${fields}}]}`;
  const keys = [
    inner(`"content":"a"`),
    inner(`"content":"b"`),
    inner(`"content":"a","content":"b"`),
    inner(`"content":"b","content":"a"`),
    inner(`"content":"a","cont\\u0065nt":"b","x":1`),
  ].map((text) => keyOf(text));
  expect(new Set(keys).size).toBe(keys.length);
});

test("half of a surrogate pair is not mistaken for another", () => {
  const texts = ["\ud800", "\ud801", "\udc00", "\ufffd", "\\ud802", "\\ud803"];
  const keys = texts.map((text) => keyOf(`{"a":"${text}"}`));
  expect(new Set(keys).size).toBe(texts.length);
});

test("other targets, and the same in another order, make another key", () => {
  const of = (...names: readonly string[]): string | undefined =>
    keyOf(plain, { targets: names.map((target) => ({ name: target })) });
  expect(of("a/x", "b/y")).toBe(of("a/x", "b/y"));
  expect(of("a/x", "b/y")).not.toBe(of("b/y", "a/x"));
  expect(of("a/x", "b/y")).not.toBe(of("a/x"));
  expect(of("a/x,b/y")).not.toBe(of("a/x", "b/y"));
});

test("what nests too deep has no key, and neither has what is no JSON", () => {
  const nested = (depth: number): string => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  expect(keyOf(nested(keyDepthMax))).toHaveLength(43);
  expect(keyOf(nested(keyDepthMax + 1))).toBeUndefined();
  expect(keyOf(nested(100_000))).toBeUndefined();
  for (const text of [
    "",
    "{",
    `{"a`,
    `{"a":`,
    `{"a":}`,
    `{"a":x}`,
    `{"a":1}}`,
    `{"a" 1}`,
    `{a:1}`,
    `["\\`,
  ]) {
    expect(keyOf(text)).toBeUndefined();
  }
});

test("it never fails on a text, whatever that is, and accepts what JSON.parse accepts", () => {
  const piece = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    '"',
    "\\",
    ":",
    ",",
    "1",
    "-",
    "e",
    "true",
    " ",
    "a",
    "\\u00",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 14 }).map((parts) => parts.join("")),
      (text) => {
        const key = keyOf(text);
        if (!("problem" in readJsonObject(text, 50))) expect(key).toHaveLength(43);
      },
    ),
    { numRuns: 5_000 },
  );
});
