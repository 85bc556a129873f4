import { expect, test } from "vitest";

import {
  aboutOf,
  plainQuestion,
  politeQuestion,
  rewordedQuestion,
  topicCount,
  waysCount,
} from "../../../scripts/demo/questions.ts";
import { embeddingOf } from "../../../scripts/demo/mock-answers.ts";
import { startTraffic } from "../../../scripts/demo/traffic.ts";
import { guardAgainst } from "../../../src/pipeline/cache/guards.ts";
import { normalForm } from "../../../src/pipeline/cache/normal-form.ts";
import { defaultGuardsOff, guardNames } from "../../../src/tenants/cache-policy.ts";

const guards = new Set(guardNames.filter((name) => !defaultGuardsOff.has(name)));
const every = (step: number): number[] =>
  Array.from({ length: Math.ceil(topicCount / step) }, (_, index) => index * step);
const cosine = (left: readonly number[], right: readonly number[]): number => {
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
  return dot(left, right) / Math.sqrt(dot(left, left) * dot(right, right));
};

test("the demo's topics are all different, and every wording of one is about it", () => {
  const plain = Array.from({ length: topicCount }, (_, index) => aboutOf(plainQuestion(index)));
  expect(new Set(plain).size).toBe(topicCount);
  for (const index of every(37)) {
    for (let way = 0; way < waysCount; way++) {
      expect(aboutOf(politeQuestion(index, way))).toBe(plain[index]);
      expect(aboutOf(rewordedQuestion(index, way))).toBe(plain[index]);
    }
  }
});

test("the semantic cache can find the demo's rewordings: near enough, and allowed by its usual guards", () => {
  for (const index of every(97)) {
    const question = plainQuestion(index);
    for (let way = 0; way < waysCount; way++) {
      expect(normalForm(politeQuestion(index, way))).toBe(normalForm(question));
      const reworded = rewordedQuestion(index, way);
      expect(guardAgainst(reworded, question, { guards }), reworded).toBeUndefined();
      expect(cosine(embeddingOf(reworded), embeddingOf(question))).toBeGreaterThan(0.8);
    }
  }
});

test("traffic has some of everything at once, keeps to its rates, and stops when it is told", async () => {
  const stopping = new AbortController();
  const turns = { often: 0, seldom: 0, stuck: 0 };
  const rates = { scale: 1, perSecond: { often: 200, seldom: 0, stuck: 1_000 } };
  const { promise: release, resolve } = Promise.withResolvers<undefined>();
  const activities = [
    { name: "often", perSecond: 200, run: () => Promise.resolve(turns.often++) },
    { name: "seldom", perSecond: 0, run: () => Promise.resolve(turns.seldom++) },
    { name: "stuck", perSecond: 1_000, run: () => release.then(() => turns.stuck++) },
  ];
  const startedMs = performance.now();
  const traffic = startTraffic(activities, rates, stopping.signal);
  await expect.poll(() => turns.often, { interval: 5 }).toBeGreaterThanOrEqual(20);
  expect(performance.now() - startedMs).toBeGreaterThan(50);
  expect(turns.seldom).toBe(1);
  expect(traffic.runningCount).toBe(20);
  expect(traffic.skippedCount).toBeGreaterThan(0);
  stopping.abort();
  resolve(undefined);
  await traffic.done;
  expect(turns.stuck).toBe(20);
});
