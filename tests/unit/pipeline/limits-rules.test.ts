import { expect, test } from "vitest";

import { rulesOf, unpricedAllowed } from "../../../src/pipeline/limits/rules.ts";
import { keyPolicySchema, policySchema } from "../../../src/tenants/tenant.ts";
import type { Caller } from "../../../src/tenants/tenant.ts";

const callerWith = (tenant: object, key: object = {}): Caller => ({
  tenantId: "acme",
  keyId: "key-1",
  role: "inference",
  policies: [policySchema.parse(tenant), keyPolicySchema.parse(key)],
});

test("a caller without limits has no rules, and the same caller has the same ones", () => {
  expect(rulesOf(callerWith({ models: ["gpt-*"] }, { limits: {}, budgets: [] }))).toEqual([]);
  const caller = callerWith({ limits: { requests_per_minute: 5 } });
  expect(rulesOf(caller)).toBe(rulesOf(caller));
});

test("the tenant's limits come before the key's, each with its own scope", () => {
  const caller = callerWith(
    { limits: { requests_per_minute: 600, tokens_per_minute: 90_000 } },
    {
      limits: { concurrent_requests: 3 },
      budgets: [
        { period: "month", limit_usd: "12.5" },
        { period: "day", kind: "soft", limit_usd: 0.000000001 * 1e9 },
      ],
    },
  );
  expect(rulesOf(caller)).toEqual([
    {
      scope: "tenant",
      requestsPerMinute: 600,
      tokensPerMinute: 90_000,
      concurrentRequests: undefined,
      budgets: [],
    },
    {
      scope: "key",
      requestsPerMinute: undefined,
      tokensPerMinute: undefined,
      concurrentRequests: 3,
      budgets: [
        { period: "month", limitNanoUsd: 12_500_000_000, isHard: true },
        { period: "day", limitNanoUsd: 1_000_000_000, isHard: false },
      ],
    },
  ]);
});

test("a key alone can have limits", () => {
  const rules = rulesOf(callerWith({}, { limits: { tokens_per_minute: 10 } }));
  expect(rules.map(({ scope }) => scope)).toEqual(["key"]);
});

const hardBudget = { budgets: [{ period: "day", limit_usd: 1 }] };
const softBudget = { budgets: [{ period: "day", kind: "soft", limit_usd: 1 }] };
const allow = { unpriced_models: "allow" };
const refuse = { unpriced_models: "refuse" };

test.each<[object, object, boolean]>([
  [{}, {}, true],
  [softBudget, softBudget, true],
  [hardBudget, {}, false],
  [{}, hardBudget, false],
  [{ ...hardBudget, ...allow }, {}, true],
  [{ ...hardBudget, ...allow }, { ...hardBudget, ...allow }, true],
  // Each policy speaks for its own budget: a key cannot open its tenant's.
  [hardBudget, allow, false],
  [{ ...hardBudget, ...allow }, hardBudget, false],
  [refuse, allow, false],
  [allow, refuse, false],
])("unpriced models under tenant %j and key %j: %s", (tenant, key, isAllowed) => {
  expect(unpricedAllowed(callerWith(tenant, key))).toBe(isAllowed);
});
