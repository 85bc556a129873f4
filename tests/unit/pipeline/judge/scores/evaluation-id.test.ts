import { createHash } from "node:crypto";

import fc from "fast-check";
import { ulid } from "ulid";
import { expect, test } from "vitest";

import { idEpochMs } from "../../../../../src/lib/ids.ts";
import {
  evaluationId,
  feedbackId,
} from "../../../../../src/pipeline/judge/scores/evaluation-id.ts";
import { idBytes, isUlid } from "../../../../../src/stores/sqlite/books/id-bytes.ts";

const requestId = ulid();
const of = (different: object) =>
  evaluationId({ requestId, evaluator: "relevance", round: 1, ...different });

test("an evaluation's id is the same on every try, and another one for anything else", () => {
  expect(of({})).toBe(of({}));
  const others = [{ requestId: ulid() }, { evaluator: "toxicity" }, { round: 2 }].map(of);
  expect(new Set([of({}), ...others]).size).toBe(4);
});

test("it is a ULID of the request's time, with the first 80 bits of the hash", () => {
  const names = fc.record({
    evaluator: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
    round: fc.integer({ min: 1, max: 1_000 }),
    startedMs: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
  });
  fc.assert(
    fc.property(names, ({ evaluator, round, startedMs }) => {
      const request = ulid(startedMs);
      const id = evaluationId({ requestId: request, evaluator, round });
      expect(isUlid(id)).toBe(true);
      expect(idEpochMs(id)).toBe(startedMs);
      const text = `evaluation\n${request}\n${evaluator}\n${round}`;
      const hash = createHash("sha256").update(text).digest().subarray(0, 10);
      expect(idBytes(id).subarray(6)).toEqual(hash);
    }),
  );
});

test("feedback of one key, request and tenant has one id, and nobody else's is the same", () => {
  const given = { requestId, tenantId: "acme", key: "k1" };
  expect(feedbackId(given)).toBe(feedbackId({ ...given }));
  const others = [{ key: "k2" }, { tenantId: "zeta" }, { requestId: ulid() }];
  const ids = [given, ...others.map((other) => ({ ...given, ...other }))].map(feedbackId);
  expect(new Set(ids).size).toBe(4);
});
