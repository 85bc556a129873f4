import { expect, test } from "vitest";

import type { Neighbour } from "../../../../src/pipeline/cache/channels.ts";
import {
  canServeAny,
  readSemanticPolicy,
  SemanticPolicy,
  semanticPolicyDefaults,
  type Circumstances,
  type Decision,
} from "../../../../src/pipeline/cache/semantic-policy.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const serving: Circumstances = { mode: "serve", isBudgetLeft: true, forbids: () => false };

const optionsWith = (seed: number) => ({
  ...semanticPolicyDefaults,
  embedderId: "model-1",
  random: seededRandom(seed),
});

/** Above `rightFrom` all neighbours are right, below it half of them. */
function world(policy: SemanticPolicy, seed: number) {
  const random = seededRandom(seed);
  return (requests: number, { rightFrom = 0.85, circumstances = serving } = {}) => {
    const seen = { hits: 0, wrong: 0, checks: 0, safe: 0, near: 0 };
    for (let request = 0; request < requests; request++) {
      const similarity = 0.7 + 0.3 * random();
      const decision = policy.decide([near({ similarity })], circumstances);
      if (decision === undefined) continue;
      const isRight = similarity >= rightFrom || random() < 0.5;
      seen.near++;
      if (decision.isSafe) seen.safe++;
      if (decision.serve) seen.hits++;
      if (decision.serve && !isRight) seen.wrong++;
      if (!decision.check) continue;
      seen.checks++;
      policy.observe(decision, isRight);
    }
    return seen;
  };
}

const near = (fields: Partial<Neighbour> = {}): Neighbour => ({
  entryId: "entry",
  answerId: "answer",
  similarity: 0.9,
  by: "vector",
  confirmations: 0,
  refutations: 0,
  ...fields,
});

test("nothing is served before there are labels, and what is near is checked", () => {
  const policy = new SemanticPolicy(optionsWith(1));
  expect(canServeAny(policy)).toBe(false);
  const decision = policy.decide([near({ similarity: 0.999 })], serving);
  expect(decision).toMatchObject({ serve: false, check: true, isSafe: false });
});

test("what is not near is neither served nor checked", () => {
  const policy = new SemanticPolicy(optionsWith(1));
  expect(policy.decide([near({ similarity: 0.5 })], serving)).toBeUndefined();
  expect(policy.decide([], serving)).toBeUndefined();
});

test("it learns where hits are right, serves there and stays within its error", () => {
  const policy = new SemanticPolicy(optionsWith(2));
  const run = world(policy, 3);
  run(2_000);
  expect(canServeAny(policy)).toBe(true);
  const { hits, wrong, near: asked } = run(10_000);
  expect(hits / asked).toBeGreaterThan(0.3);
  expect(wrong / hits).toBeLessThanOrEqual(semanticPolicyDefaults.maxError);
});

test("where no similarity is safe nothing is served", () => {
  const policy = new SemanticPolicy(optionsWith(4));
  expect(world(policy, 5)(5_000, { rightFrom: 2 }).hits).toBe(0);
});

test("5 % of what could be served is checked instead, for ever", () => {
  const policy = new SemanticPolicy(optionsWith(6));
  const run = world(policy, 7);
  run(3_000);
  const { safe, hits } = run(10_000);
  expect((safe - hits) / safe).toBeGreaterThan(0.04);
  expect((safe - hits) / safe).toBeLessThan(0.06);
  expect(policy.audited("CS").trials).toBeGreaterThan(100);
});

test("no request is both served and checked", () => {
  const policy = new SemanticPolicy(optionsWith(8));
  const random = seededRandom(9);
  for (let request = 0; request < 3_000; request++) {
    const decision = policy.decide([near({ similarity: 0.7 + 0.3 * random() })], serving);
    expect(decision?.serve === true && decision.check).toBe(false);
    if (decision?.check === true) policy.observe(decision, true);
  }
  expect(canServeAny(policy)).toBe(true);
});

test("without a budget about 5 % of what is near is checked", () => {
  const policy = new SemanticPolicy(optionsWith(10));
  const { checks, near: asked } = world(policy, 11)(4_000, {
    circumstances: { ...serving, isBudgetLeft: false },
  });
  expect(checks / asked).toBeGreaterThan(0.035);
  expect(checks / asked).toBeLessThan(0.065);
});

test("in shadow mode nothing is served, and all that would be is checked", () => {
  const policy = new SemanticPolicy(optionsWith(12));
  const run = world(policy, 13);
  run(2_000);
  const { hits, safe, checks } = run(1_000, { circumstances: { ...serving, mode: "shadow" } });
  expect(hits).toBe(0);
  expect(safe).toBeGreaterThan(100);
  expect(checks).toBeGreaterThanOrEqual(safe);
});

test("what a guard forbids is never served, and the guards are asked about three entries of the answer", () => {
  const policy = new SemanticPolicy(optionsWith(14));
  world(policy, 15)(2_000);
  const asked: string[] = [];
  const forbids = (entryId: string): boolean => asked.push(entryId) > 0;
  const neighbours = ["a", "b", "c", "d"].map((entryId) => near({ similarity: 0.999, entryId }));
  const decision = policy.decide(neighbours, { ...serving, forbids });
  expect(decision).toMatchObject({ serve: false, isSafe: false, isForbidden: true, entryId: "a" });
  expect(asked).toEqual(["a", "b", "c"]);
});

