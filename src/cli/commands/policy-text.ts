import { dollarText } from "../table.ts";

/** A policy in one line for a person: `60 rpm, $50/month, gpt-4o*`. `--json` and `show` have all of it. */
export function policyText(policy: unknown): string {
  const { models, limits, budgets, ...others } = fieldsOf(policy);
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

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);
