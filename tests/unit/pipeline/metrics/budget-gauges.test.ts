import { expect, test } from "vitest";

import type { BudgetRule, ScopedRules } from "../../../../src/pipeline/limits/limit-store.ts";
import { BudgetGauges } from "../../../../src/pipeline/metrics/budget-gauges.ts";

const saturdayMs = Date.UTC(2026, 10, 21, 12);
const nextMonthMs = Date.UTC(2026, 11, 1, 12);

const rulesWith = (...budgets: readonly BudgetRule[]): readonly ScopedRules[] => [
  {
    scope: "tenant",
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    concurrentRequests: undefined,
    budgets,
  },
];
const monthly = (limitNanoUsd: number, isHard = true): BudgetRule => ({
  period: "month",
  limitNanoUsd,
  isHard,
});
const spent = (tenantId: string, nanoUsd: bigint, keyId?: string) => ({
  tenantId,
  keyId,
  periodId: "m:202611",
  spentNanoUsd: nanoUsd,
});

test("what is left of a budget is what its limit has over what the books say", () => {
  const gauges = new BudgetGauges(10);
  gauges.noteRules("acme", rulesWith(monthly(1_000)));
  gauges.noteSpent([spent("acme", 300n), spent("acme", 900n, "k1"), spent("other", 5n)]);
  expect(gauges.now(saturdayMs)).toEqual([
    { tenantId: "acme", period: "month", limitNanoUsd: 1_000, remainingNanoUsd: 700 },
  ]);
});

test("before the books have said anything what is left is not known", () => {
  const gauges = new BudgetGauges(10);
  gauges.noteRules("acme", rulesWith(monthly(1_000)));
  expect(gauges.now(saturdayMs)).toMatchObject([{ remainingNanoUsd: undefined }]);
});

test("an overspent budget is below zero", () => {
  const gauges = new BudgetGauges(10);
  gauges.noteRules("acme", rulesWith(monthly(1_000)));
  gauges.noteSpent([spent("acme", 1_300n)]);
  expect(gauges.now(saturdayMs)).toMatchObject([{ remainingNanoUsd: -300 }]);
});

test("a new period begins with the whole budget", () => {
  const gauges = new BudgetGauges(10);
  gauges.noteRules("acme", rulesWith(monthly(1_000)));
  gauges.noteSpent([spent("acme", 300n)]);
  expect(gauges.now(nextMonthMs)).toMatchObject([{ remainingNanoUsd: 1_000 }]);
});

test("a late request of the period before does not give back what is spent in this one", () => {
  const gauges = new BudgetGauges(10);
  gauges.noteRules("acme", rulesWith(monthly(1_000)));
  gauges.noteSpent([{ ...spent("acme", 400n), periodId: "m:202612" }]);
  gauges.noteSpent([spent("acme", 300n)]);
  expect(gauges.now(nextMonthMs)).toMatchObject([{ remainingNanoUsd: 600 }]);
});

test("of two budgets for one period the lower is shown, and one that was taken away is not", () => {
  const gauges = new BudgetGauges(10);
  gauges.noteRules("acme", rulesWith(monthly(1_000), monthly(400, false), monthly(400)));
  gauges.noteSpent([spent("acme", 300n)]);
  expect(gauges.now(saturdayMs)).toMatchObject([{ limitNanoUsd: 400, remainingNanoUsd: 100 }]);
  gauges.noteRules("acme", []);
  expect(gauges.now(saturdayMs)).toEqual([]);
});

test("a refusal says what is spent where the books have not said so yet", () => {
  const gauges = new BudgetGauges(10);
  gauges.noteRules("acme", rulesWith(monthly(1_000)));
  const refusal = {
    limit: "budget",
    scope: "tenant",
    period: "month",
    limitNanoUsd: 1_000,
    spentNanoUsd: 1_000,
    heldNanoUsd: 0,
  } as const;
  gauges.noteRefusal("acme", refusal, saturdayMs);
  expect(gauges.now(saturdayMs)).toMatchObject([{ remainingNanoUsd: 0 }]);
});

test("tenants beyond the bound are left out", () => {
  const gauges = new BudgetGauges(2);
  for (const tenant of ["a", "b", "c"]) gauges.noteRules(tenant, rulesWith(monthly(1)));
  expect(gauges.now(saturdayMs).map(({ tenantId }) => tenantId)).toEqual(["a", "b"]);
});
