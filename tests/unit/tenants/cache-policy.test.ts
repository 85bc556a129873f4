import { expect, test } from "vitest";

import { guardRules } from "../../../src/pipeline/cache/guards.ts";
import {
  cachePolicySchema,
  cacheRules,
  defaultGuardsOff,
  guardNames,
} from "../../../src/tenants/cache-policy.ts";

const rulesOf = (...parts: readonly unknown[]) =>
  cacheRules(
    parts.map((part) => (part === undefined ? {} : { cache: cachePolicySchema.parse(part) })),
  );

test("where nobody says anything, only what is deterministic is cached, for an hour, and nothing by its meaning", () => {
  const rules = rulesOf(undefined, undefined);
  expect(rules).toMatchObject({ isEnabled: true, maxTemperature: 0, ttlSeconds: 3_600 });
  expect(rules.semantic).toMatchObject({ mode: "off", maxError: 0.02 });
  expect(rulesOf({}, {})).toEqual(rules);
  expect(rulesOf()).toEqual(rules);
});

test("the narrower of the tenant's and the key's policy wins", () => {
  const tenant = {
    max_temperature: 1,
    ttl_seconds: 600,
    semantic: { mode: "on", max_error: 0.05 },
  };
  const key = {
    max_temperature: 0.5,
    ttl_seconds: 6_000,
    semantic: { mode: "shadow", max_error: 0.01 },
  };
  for (const rules of [rulesOf(tenant, key), rulesOf(key, tenant)]) {
    expect(rules).toMatchObject({ maxTemperature: 0.5, ttlSeconds: 600 });
    expect(rules.semantic).toMatchObject({ mode: "shadow", maxError: 0.01 });
  }
  expect(rulesOf({ enabled: true }, { enabled: false }).isEnabled).toBe(false);
  expect(rulesOf(tenant, { semantic: { mode: "off" } }).semantic.mode).toBe("off");
  expect(rulesOf(tenant, {}).semantic.mode).toBe("on");
});

test("a guard is off only where everyone who speaks of guards has it off", () => {
  const off = (...names: readonly string[]) => ({ semantic: { guards_off: names } });
  const guardsOff = (...parts: readonly unknown[]) => [...rulesOf(...parts).semantic.guardsOff];
  expect(guardsOff(off("names", "person"), {})).toEqual(["names", "person"]);
  expect(guardsOff(off("names", "person"), off("person"))).toEqual(["person"]);
  expect(guardsOff(off("names"), off())).toEqual([]);
  expect(guardsOff(off(), {})).toEqual([]);
  for (const nothingSaid of [guardsOff({}, {}), guardsOff(), guardsOff({ semantic: {} })])
    expect(nothingSaid).toEqual([...defaultGuardsOff]);
});

test("an answer is kept no longer than its bound, which grows with the policy's own time", () => {
  expect(rulesOf({ ttl_seconds: 900, max_ttl_seconds: 60 })).toMatchObject({
    ttlSeconds: 60,
    maxTtlSeconds: 60,
  });
  expect(rulesOf({ ttl_seconds: 2_000_000 }).maxTtlSeconds).toBe(2_000_000);
  expect(rulesOf({ ttl_seconds: 60 }).maxTtlSeconds).toBe(604_800);
});

test("the learning budget is whole nano-dollars, and the smaller one", () => {
  const budget = (usd: unknown) => ({ semantic: { learning_budget_usd: usd } });
  expect(rulesOf(budget("1.50"), budget(2)).semantic.learningBudgetNanoUsd).toBe(1_500_000_000);
  expect(rulesOf(budget("0")).semantic.learningBudgetNanoUsd).toBe(0);
});

test.each([
  [{ enabled: "yes" }, "enabled"],
  [{ max_temperature: 2.1 }, "max_temperature"],
  [{ ttl_seconds: 0 }, "ttl_seconds"],
  [{ ttl_seconds: 1.5 }, "ttl_seconds"],
  [{ max_ttl_seconds: 2_592_001 }, "max_ttl_seconds"],
  [{ semantic: { mode: "yes" } }, "semantic.mode"],
  [{ semantic: { max_error: 0 } }, "semantic.max_error"],
  [{ semantic: { guards_off: ["number"] } }, "semantic.guards_off.0"],
  [{ semantic: { learning_budget_usd: "-1" } }, "semantic.learning_budget_usd"],
  [{ temperature: 1 }, ""],
])("%j is refused at '%s'", (part, path) => {
  const issue = cachePolicySchema.safeParse(part).error?.issues[0];
  expect(issue?.path.join(".")).toBe(path);
});

test("every guard that there is can be named, and no other", () => {
  expect([...guardNames].sort()).toEqual(Object.keys(guardRules).sort());
});
