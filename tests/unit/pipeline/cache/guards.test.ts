import fc from "fast-check";
import { expect, test } from "vitest";

import { guardAgainst } from "../../../../src/pipeline/cache/guards.ts";
import { prepare } from "../../../../src/pipeline/cache/guards/prepare.ts";
import { defaultGuardsOff, guardNames } from "../../../../src/tenants/cache-policy.ts";
import { rightPairsFresh, rightPairsSeen, rightPairsUnseen } from "./guard-right-pairs.ts";
import { trapsFresh, trapsSeen, trapsUnseen, type Pair } from "./guard-traps.ts";

const traps = [...trapsSeen, ...trapsUnseen, ...trapsFresh];
const rightPairs = [...rightPairsSeen, ...rightPairsUnseen, ...rightPairsFresh];
/** Of the traps at least this share is caught, of the right pairs at most this share is lost. */
const caughtMin = 0.97;
const lostMax = 0.08;

const isForbidden = ([, asked, cached]: Pair): boolean => guardAgainst(asked, cached) !== undefined;
const shown = ([about, asked, cached]: Pair): string =>
  `  ${about}: ${asked} | ${cached} (${guardAgainst(asked, cached) ?? "passes"})`;

test("the tables are as large as they are meant to be, and name no pair twice", () => {
  expect(traps.length).toBeGreaterThanOrEqual(150);
  expect(rightPairs.length).toBeGreaterThanOrEqual(100);
  const lines = [...traps, ...rightPairs].map(([, asked, cached]) => `${asked}|${cached}`);
  expect(new Set(lines).size).toBe(lines.length);
});

test("pairs that need different answers are forbidden", () => {
  const passed = traps.filter((pair) => !isForbidden(pair));
  const caught = traps.length - passed.length;
  print(`guards: ${caught} of ${traps.length} traps caught`, passed);
  expect(caught / traps.length).toBeGreaterThanOrEqual(caughtMin);
});

test("pairs that ask for the same are let through", () => {
  const lost = rightPairs.filter(isForbidden);
  print(
    `guards: ${rightPairs.length - lost.length} of ${rightPairs.length} right pairs pass`,
    lost,
  );
  expect(lost.length / rightPairs.length).toBeLessThanOrEqual(lostMax);
});

test("the guards that are on unless a tenant says otherwise catch nearly as many and lose fewer", () => {
  const guards = new Set(guardNames.filter((name) => !defaultGuardsOff.has(name)));
  const isForbiddenByDefault = ([, asked, cached]: Pair): boolean =>
    guardAgainst(asked, cached, { guards }) !== undefined;
  const passed = traps.filter((pair) => !isForbiddenByDefault(pair));
  const lost = rightPairs.filter(isForbiddenByDefault);
  const caught = traps.length - passed.length;
  print(`usual guards: ${caught} of ${traps.length} traps caught`, passed);
  print(
    `usual guards: ${rightPairs.length - lost.length} of ${rightPairs.length} right pairs pass`,
    lost,
  );
  expect(caught / traps.length).toBeGreaterThanOrEqual(0.97);
  expect(lost.length / rightPairs.length).toBeLessThanOrEqual(0.03);
});

test("what stands behind the end of what is read is forbidden by any guard", () => {
  const long = "word ".repeat(2_000);
  for (const name of guardNames)
    expect(guardAgainst(long, `${long}5`, { guards: new Set([name]) })).toBe(name);
});

test("it does not matter which of the two was asked first", () => {
  for (const [, asked, cached] of [...traps, ...rightPairs]) {
    const there = guardAgainst(asked, cached) !== undefined;
    expect(guardAgainst(cached, asked) !== undefined, `${asked} | ${cached}`).toBe(there);
  }
});

test("a text is never forbidden against itself, whatever it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => guardAgainst(text, text) === undefined),
  );
  for (const [, asked] of traps) expect(guardAgainst(asked, prepare(asked))).toBeUndefined();
});

test("whatever the two texts are, the verdict comes, the same both ways round", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc
      .array(fc.constantFrom(...traps.flatMap(([, asked]) => asked.split(" "))), { maxLength: 12 })
      .map((words) => words.join(" ")),
  );
  fc.assert(
    fc.property(text, text, (asked, cached) => {
      return (
        (guardAgainst(asked, cached) === undefined) === (guardAgainst(cached, asked) === undefined)
      );
    }),
    { numRuns: 500 },
  );
});