test("an entry of the same answer that no guard forbids serves instead of the nearest", () => {
  const policy = new SemanticPolicy(optionsWith(14));
  world(policy, 15)(2_000);
  const neighbours = [
    near({ similarity: 0.999, entryId: "five" }),
    near({ similarity: 0.998, entryId: "other", answerId: "other" }),
    near({ similarity: 0.997, entryId: "six" }),
  ];
  const decision = policy.decide(neighbours, { ...serving, forbids: (id) => id === "five" });
  expect(decision).toMatchObject({ isForbidden: false, entryId: "six", answerId: "answer" });
});

test("what a guard forbids is checked for an alias, and its label changes nothing that was learnt", () => {
  const policy = new SemanticPolicy(optionsWith(14));
  world(policy, 15)(2_000);
  const before = policy.toJSON();
  const forbidden: Circumstances = { ...serving, forbids: () => true };
  const decision = policy.decide([near({ similarity: 0.999 })], forbidden);
  expect(decision).toMatchObject({ check: true, isForbidden: true });
  if (decision === undefined) return;
  policy.observe(decision, false);
  expect(policy.toJSON()).toEqual(before);
});

test("it stops by itself when the audits show more errors, and serves again once they are gone", () => {
  const policy = new SemanticPolicy(optionsWith(16));
  const run = world(policy, 17);
  run(3_000);
  const before = run(2_000).hits;
  expect(before).toBeGreaterThan(300);
  const { wrong } = run(6_000, { rightFrom: 2 });
  expect(wrong).toBeLessThan(before / 4);
  expect(run(2_000, { rightFrom: 2 }).hits).toBe(0);
  run(8_000);
  expect(run(2_000).hits).toBeGreaterThan(300);
});

test("an error that stays within the limit does not stop it", () => {
  const policy = new SemanticPolicy(optionsWith(18));
  world(policy, 19)(30_000);
  expect(policy.stops).toBe(0);
});

test("a channel whose score does not change is stopped by its audits, and learns anew", () => {
  const policy = new SemanticPolicy(optionsWith(29));
  const same = near({ similarity: 1, by: "form" });
  const run = (requests: number, isRight: boolean): number => {
    let hits = 0;
    for (let request = 0; request < requests; request++) {
      const decision = policy.decide([same], serving);
      if (decision?.serve === true) hits++;
      if (decision?.check === true) policy.observe(decision, isRight);
    }
    return hits;
  };
  // After so many good labels it would take about fifty bad ones until the bound itself gave way.
  expect(run(60_000, true)).toBeGreaterThan(55_000);
  expect(run(2_000, false)).toBeLessThan(500);
  expect(policy.stops).toBe(1);
  expect(policy.canServe("CN")).toBe(false);
  expect(policy.audited("CN").trials).toBe(0);
  run(5_000, true);
  expect(policy.canServe("CN")).toBe(true);
});

test("the same normal form earns its channel by 149 labels without an error", () => {
  const policy = new SemanticPolicy(optionsWith(20));
  const same = near({ similarity: 1, by: "form" });
  const labelOnce = (isRight: boolean) => {
    const decision = policy.decide([same], serving);
    if (decision?.check === true) policy.observe(decision, isRight);
  };
  for (let label = 0; label < 148; label++) labelOnce(true);
  expect(policy.canServe("CN")).toBe(false);
  labelOnce(true);
  expect(policy.canServe("CN")).toBe(true);
  expect(policy.canServe("CS")).toBe(false);
});

test("a restart goes on where it was", () => {
  const policy = new SemanticPolicy(optionsWith(21));
  world(policy, 22)(8_000);
  const kept: unknown = JSON.parse(JSON.stringify(policy));
  const restored = readSemanticPolicy(optionsWith(23), kept);
  expect(restored?.toJSON()).toEqual(policy.toJSON());
  expect(restored?.threshold("CS")).toBe(policy.threshold("CS"));
  expect(restored?.audited("CS")).toEqual(policy.audited("CS"));
});

test("what it keeps is bounded", () => {
  const policy = new SemanticPolicy(optionsWith(24));
  world(policy, 25)(30_000, { rightFrom: 2 });
  const { channels } = policy.toJSON();
  expect(channels.CS.labels).toHaveLength(5_000);
  expect(JSON.stringify(policy).length).toBeLessThan(64_000);
});

test("what another embedder taught, or what is none of ours, is not taken", () => {
  const kept = new SemanticPolicy(optionsWith(26)).toJSON();
  const options = optionsWith(27);
  expect(readSemanticPolicy({ ...options, embedderId: "model-2" }, kept)).toBeUndefined();
  for (const other of [undefined, null, {}, [], "x", { ...kept, version: 2 }])
    expect(readSemanticPolicy(options, other)).toBeUndefined();
});

test("a decision that went through JSON teaches the same", () => {
  const here = new SemanticPolicy(optionsWith(28));
  const there = new SemanticPolicy(optionsWith(28));
  const decision = here.decide([near()], serving);
  expect(decision).toBeDefined();
  if (decision === undefined) return;
  there.decide([near()], serving);
  here.observe(decision, true);
  there.observe(JSON.parse(JSON.stringify(decision)) as Decision, true);
  expect(there.toJSON()).toEqual(here.toJSON());
});
