import { expect, test } from "vitest";

import { newId } from "../../../../../src/lib/ids.ts";
import {
  isSampledByFeedback,
  placeOf,
  sampleOf,
} from "../../../../../src/pipeline/judge/sampling/sample.ts";
import { judgePolicySchema } from "../../../../../src/tenants/judge-policy.ts";

const policy = (rates: object) =>
  judgePolicySchema.parse({
    evaluators: ["relevance"],
    model: "judge",
    daily_budget_usd: "1",
    ...rates,
  });
const facts = { model: "fast", isError: false, isFlagged: false };
const ids = Array.from({ length: 4_000 }, () => newId());
const shareOf = (isTaken: (id: string) => boolean) => ids.filter(isTaken).length / ids.length;

test("a request's place is the first 48 bits of the SHA-256 of its id", () => {
  // printf abc | sha256sum
  expect(placeOf("abc")).toBe(0xba7816bf8f01 / 2 ** 48);
});

test("the share that is judged is the rate", () => {
  const share = shareOf(
    (id) => sampleOf(policy({ sample_rate: 0.2 }), { ...facts, id }) === "rate",
  );
  expect(share).toBeGreaterThan(0.17);
  expect(share).toBeLessThan(0.23);
});

test("a request is judged or not, whenever and by whomever it is asked", () => {
  const one = policy({ sample_rate: 0.5 });
  for (const id of ids.slice(0, 100)) {
    expect(sampleOf(one, { ...facts, id })).toBe(
      sampleOf(policy({ sample_rate: 0.5 }), { ...facts, id }),
    );
  }
});

test("whoever raises the rate judges all that was judged before", () => {
  const low = policy({ sample_rate: 0.1 });
  const high = policy({ sample_rate: 0.3 });
  const lost = ids.filter(
    (id) =>
      sampleOf(low, { ...facts, id }) !== undefined &&
      sampleOf(high, { ...facts, id }) === undefined,
  );
  expect(lost).toEqual([]);
});

test("a rate of nothing judges nothing, and one of all judges all", () => {
  expect(
    shareOf((id) => sampleOf(policy({ sample_rate: 0 }), { ...facts, id }) !== undefined),
  ).toBe(0);
  expect(
    shareOf((id) => sampleOf(policy({ sample_rate: 1 }), { ...facts, id }) !== undefined),
  ).toBe(1);
});

test("a model of its own rate is judged by that", () => {
  const routed = policy({ sample_rate: 0, routes: { careful: 1 } });
  expect(sampleOf(routed, { ...facts, id: "a", model: "careful" })).toBe("rate");
  expect(sampleOf(routed, { ...facts, id: "a" })).toBeUndefined();
});

test("answers that broke off, and those the shield noted, are judged five times as often unless the policy says", () => {
  const usual = policy({ sample_rate: 0.1 });
  const broken = shareOf((id) => sampleOf(usual, { ...facts, id, isError: true }) !== undefined);
  const flagged = shareOf((id) => sampleOf(usual, { ...facts, id, isFlagged: true }) !== undefined);
  expect(broken).toBeGreaterThan(0.45);
  expect(flagged).toBe(broken);
  const said = policy({ sample_rate: 0, error_sample_rate: 1, shield_sample_rate: 0 });
  expect(sampleOf(said, { ...facts, id: "a", isError: true })).toBe("error");
  expect(sampleOf(said, { ...facts, id: "a", isFlagged: true })).toBeUndefined();
});

test("every thumb down is judged unless the policy says otherwise", () => {
  expect(isSampledByFeedback(policy({}), "a")).toBe(true);
  expect(isSampledByFeedback(policy({ feedback_sample_rate: 0 }), "a")).toBe(false);
});

test("a policy without a cap is refused", () => {
  const parsed = judgePolicySchema.safeParse({ evaluators: ["relevance"], model: "judge" });
  expect(parsed.error?.issues[0]?.message).toContain("daily_budget_usd");
});
