import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

import { usd } from "../option-values.ts";

export interface JudgeOptions {
  /** False for `--no-judge`. */
  readonly judge?: readonly string[] | false;
  readonly judgeModel?: string;
  readonly judgeBudget?: string;
  readonly judgeSample?: number;
}

type Policy = Readonly<Record<string, unknown>>;

/** What of a tenant's answers is judged; a key has no say in it. */
export function withJudgeOptions(command: Command): Command {
  return command
    .option(
      "--judge <evaluators>",
      "what judges its answers, with commas: relevance,helpfulness (`sentinel judge list` has all)",
      names,
    )
    .option("--no-judge", "nothing of it is judged any more")
    .option("--judge-model <model>", "the model that judges")
    .option("--judge-budget <usd>", "what that may cost in a day (UTC), in US dollars", usd)
    .option("--judge-sample <share>", "the share of answers that is judged, as 0.05", share);
}

/**
 * The policy with what the options say of judging, on top of what it says now; undefined where there is no policy to
 * set. What they do not name stays as it is.
 */
export function withJudge(
  policy: Policy | undefined,
  options: JudgeOptions,
  current: unknown = {},
): Policy | undefined {
  const { judge, judgeModel, judgeBudget, judgeSample } = options;
  const changes = {
    evaluators: judge === false ? undefined : judge,
    model: judgeModel,
    daily_budget_usd: judgeBudget,
    sample_rate: judgeSample,
  };
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  if (judge !== false && given.length === 0) return policy;
  const { judge: before, ...others } = policy ?? objectOr(current);
  if (judge === false) return others;
  return { ...others, judge: { ...objectOr(before), ...Object.fromEntries(given) } };
}

const objectOr = (value: unknown): Policy =>
  typeof value === "object" && value !== null ? (value as Policy) : {};

const names = (text: string): readonly string[] => text.split(",").map((name) => name.trim());

function share(text: string): number {
  const number = /^(\d|\d?\.\d{1,9})$/.test(text) ? Number(text) : Number.NaN;
  if (number >= 0 && number <= 1) return number;
  throw new InvalidArgumentError("It must be a number from 0 to 1, as 0.05.");
}
