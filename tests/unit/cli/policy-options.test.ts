import { Command, CommanderError } from "commander";
import { expect, test } from "vitest";

import { policyOf, withPolicyOptions } from "../../../src/cli/commands/policy-options.ts";
import { policyText } from "../../../src/cli/commands/policy-text.ts";

function policyFrom(args: readonly string[], current?: object) {
  const command = withPolicyOptions(new Command("test"))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.parse([...args], { from: "user" });
  return policyOf(command.opts(), current);
}

test("without options there is no policy to set", () => {
  expect(policyFrom([], { models: ["a"] })).toBeUndefined();
});

test("options make a policy", () => {
  const args = ["--models", "gpt-4o*, o3", "--rpm", "60", "--tpm", "1000", "--concurrent", "5"];
  expect(policyFrom([...args, "--budget", "month:100", "day:5.50:soft"])).toEqual({
    models: ["gpt-4o*", "o3"],
    limits: { requests_per_minute: 60, tokens_per_minute: 1_000, concurrent_requests: 5 },
    budgets: [
      { period: "month", limit_usd: "100", kind: "hard" },
      { period: "day", limit_usd: "5.50", kind: "soft" },
    ],
  });
});

const current = {
  models: ["gpt-4o"],
  limits: { requests_per_minute: 10, tokens_per_minute: 20 },
  budgets: [{ period: "month", limit_usd: "1", kind: "hard" }],
  payload_retention_days: 7,
};

test("what no option names stays as it is", () => {
  expect(policyFrom(["--rpm", "99"], current)).toEqual({
    ...current,
    limits: { requests_per_minute: 99, tokens_per_minute: 20 },
  });
});

test("none takes a limit, the models or the budgets away", () => {
  expect(policyFrom(["--rpm", "none"], current)).toEqual({
    ...current,
    limits: { tokens_per_minute: 20 },
  });
  const all = ["--rpm", "none", "--tpm", "none", "--models", "none", "--budget", "none"];
  expect(policyFrom(all, current)).toEqual({ payload_retention_days: 7 });
});

test("--policy replaces the whole: an empty list of models stays one, which allows none", () => {
  expect(policyFrom(["--policy", '{"models":[]}'], current)).toEqual({ models: [] });
  expect(policyFrom(["--policy", '{"models":[]}', "--rpm", "3"], current)).toEqual({
    models: [],
    limits: { requests_per_minute: 3 },
  });
});

test.each([
  ["--rpm", "0"],
  ["--rpm", "many"],
  ["--budget", "year:5"],
  ["--budget", "day:five"],
  ["--budget", "day:5:maybe"],
  ["--policy", "[]"],
  ["--policy", "{"],
])("%s %s is a misuse", (...args) => {
  expect(() => policyFrom(args)).toThrow(CommanderError);
});

test("a policy is one line for a person", () => {
  expect(policyText(current)).toBe("10 rpm, 20 tpm, $1/month, gpt-4o, payload_retention_days=7");
  expect(policyText({ budgets: [{ period: "day", limit_usd: "0.05", kind: "soft" }] })).toBe(
    "$0.05/day (soft)",
  );
  expect(policyText({ models: [] })).toBe("no models");
  expect(policyText({})).toBe("");
});
