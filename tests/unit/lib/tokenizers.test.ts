import fc from "fast-check";
import { countTokens as cl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens as o200k } from "gpt-tokenizer/encoding/o200k_base";
import { get_encoding } from "tiktoken";
import { expect, test } from "vitest";

import { loadTokenizers, tokenCounter } from "../../../src/lib/tokenizers.ts";
import type { Encoding } from "../../../src/lib/tokenizers.ts";

const plainText = { disallowedSpecial: new Set<string>() };
const references = {
  o200k: (text: string) => o200k(text, plainText),
  cl100k: (text: string) => cl100k(text, plainText),
} satisfies Record<Encoding, (text: string) => number>;
const encodings: readonly Encoding[] = ["o200k", "cl100k"];

const count = (encoding: Encoding, text: string): number => {
  const counter = tokenCounter(encoding);
  if (counter === undefined) throw new Error("not loaded");
  return counter(text);
};

test("nothing is counted before it is loaded, and loading holds up nobody", async () => {
  expect(tokenCounter("o200k")).toBeUndefined();
  // Time of the processor, because others may use it too.
  const usedMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  let longestMs = 0;
  let isLoading = true;
  const beganMs = usedMs();
  let lastMs = beganMs;
  const turn = (): void => {
    const nowMs = usedMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    if (isLoading) setImmediate(turn);
  };
  setImmediate(turn);
  const first = loadTokenizers();
  expect(loadTokenizers()).toBe(first);
  await first;
  isLoading = false;
  expect(tokenCounter("o200k")?.("Hello, world!")).toBe(4);
  // A share, because machines differ. Two files read in one go would be a half each.
  expect(longestMs).toBeLessThan((usedMs() - beganMs) / 3);
}, 30_000);

const textOf = (unit: fc.Arbitrary<string> | "binary") =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          ..."the of I'm WE'LL don’t 1234567 Köln 東京 人工智能正在改变 привет नमस्ते".split(" "),
        ),
        fc.constantFrom(
          " ",
          "  ",
          "\n",
          "\r\n\r\n",
          "\t",
          " \n ",
          "://",
          "</a>",
          '{"a":',
          "`",
          "👩‍👩‍👧",
        ),
        fc.constant("<|endoftext|>"),
        fc.string({ unit, maxLength: 12 }),
        fc.string({ maxLength: 20 }),
      ),
      { maxLength: 40 },
    )
    .map((pieces) => pieces.join(""))
    .filter((text) => !longWord.test(text));

/** Characters that were letters, or none, in every edition of Unicode: WebAssembly has an older one than Node. */
const knownRanges = [
  [0x20, 0x24f],
  [0x3b1, 0x3c9],
  [0x410, 0x44f],
  [0x904, 0x939],
  [0x2010, 0x2027],
  [0x3041, 0x3093],
  [0x4e00, 0x9fa5],
  [0xac00, 0xd7a3],
  [0x1f600, 0x1f64f],
] as const;
const knownCharacter = fc.oneof(
  ...knownRanges.map(([min, max]) =>
    fc.integer({ min, max }).map((code) => String.fromCodePoint(code)),
  ),
);

/** What may be longer than the 256 bytes at which a word is cut. */
const longWord = /\S{80}/;

test("counts to the token what the library counts, for any text", async () => {
  await loadTokenizers();
  fc.assert(
    fc.property(textOf("binary"), (text) => {
      for (const encoding of encodings) {
        expect(count(encoding, text)).toBe(references[encoding](text));
      }
    }),
    { numRuns: 1_500 },
  );
});

test("and what OpenAI's own tokenizer counts", async () => {
  await loadTokenizers();
  const theirs = { o200k: get_encoding("o200k_base"), cl100k: get_encoding("cl100k_base") };
  fc.assert(
    fc.property(textOf(knownCharacter), (text) => {
      for (const encoding of encodings) {
        expect(count(encoding, text)).toBe(theirs[encoding].encode(text, [], []).length);
      }
    }),
    { numRuns: 500 },
  );
  theirs.o200k.free();
  theirs.cl100k.free();
}, 30_000);

test("a word without end is cut, which changes its count by little and its time by much", async () => {
  await loadTokenizers();
  const endless = "qwfpbjlu".repeat(1_000);
  const exact = references.o200k(endless.slice(0, 2_000)) * 4;
  expect(Math.abs(count("o200k", endless) - exact) / exact).toBeLessThan(0.01);
});