test("two numbers that differ are forbidden in any sentence", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat(),
      fc.constantFrom(...rightPairs.map(([, asked]) => asked)),
      (one, other, sentence) => {
        fc.pre(one !== other);
        return guardAgainst(`${sentence} ${one}`, `${sentence} ${other}`) !== undefined;
      },
    ),
  );
});

test("a route has the guards that it names and no others", () => {
  const asked = "What is 15% of 80?";
  const cached = "What is 20% of 80?";
  expect(guardAgainst(asked, cached)).toBe("numbers");
  expect(guardAgainst(asked, cached, { guards: new Set(["negation"]) })).toBeUndefined();
  expect(guardAgainst(asked, cached, { guards: new Set() })).toBeUndefined();
  const others = new Set(guardNames.filter((name) => name !== "numbers"));
  expect(
    guardAgainst("Plan a 3 day trip", "Plan a 7 day trip", { guards: others }),
  ).toBeUndefined();
});

test.for([
  ["numbers", "List 5 fruits", "List 6 fruits"],
  ["units", "What is 10 kg of rice worth?", "What is 10 lb of rice worth?"],
  ["time", "Are you open on Saturday?", "Are you open on Sunday?"],
  ["negation", "Which foods contain gluten?", "Which foods do not contain gluten?"],
  ["antonyms", "Should I buy stocks now?", "Should I sell stocks now?"],
  ["names", "How tall is Tom Cruise?", "How tall is Tom Hanks?"],
  ["identifiers", "Is example.com down?", "Is example.org down?"],
  ["unmatched-word", "How do I clean a leather sofa?", "How do I clean a sofa?"],
  ["one-word", "What is the tax rate in Georgia?", "What is the tax rate in Gambia?"],
  ["one-word", "How do I clean a leather sofa?", "How do I clean a sofa?"],
  ["argument-swap", "Flights from London to Madrid", "Flights from Madrid to London"],
  ["question", "Where was Mozart born?", "When was Mozart born?"],
  ["person", "What is your name?", "What is my name?"],
  ["comparison", "Is tea healthier than coffee?", "Is tea healthy than coffee?"],
  ["conjunction", "Explain mitosis and meiosis", "Explain mitosis"],
  ["language", "¿Cómo puedo abrir una cuenta?", "¿Cómo puedo cerrar una cuenta?"],
] as const)("the guard on %s forbids by itself", ([guard, asked, cached]) => {
  expect(guardAgainst(asked, cached, { guards: new Set([guard]) })).toBe(guard);
});

test("numbers are read alike however they are written", () => {
  const pairs = [
    ["Give me 1,000 words", "Give me 1000 words"],
    ["Give me 1k words", "Give me a thousand words"],
    ["Give me twenty-five words", "Give me 25 words"],
    ["Give me two hundred and six words", "Give me 206 words"],
    ["Who was the 1st king?", "Who was the first king?"],
    ["Open at 5pm", "Open at 5:00 PM"],
    ["It costs $3 million", "It costs 3,000,000 dollars"],
    ["World War 2", "World War II"],
  ] as const;
  for (const [asked, cached] of pairs) {
    expect(guardAgainst(asked, cached), `${asked} | ${cached}`).toBeUndefined();
  }
});

test("what frames a question is cut off, what states something is not", () => {
  const question = "How do I reset my password?";
  for (const framed of [
    "Hi, could you please tell me how I reset my password?",
    "I don't know how to reset my password",
    "I was wondering how to reset my password, thanks in advance",
    "how do i reset my password, can you help me?",
  ]) {
    expect(guardAgainst(framed, question), framed).toBeUndefined();
  }
  expect(guardAgainst("I did not get the code", "the code")).toBe("negation");
  expect(guardAgainst("I did not see my order", "my order")).toBe("negation");
});

test("a text too long to be read whole passes against nothing but itself, and costs no more for it", () => {
  const long = "word ".repeat(200_000);
  const before = performance.now();
  expect(guardAgainst(long, `${long}5`)).toBe("unmatched-word");
  expect(guardAgainst(long, long)).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(1_000);
});

function print(line: string, pairs: readonly Pair[]): void {
  process.stdout.write(`${line}\n${pairs.map((pair) => `${shown(pair)}\n`).join("")}`);
}
