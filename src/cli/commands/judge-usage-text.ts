import type { Answer } from "../gateway-client.ts";
import { count, dollarText, field, table } from "../table.ts";
import type { Column } from "../table.ts";

const figures: readonly Column[] = [
  { title: "SCORED", text: count("scored"), isNumber: true },
  { title: "N/A", text: nonZero("not_applicable"), isNumber: true },
  { title: "FAILED", text: nonZero("failed"), isNumber: true },
  { title: "CAPPED", text: nonZero("capped"), isNumber: true },
  { title: "MEAN", text: (row) => share(row["mean_score"]), isNumber: true },
  { title: "95 %", text: (row) => range(row["score_interval"]) },
  { title: "CORRECTED", text: (row) => corrected(row["corrected_mean"]) },
  { title: "LENGTH", text: (row) => signed(row["score_length_correlation"]), isNumber: true },
  { title: "SAME FAMILY", text: nonZero("same_family"), isNumber: true },
  { title: "FEEDBACK", text: (row) => nonZero("count")(feedbackOf(row)), isNumber: true },
  { title: "PEOPLE", text: (row) => share(feedbackOf(row)["mean_score"]), isNumber: true },
  { title: "AGREE", text: (row) => percent(feedbackOf(row)["agreement"]), isNumber: true },
  { title: "COST", text: (row) => nonZeroDollars(row["cost_usd"]), isNumber: true },
];

/** An answer of `/v1/usage?metrics=judge` as a table. Means have no total: they are of different questions. */
export function judgeUsageText(report: Answer): string {
  const rows = report["data"] as readonly Answer[];
  const given = report["group_by"] as readonly string[];
  if (rows.length === 0) return "Nothing was judged, and nobody gave feedback, in this time.";
  const [first, ...others] = given;
  const columns = [
    ...given.map((name) => ({
      title: name.toUpperCase().replaceAll("_", " "),
      text: nameIn(name),
    })),
    ...figures,
  ];
  const blank = others.map((name): [string, string] => [name, ""]);
  const labels = Object.fromEntries([[first ?? "", "TOTAL"], ...blank]);
  return table(columns, [...rows, { ...(report["totals"] as Answer), ...labels }]);
}

/** Feedback on an answer in general is of no evaluator. */
function nameIn(name: string): (row: Answer) => string {
  const text = field(name);
  return name === "evaluator"
    ? (row) => (row[name] === "" && row["mean_score"] !== undefined ? "(general)" : text(row))
    : text;
}

const feedbackOf = (row: Answer): Answer => (row["feedback"] ?? {}) as Answer;

function nonZero(name: string): (row: Answer) => string {
  return (row) => (row[name] === 0 ? "" : count(name)(row));
}

function nonZeroDollars(usd: unknown): string {
  const text = dollarText(usd);
  return text === "$0" ? "" : text;
}

const share = (value: unknown): string => (typeof value === "number" ? value.toFixed(3) : "");

function range(value: unknown): string {
  const { low, high } = (value ?? {}) as Answer;
  return low === undefined ? "" : `${share(low)}–${share(high)}`;
}

function corrected(value: unknown): string {
  const { mean } = (value ?? {}) as Answer;
  return mean === undefined ? "" : `${share(mean)} (${range(value)})`;
}

const signed = (value: unknown): string =>
  typeof value === "number" ? `${value > 0 ? "+" : ""}${value.toFixed(2)}` : "";

const percent = (value: unknown): string =>
  typeof value === "number" ? `${Math.round(value * 100)} %` : "";
