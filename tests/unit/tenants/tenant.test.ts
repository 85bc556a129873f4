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

test("a policy takes model names and beginnings of them", () => {
  const models = ["gpt-4o", "gpt-*", "*", "openai/gpt-4o:free"];
  expect(policySchema.parse({ models })).toEqual({ models });
  for (const wrong of ["", "gpt-*-mini", "two words", "x".repeat(300), 5]) {
    expect(policySchema.safeParse({ models: [wrong] }).success).toBe(false);
  }
  expect(policySchema.safeParse({ model: ["gpt-4o"] }).success).toBe(false);
});
