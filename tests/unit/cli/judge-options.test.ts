import { Command, CommanderError } from "commander";
import { expect, test } from "vitest";

import { withJudge, withJudgeOptions } from "../../../src/cli/commands/judge-options.ts";
import { policyText } from "../../../src/cli/commands/policy-text.ts";

function optionsFrom(args: readonly string[]) {
  const command = withJudgeOptions(new Command("test"))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.parse([...args], { from: "user" });
  return command.opts();
}

const current = {
  models: ["gpt-4o"],
  judge: { evaluators: ["toxicity"], model: "o3", daily_tokens: 1_000, sample_rate: 0.1 },
};

test("without options the policy stays as the other options made it", () => {
  expect(withJudge(undefined, optionsFrom([]), current)).toBeUndefined();
  expect(withJudge({ models: [] }, optionsFrom([]), current)).toEqual({ models: [] });
});

test("options say what is judged, by whom, how often, and what it may cost", () => {
  const args = ["--judge", "relevance, helpfulness", "--judge-model", "gpt-4o-mini"];
  const options = optionsFrom([...args, "--judge-budget", "1.50", "--judge-sample", ".05"]);
  const policy = withJudge(undefined, options);
  expect(policy).toEqual({
    judge: {
      evaluators: ["relevance", "helpfulness"],
      model: "gpt-4o-mini",
      daily_budget_usd: "1.50",
      sample_rate: 0.05,
    },
  });
  expect(policyText(policy)).toBe(
    "5 % judged for relevance+helpfulness by gpt-4o-mini up to $1.50/day",
  );
});

test("what no option names stays as it is", () => {
  expect(withJudge(undefined, optionsFrom(["--judge-sample", "1"]), current)).toEqual({
    ...current,
    judge: { ...current.judge, sample_rate: 1 },
  });
  const changed = { models: ["o3"], judge: current.judge };
  expect(withJudge(changed, optionsFrom(["--judge", "relevance"]), current)).toEqual({
    models: ["o3"],
    judge: { ...current.judge, evaluators: ["relevance"] },
  });
});

test("--no-judge takes all of it away, and nothing else", () => {
  expect(withJudge(undefined, optionsFrom(["--no-judge"]), current)).toEqual({
    models: ["gpt-4o"],
  });
});

test.each([
  ["--judge-sample", "2"],
  ["--judge-sample", "-0.1"],
  ["--judge-sample", ""],
  ["--judge-sample", "."],
  ["--judge-budget", "much"],
])("%s %s is a misuse", (option, value) => {
  expect(() => optionsFrom([option, value])).toThrow(CommanderError);
});
