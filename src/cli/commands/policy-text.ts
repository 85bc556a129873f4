import { dollarText } from "../table.ts";

/** A policy in one line for a person: `60 rpm, $50/month, gpt-4o*`. `--json` and `show` have all of it. */
export function policyText(policy: unknown): string {
  const { models, limits, budgets, judge, ...others } = fieldsOf(policy);
  const {
    requests_per_minute: rpm,
    tokens_per_minute: tpm,
    concurrent_requests: concurrent,
  } = fieldsOf(limits);
  const parts = [
    rpm === undefined ? "" : `${textOf(rpm)} rpm`,
    tpm === undefined ? "" : `${textOf(tpm)} tpm`,
    concurrent === undefined ? "" : `${textOf(concurrent)} at once`,
    ...(Array.isArray(budgets) ? budgets.map(budgetText) : []),
    Array.isArray(models) ? (models.length === 0 ? "no models" : models.join(",")) : "",
    judge === undefined ? "" : judgeText(judge),
    ...Object.entries(others).map(([name, value]) => `${name}=${textOf(value)}`),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function budgetText(budget: unknown): string {
  const { period, limit_usd: limit, kind } = fieldsOf(budget);
  const amount = dollarText(String(limit))
    .replace(/\.(\d\d)00$/, ".$1")
    .replace(/\.00$/, "");
  return `${amount}/${String(period)}${kind === "soft" ? " (soft)" : ""}`;
}

/** As `5 % judged for relevance+helpfulness by gpt-4o-mini up to $1/day`. */
function judgeText(judge: unknown): string {
  const { evaluators, model, sample_rate: rate, daily_budget_usd: usd } = fieldsOf(judge);
  const { daily_tokens: tokens } = fieldsOf(judge);
  const share = typeof rate === "number" ? `${Number((rate * 100).toFixed(7))} % ` : "";
  const caps = [
    usd === undefined ? "" : ` up to ${budgetText({ period: "day", limit_usd: usd })}`,
    tokens === undefined ? "" : ` up to ${textOf(tokens)} tokens/day`,
  ];
  const by = Array.isArray(evaluators) ? evaluators.join("+") : "";
  return `${share}judged for ${by} by ${textOf(model)}${caps.join("")}`;
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);
