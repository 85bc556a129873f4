import fc from "fast-check";
import { expect, test } from "vitest";

import {
  decodeAnswer,
  deflateAnswer,
  encodeAnswer,
} from "../../../../src/stores/answers/answer-codec.ts";
import { anAnswer, comparable, wholeBody } from "../../../support/stored-answers.ts";

const name = { tenantId: "acme", key: "k" };
const chunks = Array.from({ length: 60 }, (_, index) =>
  Buffer.from(`data: {"choices":[{"index":0,"delta":{"content":"word ${index}"}}]}\n\n`),
);
const streamed = anAnswer({ body: { kind: "events", chunks } });
const plain = encodeAnswer("k", streamed);
const deflated = deflateAnswer(plain);

test("what repeats itself gets much smaller, and comes back as it was", () => {
  expect(deflated.length).toBeLessThan(plain.length / 5);
  expect(comparable(decodeAnswer(deflated, name))).toEqual(comparable(streamed));
});

test("what is small, or does not get smaller, stays as it is", () => {
  const small = encodeAnswer("k", anAnswer());
  expect(deflateAnswer(small)).toBe(small);
  const noise = crypto.getRandomValues(new Uint8Array(20_000));
  const random = encodeAnswer("k", anAnswer({ body: { kind: "whole", bytes: noise } }));
  expect(deflateAnswer(random)).toBe(random);
});

test("any single byte that is damaged makes a miss, wherever it is", () => {
  for (const good of [encodeAnswer("k", anAnswer()), deflated]) {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bad = Uint8Array.from(good);
        bad[at] = (bad[at] ?? 0) ^ change;
        expect(decodeAnswer(bad, name)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  }
});

test("what was cut off, or is anything else, makes a miss", () => {
  for (let length = 0; length < deflated.length; length += 1) {
    expect(decodeAnswer(deflated.subarray(0, length), name)).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decodeAnswer(bytes, name)).toBeUndefined();
    }),
  );
});

test("an answer is nobody's but its tenant's, and no other key's", () => {
  expect(decodeAnswer(plain, { tenantId: "zeta", key: "k" })).toBeUndefined();
  expect(decodeAnswer(deflated, { tenantId: "acme", key: "l" })).toBeUndefined();
  expect(decodeAnswer(deflated, name)).toBeDefined();
});

test("an empty body and a stream of empty events are told apart", () => {
  for (const body of [
    wholeBody(""),
    { kind: "events" as const, chunks: [] },
    { kind: "events" as const, chunks: [new Uint8Array(0), new Uint8Array(0)] },
  ]) {
    const answer = anAnswer({ body });
    expect(comparable(decodeAnswer(encodeAnswer("k", answer), name))).toEqual(comparable(answer));
  }
});
