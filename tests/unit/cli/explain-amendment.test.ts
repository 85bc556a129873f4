import { expect, test } from "vitest";

import { explainAmendment } from "../../../src/cli/commands/explain-amendment.ts";

const amendment = (kind: string, data: Readonly<Record<string, unknown>>) => ({
  id: "01",
  object: "audit.amendment" as const,
  request_id: "02",
  tenant: "acme",
  at: "2026-11-21T10:00:00.000Z",
  kind,
  data,
});

test("an evaluation is told in a line: who said what, how, and for how much", () => {
  const scored = {
    evaluator: "relevance",
    version: "0123456789ab",
    judge_model: "gpt-4o-mini",
    status: "scored",
    score: 0.75,
    label: "4",
    method: "logprobs",
    cost_nano_usd: 123_000,
    round: 1,
  };
  expect(explainAmendment(amendment("evaluation", scored))).toBe(
    "relevance@0123456789ab by gpt-4o-mini: 0.75, 4, logprobs ($0.000123)",
  );
  const failed = { ...scored, status: "failed", failure: "timeout", score: null, round: 2 };
  expect(explainAmendment(amendment("evaluation", failed))).toContain(
    "timeout ($0.000123, round 2)",
  );
});

test("feedback is told without what would move the reader's cursor", () => {
  const data = {
    score: 0,
    label: null,
    comment: "bad\u001b[2J\nvery",
    evaluator: "relevance",
    user: "ann",
  };
  expect(explainAmendment(amendment("feedback", data))).toBe(
    'feedback on relevance: 0, "bad [2J very" (ann)',
  );
});

test("what a later version writes is shown as it is", () => {
  expect(explainAmendment(amendment("correction", { a: 1 }))).toBe('correction {"a":1}');
});
