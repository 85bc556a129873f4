import { createHash } from "node:crypto";

import { nanoUsdFrom, usdText } from "../lib/usd.ts";
import type { BudgetSpent } from "../pipeline/cost/usage-ledger.ts";
import { periodEndMs, periodIdsOf, periodKinds } from "../pipeline/limits/budget-periods.ts";
import type { PeriodKind } from "../pipeline/limits/budget-periods.ts";
import type { Budget, Policy } from "../tenants/tenant.ts";
import type { Alert } from "./alert-claims.ts";

/** The alerts that are due for what a tenant or a key has spent, the lowest threshold first. */
export function reachedThresholds(
  spent: BudgetSpent,
  period: AlertPeriod,
  { budgets = [] }: Policy,
): readonly Alert[] {
  return budgets
    .filter((budget) => budget.period === period.kind)
    .flatMap((budget) =>
      [...new Set(budget.alert_at_percent)]
        .sort((left, right) => left - right)
        .filter((percent) => isReached(spent.spentNanoUsd, budget, percent))
        .map((percent) => toAlert(spent, period, budget, percent)),
    );
}

export interface AlertPeriod {
  readonly kind: PeriodKind;
  /** Undefined: it never ends. */
  readonly endMs: number | undefined;
}

const dayMs = 86_400_000;

/** The period of this id, if it holds or has ended within the last day: what is reported later is no news. */
export function currentPeriod(periodId: string, nowMs: number): AlertPeriod | undefined {
  for (const instantMs of [nowMs, nowMs - dayMs]) {
    const kind = periodKinds[periodIdsOf(instantMs).indexOf(periodId)];
    if (kind !== undefined) return { kind, endMs: periodEndMs(kind, instantMs) };
  }
  return undefined;
}

function isReached(spentNanoUsd: bigint, budget: Budget, percent: number): boolean {
  return spentNanoUsd * 100n >= limitOf(budget) * BigInt(percent);
}

/** Policies hold only amounts that can be read. */
const limitOf = ({ limit_usd: limitUsd }: Budget): bigint => BigInt(nanoUsdFrom(limitUsd) ?? 0);

/** A claim outlives its period by so much, as reports and clocks may lag. */
const rememberedMs = 7 * dayMs;

function toAlert(
  { tenantId, keyId, periodId, spentNanoUsd }: BudgetSpent,
  { endMs }: AlertPeriod,
  budget: Budget,
  percent: number,
): Alert {
  const { kind, period } = budget;
  const limit = usdText(limitOf(budget));
  // The limit is part of it: a budget that was raised is another one, and has its thresholds before it.
  const parts = [tenantId, keyId ?? null, periodId, kind, percent, limit];
  const id = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
  const resetsAt = endMs === undefined ? null : new Date(endMs).toISOString();
  const sentinel = {
    id,
    tenant: tenantId,
    key: keyId ?? null,
    period,
    period_id: periodId,
    kind,
    limit_usd: limit,
    spent_usd: usdText(spentNanoUsd),
    percent,
    resets_at: resetsAt,
  };
  return {
    id,
    tenantId,
    body: JSON.stringify({ text: textOf(sentinel), sentinel }),
    expiresAtMs: endMs === undefined ? undefined : endMs + rememberedMs,
  };
}

interface AlertFields {
  readonly tenant: string;
  readonly key: string | null;
  readonly period: PeriodKind;
  readonly kind: Budget["kind"];
  readonly limit_usd: string;
  readonly spent_usd: string;
  readonly percent: number;
  readonly resets_at: string | null;
}

/** What people read, in Slack and whatever takes its format. */
function textOf(alert: AlertFields): string {
  const owner =
    alert.key === null ? `Tenant ${alert.tenant}` : `Key ${alert.key} of tenant ${alert.tenant}`;
  const spent = `$${toCents(alert.spent_usd)} of its ${budgetNames[alert.period]} budget of $${toCents(alert.limit_usd)}`;
  const consequence =
    alert.kind === "hard"
      ? "Requests that do not fit are refused."
      : "It is a soft budget: requests go on.";
  const reset =
    alert.resets_at === null
      ? "It does not reset."
      : `It resets on ${alert.resets_at.slice(0, 10)} at 00:00 UTC.`;
  const text = `${owner} has spent ${spent} (${alert.percent} % reached). ${consequence} ${reset}`;
  return text.replace(/[&<>]/g, (sign) => slackEscapes[sign] ?? sign);
}

const budgetNames = {
  day: "daily",
  week: "weekly",
  month: "monthly",
  total: "total",
} as const satisfies Record<PeriodKind, string>;

/** (https://docs.slack.dev/messaging/formatting-message-text#escaping, read 2026-11-21) */
const slackEscapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** The digits after the cents only where they are not all zero. */
const toCents = (usd: string): string => usd.replace(/(\.\d\d\d*?)0+$/, "$1");
