import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";

import { usageDimensions } from "../../pipeline/cost/usage-ledger.ts";
import { judgeDimensions } from "../../pipeline/judge/scores/judge-sums.ts";
import { command, connect, printJson, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { queryOf } from "../gateway-client.ts";
import type { Answer } from "../gateway-client.ts";
import { withTenantAndTime } from "../option-values.ts";
import { count, dollars, dollarText, field, grouped, table } from "../table.ts";
import type { Column } from "../table.ts";
import { judgeUsageText } from "./judge-usage-text.ts";

interface UsageOptions extends JsonOption {
  readonly tenant: string;
  readonly from?: string;
  readonly to?: string;
  readonly groupBy?: string;
  readonly metrics: Metrics;
}

type Metrics = "usage" | "judge";
const groupedByDefault: Readonly<Record<Metrics, string>> = {
  usage: "day,model",
  judge: "evaluator,model",
};

const figures: readonly Column[] = [
  { title: "REQUESTS", text: count("requests"), isNumber: true },
  { title: "FAILED", text: nonZero("failed_requests"), isNumber: true },
  { title: "INPUT", text: count("input_tokens"), isNumber: true },
  { title: "CACHED", text: nonZero("cached_input_tokens"), isNumber: true },
  { title: "OUTPUT", text: count("output_tokens"), isNumber: true },
  { title: "COST", text: dollars("cost_usd"), isNumber: true },
  { title: "ESTIMATED", text: estimated, isNumber: true },
  { title: "UNPRICED", text: unpriced, isNumber: true },
  { title: "CACHE HITS", text: nonZero("cache_hits"), isNumber: true },
  { title: "SAVED", text: nonZeroDollars("saved_usd"), isNumber: true },
  { title: "SAVED INPUT", text: nonZero("saved_input_tokens"), isNumber: true },
  { title: "SAVED OUTPUT", text: nonZero("saved_output_tokens"), isNumber: true },
];

/** `sentinel usage`. */
export function usageCommand(context: CliContext): Command {
  const usage = withTenantAndTime(command("usage", "what a tenant used, and what it cost"))
    .option(
      "--group-by <dimensions>",
      `with commas: ${usageDimensions.join(", ")}; of the judge ${judgeDimensions.join(", ")}` +
        ` (default: "${groupedByDefault.usage}", of the judge "${groupedByDefault.judge}")`,
      dimensions,
    )
    .addOption(
      new Option("--metrics <what>", "what was used, or what the judge says of the answers")
        .choices(["usage", "judge"])
        .default("usage"),
    )
    .addHelpText("after", explanation)
    .action(async (options: UsageOptions) => {
      const { tenant, from, to, metrics } = options;
      const groupBy = options.groupBy ?? groupedByDefault[metrics];
      const query = { tenant, from, to, group_by: groupBy };
      const path = `/v1/usage${queryOf(metrics === "usage" ? query : { ...query, metrics })}`;
      const report = await (await connect(context)).ask("GET", path);
      if (options.json === true) printJson(context, report);
      else context.print(metrics === "judge" ? judgeUsageText(report) : usageText(report));
    });
  return withExamples(
    usage,
    "sentinel usage --tenant team-a",
    "sentinel usage --group-by key,model --from 2026-11-01 --to 2026-12-01",
    "sentinel usage --group-by tag --json",
    "sentinel usage --metrics judge --group-by evaluator,served_model",
  );
}

const explanation = `
COST is what is known to have been spent. ESTIMATED is the part of it whose tokens the provider did not
count, and UNPRICED the number of requests whose price nobody knows: they are not in COST. SAVED is what the
answers of the CACHE HITS had cost when a provider made them, with the tokens that took beside it.

With --metrics judge: MEAN is that of the SCORED answers that the plain sample chose (not of those that were judged
because they broke off or somebody complained), between 0 (worst) and 1 (best), 95 % the interval in which it would be
for all answers, CORRECTED what people would say by the evaluator's calibration, LENGTH the correlation of
score and length, AGREE how often people who gave feedback on a judged answer were of the judge's mind. CAPPED were not
judged because the day's cap was reached.`;

function dimensions(text: string): string {
  const known: readonly string[] = [...new Set([...usageDimensions, ...judgeDimensions])];
  const strange = text.split(",").find((word) => !known.includes(word.trim()));
  if (strange === undefined || text === "") return text;
  throw new InvalidArgumentError(`It must be made of ${known.join(", ")}, with commas between.`);
}

/** An answer of `/v1/usage` as a table. */
export function usageText(report: Answer): string {
  const rows = report["data"] as readonly Answer[];
  const given = report["group_by"] as readonly string[];
  if (rows.length === 0) return "No requests in this time.";
  const [first, ...others] = given;
  if (first === undefined) return table(figures, rows);
  const columns = [
    ...given.map((name) => ({ title: name.toUpperCase().replace("_", " "), text: field(name) })),
    ...figures,
  ];
  const blank = others.map((name): [string, string] => [name, ""]);
  const labels = Object.fromEntries([[first, "TOTAL"], ...blank]);
  return table(columns, [...rows, { ...(report["totals"] as Answer), ...labels }]);
}

/** A column in which every row has nothing to tell is left out. */
function nonZero(name: string): (row: Answer) => string {
  return (row) => (row[name] === 0 ? "" : count(name)(row));
}

function nonZeroDollars(name: string): (row: Answer) => string {
  return (row) => {
    const text = dollars(name)(row);
    return text === "$0" ? "" : text;
  };
}

function statusOf(row: Answer, status: string): Answer {
  const byStatus = row["cost_by_status"] as Readonly<Record<string, Answer>> | undefined;
  return byStatus?.[status] ?? {};
}

function estimated(row: Answer): string {
  const { requests, cost_usd: cost } = statusOf(row, "estimated");
  return requests === 0 ? "" : dollarText(cost);
}

function unpriced(row: Answer): string {
  const { requests } = statusOf(row, "unpriced");
  return typeof requests !== "number" || requests === 0 ? "" : grouped(String(requests));
}
