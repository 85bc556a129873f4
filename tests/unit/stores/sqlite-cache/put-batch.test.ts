import fc from "fast-check";
import { expect, test } from "vitest";

import { decodeAnswer, encodeAnswer } from "../../../../src/stores/answers/answer-codec.ts";
import { PutBatch, rowsOf } from "../../../../src/stores/sqlite/cache/put-batch.ts";
import { anAnswer, comparable, wholeBody } from "../../../support/stored-answers.ts";

test("whatever is gathered comes out as it went in, in its order, as it is encoded alone", () => {
  const bytes = fc.uint8Array({ maxLength: 3_000 });
  const body = fc.oneof(
    bytes.map((each) => ({ kind: "whole" as const, bytes: each })),
    fc.array(bytes, { maxLength: 5 }).map((chunks) => ({ kind: "events" as const, chunks })),
  );
  const text = fc.string({ unit: "binary", maxLength: 20 });
  // A field of this name is set in no object literal: it is not what this is about.
  const name = text.filter((each) => each !== "__proto__");
  const put = fc.record({ key: text, body, model: text, tags: fc.dictionary(name, text) });
  fc.assert(
    fc.property(fc.array(put, { maxLength: 60 }), (puts) => {
      const batch = new PutBatch();
      const answers = puts.map(({ key, ...rest }) => ({ key, answer: anAnswer(rest) }));
      for (const { key, answer } of answers) batch.add(key, answer, 1_000_000);
      const rows = rowsOf(batch.bytes);
      expect(rows.map(({ key, model, tags }) => ({ key, model, tags }))).toEqual(
        answers.map(({ key, answer: { model, tags } }) => ({ key, model, tags })),
      );
      for (const [place, { key, answer }] of answers.entries()) {
        const row = rows[place];
        if (row === undefined) throw new Error("It is missing.");
        expect(Buffer.compare(row.bytes, encodeAnswer(key, answer))).toBe(0);
        const decoded = decodeAnswer(row.bytes, { tenantId: "acme", key });
        expect(comparable(decoded)).toEqual(comparable(answer));
      }
    }),
    { numRuns: 50 },
  );
});

test("it knows what is in it, and takes nothing that is too large", () => {
  const batch = new PutBatch();
  expect(batch.add("large", anAnswer({ body: wholeBody("x".repeat(2_000)) }), 1_000)).toBe(false);
  expect(batch.add("small", anAnswer(), 1_000)).toBe(true);
  expect([batch.has("acme", "large"), batch.has("acme", "small")]).toEqual([false, true]);
  expect(batch.has("zeta", "small")).toBe(false);
  expect([batch.size, rowsOf(batch.bytes).length]).toEqual([1, 1]);
});
