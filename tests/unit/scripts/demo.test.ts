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
import { verdictOn } from "../../../scripts/demo/mock-judge.ts";
import { startTraffic } from "../../../scripts/demo/traffic.ts";
import { guardAgainst } from "../../../src/pipeline/cache/guards.ts";
import { normalForm } from "../../../src/pipeline/cache/normal-form.ts";
import { builtInEvaluators } from "../../../src/pipeline/judge/evaluators/built-in.ts";
import { judgeRequest } from "../../../src/pipeline/judge/asking/prompt.ts";
import { readVerdict } from "../../../src/pipeline/judge/asking/read-verdict.ts";
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

const evaluators = builtInEvaluators.filter(({ name }) => /^(relevance|helpfulness)$/.test(name));

test.each(evaluators)(
  "the demo's judge says each label of $name, mostly the good ones, and now and then what is no verdict",
  (evaluator) => {
    const ask = (question: string, nonce: string, more: readonly object[] = []) => {
      const judged = { subject: "answer", system: "", conversation: "", question } as const;
      const body = judgeRequest(evaluator, "critic", { ...judged, answer: "Yes." }, nonce);
      const messages = [...(body["messages"] as object[]), ...more];
      return verdictOn({ messages, responseFormat: body["response_format"] });
    };
    const kinds: string[] = [];
    for (let index = 0; index < topicCount; index++) {
      const said = ask(plainQuestion(index), "one");
      // It is of the question alone: anchors are judged every day alike.
      expect(ask(plainQuestion(index), "two")).toEqual(said);
      const content = said !== undefined && "text" in said ? said.text : null;
      const refusal = content === null ? "no" : null;
      const read = readVerdict({ choices: [{ message: { content, refusal } }] }, evaluator);
      kinds.push(read.kind === "verdict" ? read.label.label : read.kind);
    }
    const shareOf = (kind: string) => kinds.filter((each) => each === kind).length / kinds.length;
    for (const { label } of evaluator.labels) expect(shareOf(label), label).toBeGreaterThan(0.01);
    expect(shareOf("5")).toBeGreaterThan(shareOf("2"));
    expect(shareOf("refused")).toBeCloseTo(0.02, 1);
    expect(shareOf("invalid")).toBeCloseTo(0.06, 1);
    const again = [{ role: "assistant", content: "?" }];
    const stubborn = every(1).filter((index) => {
      const said = ask(plainQuestion(index), "one", again);
      return said !== undefined && "text" in said && !said.text.startsWith("{");
    });
    expect(stubborn.length / topicCount).toBeCloseTo(0.02, 1);
  },
);

test("whoever asks the demo's model for no verdict gets none", () => {
  expect(verdictOn({ messages: [{ content: "Hi" }], responseFormat: undefined })).toBeUndefined();
  const responseFormat = { type: "json_object" };
  expect(verdictOn({ messages: [{ content: "Hi" }], responseFormat })).toBeUndefined();
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
