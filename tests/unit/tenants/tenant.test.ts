import { expect, test } from "vitest";

import { isWithin, mayUseModel, policySchema } from "../../../src/tenants/tenant.ts";
import type { Policy } from "../../../src/tenants/tenant.ts";

test("a request must satisfy the tenant's policy and the key's", () => {
  const caller = {
    tenantId: "acme",
    keyId: "key",
    role: "inference" as const,
    policies: [{ models: ["gpt-*", "o3"] }, { models: ["gpt-4o", "claude-*"] }],
  };
  expect(mayUseModel(caller, "gpt-4o")).toBe(true);
  expect(mayUseModel(caller, "gpt-4o-mini")).toBe(false);
  expect(mayUseModel(caller, "claude-haiku")).toBe(false);
  expect(mayUseModel({ ...caller, policies: [{}, {}] }, "anything")).toBe(true);
  expect(mayUseModel({ ...caller, policies: [{ models: [] }] }, "anything")).toBe(false);
});

test.each<[Policy, Policy, boolean]>([
  [{}, {}, true],
  [{ models: ["a"] }, {}, true],
  [{}, { models: ["a"] }, false],
  [{ models: [] }, { models: ["a"] }, true],
  [{ models: ["a"] }, { models: ["a", "b"] }, true],
  [{ models: ["a", "c"] }, { models: ["a", "b"] }, false],
  [{ models: ["gpt-4o"] }, { models: ["gpt-*"] }, true],
  [{ models: ["gpt-4*"] }, { models: ["gpt-*"] }, true],
  [{ models: ["gpt-*"] }, { models: ["gpt-4*"] }, false],
  [{ models: ["gpt-*"] }, { models: ["gpt-"] }, false],
  [{ models: ["*"] }, { models: ["gpt-*"] }, false],
  [{ models: ["*"] }, { models: ["*"] }, true],
  [{}, { models: ["*"] }, false],
])("the policy %j is within %j: %s", (inner, outer, isInside) => {
  expect(isWithin({ inner, outer })).toBe(isInside);
});

const limited = (limits: object): Policy => policySchema.parse({ limits });
const budgeted = (...budgets: readonly object[]): Policy => policySchema.parse({ budgets });
const day = (limit_usd: unknown) => ({ period: "day", limit_usd });
const month = (limit_usd: unknown) => ({ period: "month", limit_usd });
const week = (limit_usd: unknown) => ({ period: "week", limit_usd });
const total = (limit_usd: unknown) => ({ period: "total", limit_usd });

test.each(["requests_per_minute", "tokens_per_minute", "concurrent_requests"])(
  "a key with %s gives away no more of them",
  (name) => {
    const outer = limited({ [name]: 10 });
    expect(isWithin({ inner: outer, outer })).toBe(true);
    expect(isWithin({ inner: limited({ [name]: 9 }), outer })).toBe(true);
    expect(isWithin({ inner: limited({ [name]: 11 }), outer })).toBe(false);
    expect(isWithin({ inner: limited({}), outer })).toBe(false);
    expect(isWithin({ inner: {}, outer })).toBe(false);
    expect(isWithin({ inner: outer, outer: {} })).toBe(true);
  },
);

test.each<[string, Policy, Policy, boolean]>([
  ["the same", budgeted(day("1.5")), budgeted(day(1.5)), true],
  ["less", budgeted(day("0.000000001")), budgeted(day(1)), true],
  ["a nano-dollar more", budgeted(day("1.000000001")), budgeted(day(1)), false],
  ["none", {}, budgeted(day(1)), false],
  ["more than none", budgeted(day(1)), {}, true],
  ["a month's that is a day's", budgeted(month(1)), budgeted(day(1)), true],
  ["a day's, for a month", budgeted(day(1)), budgeted(month(1)), false],
  ["a month's, for a week that lies in two", budgeted(month(1)), budgeted(week(1)), false],
  ["a total, for any", budgeted(total(1)), budgeted(day(1), week(2), month(3), total(4)), true],
  ["one of two", budgeted(day(1)), budgeted(day(1), month(5)), false],
  ["a soft one", budgeted({ ...day(1), kind: "soft" }), budgeted(day(1)), false],
  ["beside a soft one", {}, budgeted({ ...day(1), kind: "soft" }), true],
])("a key's budgets against what it gives away: %s", (_, inner, outer, isInside) => {
  expect(isWithin({ inner, outer })).toBe(isInside);
});

test("a key that may not use unpriced models gives nobody leave to", () => {
  const refusing = policySchema.parse({ unpriced_models: "refuse" });
  const allowing = policySchema.parse({ unpriced_models: "allow" });
  expect(isWithin({ inner: {}, outer: refusing })).toBe(false);
  expect(isWithin({ inner: allowing, outer: refusing })).toBe(false);
  expect(isWithin({ inner: refusing, outer: refusing })).toBe(true);
  expect(isWithin({ inner: allowing, outer: {} })).toBe(true);
  // By a hard budget of its own it may not either, unless its policy says so.
  const counted = budgeted(day(1));
  expect(isWithin({ inner: counted, outer: counted })).toBe(true);
  expect(isWithin({ inner: { ...counted, ...allowing }, outer: counted })).toBe(false);
  expect(isWithin({ inner: counted, outer: { ...counted, ...allowing } })).toBe(true);
});

test("what a policy allows is within itself, and within no limits at all", () => {
  const everything = policySchema.parse({
    models: ["gpt-*"],
    limits: { requests_per_minute: 1, tokens_per_minute: 2, concurrent_requests: 3 },
    budgets: [day(1), total("9000000")],
    unpriced_models: "allow",
  });
  expect(isWithin({ inner: everything, outer: everything })).toBe(true);
  expect(isWithin({ inner: everything, outer: {} })).toBe(true);
  expect(isWithin({ inner: {}, outer: everything })).toBe(false);
});

test("a policy takes model names and beginnings of them", () => {
  const models = ["gpt-4o", "gpt-*", "*", "openai/gpt-4o:free"];
  expect(policySchema.parse({ models })).toEqual({ models });
  for (const wrong of ["", "gpt-*-mini", "two words", "x".repeat(300), 5]) {
    expect(policySchema.safeParse({ models: [wrong] }).success).toBe(false);
  }
  expect(policySchema.safeParse({ model: ["gpt-4o"] }).success).toBe(false);
});
