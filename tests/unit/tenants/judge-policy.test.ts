import { expect, test } from "vitest";

import { judgePolicySchema } from "../../../src/tenants/judge-policy.ts";

const policy = { evaluators: ["relevance"], model: "gpt-4o-mini", daily_budget_usd: "1" };

test.each([
  [{ "a model": 1 }, "is no name of a model or an alias"],
  [{ support: 2 }, "must be a number from 0 to 1"],
  [7, "must be an object of rates by model"],
])("the routes %j are refused, and it is said what of them is wrong", (routes, message) => {
  const { error } = judgePolicySchema.safeParse({ ...policy, routes });
  expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
});
