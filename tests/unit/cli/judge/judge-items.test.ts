import { expect, test } from "vitest";

import { CommandFailed } from "../../../../src/cli/gateway-client.ts";
import { chooseAnchors, mismatch } from "../../../../src/cli/judge/compared-verdicts.ts";
import type { JudgeVerdict } from "../../../../src/cli/judge/judge-client.ts";
import { fruitlessMax, judgeItems } from "../../../../src/cli/judge/judge-items.ts";
import type { JudgeRun } from "../../../../src/cli/judge/judge-items.ts";
import type { LabelledItem } from "../../../../src/cli/judge/labelled-item.ts";

const item = (id: string, label = "good", answer = "Because."): LabelledItem => ({
  kind: "answer",
  id,
  subject: { kind: "answer", system: "", conversation: "", question: "Why?", answer },
  humanLabel: label,
  humanScore: null,
  recorded: new Map(),
});

const scored: JudgeVerdict = {
  version: "0123456789ab",
  model: "judge",
  status: "scored",
  score: 1,
  label: "good",
  label_swapped: null,
  failure: null,
  cost_nano_usd: 10,
};
const failed = (failure: string): JudgeVerdict => ({
  ...scored,
  status: "failed",
  score: null,
  label: null,
  failure,
});

const items = (count: number) => Array.from({ length: count }, (_, at) => item(`i#${at}`));

const run = (options: Partial<JudgeRun>) =>
  judgeItems({
    items: items(5),
    judge: () => Promise.resolve(scored),
    concurrency: 2,
    signal: new AbortController().signal,
    waitsMs: [0, 0],
    ...options,
  });

test("every item is judged once, no more at a time than allowed, and comes out in its order", async () => {
  let [now, most] = [0, 0];
  const end = await run({
    items: items(20),
    concurrency: 3,
    judge: async () => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
      return scored;
    },
  });
  expect(end).toMatchObject({ how: "finished", judged: 20, failed: 0, nanoUsd: 200 });
  expect(end.items.map(({ id }) => id)).toEqual(items(20).map(({ id }) => id));
  expect(most).toBe(3);
});

test("a judge that is busy is asked again, and every call is paid for", async () => {
  let calls = 0;
  const end = await run({
    items: items(1),
    judge: () => Promise.resolve(++calls < 3 ? failed("rate_limited") : scored),
  });
  expect(end).toMatchObject({ how: "finished", failed: 0, nanoUsd: 30 });
  const never = await run({
    items: items(1),
    judge: () => Promise.resolve(failed("rate_limited")),
  });
  expect([...never.failures]).toEqual([["rate_limited", 1]]);
});

test("a verdict that does not come in time or from a gateway in trouble is one that failed", async () => {
  const late = new Error("late");
  late.name = "TimeoutError";
  const errors = [
    new CommandFailed("slow", { cause: late }),
    new CommandFailed("broken", { status: 500 }),
  ];
  const end = await run({
    judge: () => {
      const error = errors.pop();
      return error === undefined ? Promise.resolve(scored) : Promise.reject(error);
    },
  });
  expect(end).toMatchObject({ how: "finished", judged: 5, failed: 2 });
  expect(Object.fromEntries(end.failures)).toEqual({ timeout: 1, gateway_500: 1 });
});

test("a request that the gateway refuses ends the run, with what there is", async () => {
  const refused = new CommandFailed("There is no such evaluator.", { status: 404 });
  let calls = 0;
  const end = await run({
    concurrency: 1,
    judge: () => (++calls > 2 ? Promise.reject(refused) : Promise.resolve(scored)),
  });
  expect(end).toMatchObject({ how: "stopped", judged: 2, why: refused });
  expect(calls).toBe(3);
});

test("if nothing comes of the first ones the others are not paid for", async () => {
  const end = await run({
    items: items(100),
    concurrency: 1,
    judge: () => Promise.resolve(failed("unpriced_model")),
  });
  expect(end).toMatchObject({ how: "stopped", judged: fruitlessMax });
  expect(String(end.why)).toContain("unpriced_model");
});

test("an interruption lets finish what runs, and begins nothing more", async () => {
  const stop = new AbortController();
  const end = await run({
    items: items(50),
    signal: stop.signal,
    judge: () => {
      stop.abort();
      return Promise.resolve(scored);
    },
  });
  expect(end.how).toBe("interrupted");
  expect(end.judged).toBeLessThanOrEqual(2);
  expect(end.judged).toBeGreaterThan(0);
});

test("anchors are as many of each label, the same each time, and none without a score", () => {
  const judged = [
    ...Array.from({ length: 90 }, (_, at) => item(`g#${at}`, "good", `answer ${at}`)),
    ...Array.from({ length: 6 }, (_, at) => item(`b#${at}`, "bad", `answer ${at}`)),
    item("long#1", "bad", "x".repeat(30_000)),
  ].map((each) => ({ item: each, id: each.id, verdict: scored }));
  const broken = { item: item("f#1", "bad"), id: "f#1", verdict: failed("timeout") };
  const anchors = chooseAnchors([...judged, broken, { ...broken, verdict: null }], 20);
  expect(anchors).toEqual(chooseAnchors([...judged, broken], 20));
  expect(anchors.length).toBe(20);
  expect(anchors.filter(({ human_label: label }) => label === "bad").length).toBe(6);
  expect(chooseAnchors(judged, 0)).toEqual([]);
});

test("an evaluator that answers another question is refused before anything is paid for", () => {
  const labels = (...names: string[]) => names.map((label) => ({ label, score: 1 }));
  const judge = { name: "mine", version: "v", ordinal: false, model: null } as const;
  const ofAnswers = { ...judge, subject: "answer", labels: labels("good", "bad") } as const;
  const ofPairs = { ...judge, subject: "pair", labels: labels("first", "second", "tie") } as const;
  expect(mismatch(ofAnswers, "answer", items(2))).toBeUndefined();
  expect(mismatch(ofPairs, "answer", items(2))).toContain("compares two answers");
  expect(mismatch(ofPairs, "equivalence", items(2))).toContain("whether two say the same");
  expect(mismatch(ofAnswers, "pair", items(2))).toContain("which of two is better");
  expect(mismatch(ofAnswers, "answer", [item("x", "fine")])).toContain(
    "The label fine of the file is none of mine: it says good, bad.",
  );
});
