import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

import { countOrNone, jsonObject } from "../option-values.ts";

export interface PolicyOptions {
  readonly policy?: Policy;
  readonly models?: readonly string[];
  readonly rpm?: number | "none";
  readonly tpm?: number | "none";
  readonly concurrent?: number | "none";
  readonly budget?: readonly Budget[];
}

type Policy = Readonly<Record<string, unknown>>;

interface Budget {
  readonly period: string;
  readonly limit_usd: string;
  readonly kind: string;
}

/** The parts of a policy that are set often; `--policy` takes all of it, as JSON. */
export function withPolicyOptions(command: Command): Command {
  return command
    .option(
      "--models <patterns>",
      'models allowed, with commas: "gpt-4o*,claude-*"; none: all',
      models,
    )
    .option("--rpm <count>", "requests per minute; none: no limit", countOrNone)
    .option("--tpm <count>", "tokens per minute; none: no limit", countOrNone)
    .option("--concurrent <count>", "requests at the same time; none: no limit", countOrNone)
    .option(
      "--budget <budgets...>",
      "as month:100, day:5:soft (US dollars, hard unless said otherwise), all of them; none: no budget",
      budgets,
    )
    .option("--policy <json>", "the whole policy as JSON; the options above go on top", jsonObject);
}

/**
 * The policy that the options ask for, on top of the one there is; undefined where none of them was given. What they
 * do not name stays as it is, unless `--policy` gives the whole.
 */
export function policyOf(options: PolicyOptions, current: unknown = {}): Policy | undefined {
  const { models: allowed, rpm, tpm, concurrent, budget } = options;
  const given = [allowed, rpm, tpm, concurrent, budget, options.policy];
  if (given.every((value) => value === undefined)) return undefined;
  const base = options.policy ?? objectOr(current);
  const limits = changed(objectOr(base["limits"]), {
    requests_per_minute: rpm,
    tokens_per_minute: tpm,
    concurrent_requests: concurrent,
  });
  return changed(base, {
    limits: Object.keys(limits).length === 0 ? "none" : limits,
    models: allowed?.length === 0 ? "none" : allowed,
    budgets: budget?.length === 0 ? "none" : budget,
  });
}

/** With these changes: undefined leaves a field as it is, `none` takes it away. */
function changed(fields: Policy, changes: Policy): Policy {
  const all = new Map(Object.entries(fields));
  for (const [name, value] of Object.entries(changes)) {
    if (value === "none") all.delete(name);
    else if (value !== undefined) all.set(name, value);
  }
  return Object.fromEntries(all);
}

const objectOr = (value: unknown): Policy =>
  typeof value === "object" && value !== null ? (value as Policy) : {};

const models = (text: string): readonly string[] =>
  text === "none" ? [] : text.split(",").map((name) => name.trim());

/** Commander calls it for each of the values, with what it made of those before. */
function budgets(text: string, before: readonly Budget[] | undefined): readonly Budget[] {
  if (text === "none") return [];
  const match = /^(day|week|month|total):(\d{1,7}(?:\.\d{1,9})?)(?::(hard|soft))?$/.exec(text);
  if (match === null) {
    throw new InvalidArgumentError(
      "It must be day, week, month or total, and US dollars: month:100 or day:5:soft.",
    );
  }
  const [, period = "", limit_usd = "", kind = "hard"] = match;
  return [...(before ?? []), { period, limit_usd, kind }];
}
