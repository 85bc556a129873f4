import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { shuffled } from "../../../scripts/bench-cache/orders.ts";
import { lineOf, meanLine, measured } from "../../../scripts/bench-cache/report.ts";
import { flawlessJudge, replayPolicy, replayStatic } from "../../../scripts/bench-cache/replay.ts";
import { defaultGuardsOff, guardNames } from "../../../src/tenants/cache-policy.ts";
import { guardAgainst } from "../../../src/pipeline/cache/guards.ts";
import { prepare } from "../../../src/pipeline/cache/guards/prepare.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { syntheticQuestions } from "../../support/synthetic-questions.ts";

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

/** The texts of a synthetic stream say nothing, so no guard looks at them. */
function runs(maxError: number, seeds: number, judge = flawlessJudge) {
  return Array.from({ length: seeds }, (_, seed) => {
    const random = seededRandom(1_000 + seed);
    const queries = syntheticQuestions({ answers: 60, queries: 2_000, apart: 0.8, random });
    const outcome = replayPolicy(queries, maxError, { guards: new Set(), judge, random });
    return { outcome, queries };
  });
}

test("of what is served no more is wrong than was promised, over many streams", () => {
  for (const maxError of [0.02, 0.05]) {
    const outcomes = runs(maxError, 4).map(({ outcome }) => outcome);
    const hits = sum(outcomes.map((outcome) => outcome.hits));
    const wrong = sum(outcomes.map((outcome) => outcome.wrongHits));
    const requests = sum(outcomes.map((outcome) => outcome.requests));
    expect(hits / requests, `hits at ${maxError}`).toBeGreaterThan(0.1);
    expect(wrong / hits, `errors at ${maxError}`).toBeLessThanOrEqual(maxError);
  }
}, 60_000);

test("a fixed similarity does not keep on the same stream what ours does", () => {
  const [one] = runs(0.05, 1);
  expect(one).toBeDefined();
  if (one === undefined) return;
  const fixed = replayStatic(one.queries, 0.85);
  expect(fixed.hits).toBeGreaterThan(0);
  expect(fixed.wrongHits / fixed.hits).toBeGreaterThan(one.outcome.wrongHits / one.outcome.hits);
}, 30_000);

test("a judge that errs often leaves less to serve, not more that is wrong", () => {
  const outcomes = runs(0.05, 2, { wronglyYes: 0.01, wronglyNo: 0.05 });
  for (const { outcome } of outcomes)
    expect(outcome.wrongHits).toBeLessThanOrEqual(0.05 * outcome.hits);
}, 30_000);

test("the report says the counts, the interval and what is saved", () => {
  const order = measured(7, { requests: 1_000, hits: 400, wrongHits: 4, checks: 500 });
  expect(order.precision?.interval95.low).toBeCloseTo(0.9746, 3);
  expect(order.netSaving.sameModel).toBeLessThan(order.netSaving.smallJudge);
  expect(lineOf(order)).toContain("hits 40.00 %  precision 99.00 %");
  expect(meanLine([order])).toContain("checks/request 0.500");
  expect(lineOf(measured(8, { requests: 10, hits: 0, wrongHits: 0, checks: 5 }))).toContain(
    "0.500",
  );
});

test("an order is the same for the same seed, another for another, and loses nothing", () => {
  const things = Array.from({ length: 100 }, (_, at) => at);
  expect(shuffled(things, 1)).toEqual(shuffled(things, 1));
  expect(shuffled(things, 1)).not.toEqual(shuffled(things, 2));
  expect(new Set(shuffled(things, 3))).toEqual(new Set(things));
});

test("on the sample the usual guards part more questions that differ than questions that are the same", () => {
  const file = join(import.meta.dirname, "../../fixtures/cache-questions.jsonl");
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const sample = lines.map((line) => {
    const { text, answer } = JSON.parse(line) as { text: string; answer: string };
    return { prepared: prepare(text), answer };
  });
  expect(sample.length).toBeGreaterThanOrEqual(100);
  const guards = new Set(guardNames.filter((name) => !defaultGuardsOff.has(name)));
  const counts = { same: { all: 0, parted: 0 }, other: { all: 0, parted: 0 } };
  for (const [at, one] of sample.entries())
    for (const two of sample.slice(0, at)) {
      const count = one.answer === two.answer ? counts.same : counts.other;
      count.all++;
      if (guardAgainst(one.prepared, two.prepared, { guards }) !== undefined) count.parted++;
    }
  const { same, other } = counts;
  expect(same.all).toBeGreaterThan(100);
  expect(same.parted / same.all).toBeLessThan(0.25);
  expect(other.parted / other.all).toBeGreaterThan(2 * (same.parted / same.all));
});
