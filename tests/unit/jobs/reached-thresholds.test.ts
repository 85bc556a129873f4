import fc from "fast-check";
import { expect, test } from "vitest";

import { currentPeriod, reachedThresholds } from "../../../src/jobs/reached-thresholds.ts";
import type { AlertPeriod } from "../../../src/jobs/reached-thresholds.ts";
import { periodIdOf, periodKinds } from "../../../src/pipeline/limits/budget-periods.ts";
import { policySchema } from "../../../src/tenants/tenant.ts";

const noonMs = Date.UTC(2026, 10, 21, 12);
const month: AlertPeriod = { kind: "month", endMs: Date.UTC(2026, 11, 1) };
const spentBy = (keyId: string | undefined, spentNanoUsd: bigint) => ({
  tenantId: "acme",
  keyId,
  periodId: "m:202611",
  spentNanoUsd,
});
const budgets = (...list: readonly object[]) => policySchema.parse({ budgets: list });
const monthly = { period: "month", limit_usd: "100" };

const bodyOf = (body: string | undefined) =>
  JSON.parse(body ?? "") as { text: string; sentinel: Record<string, unknown> };

test("a threshold is reached by the nano-dollar that makes it", () => {
  const policy = budgets(monthly);
  const percents = (spent: bigint) =>
    reachedThresholds(spentBy(undefined, spent), month, policy).map(
      ({ body }) => bodyOf(body).sentinel["percent"],
    );
  expect(percents(79_999_999_999n)).toEqual([]);
  expect(percents(80_000_000_000n)).toEqual([80]);
  expect(percents(99_999_999_999n)).toEqual([80]);
  expect(percents(100_000_000_000n)).toEqual([80, 100]);
});

test("an alert says whose budget it is, what it has come to and when it resets", () => {
  const policy = budgets({ ...monthly, alert_at_percent: [50] });
  const [alert] = reachedThresholds(spentBy("key-1", 60_500_000_000n), month, policy);
  expect(bodyOf(alert?.body)).toEqual({
    text:
      "Key key-1 of tenant acme has spent $60.50 of its monthly budget of $100.00 (50 % reached). " +
      "Requests that do not fit are refused. It resets on 2026-12-01 at 00:00 UTC.",
    sentinel: {
      id: alert?.id,
      tenant: "acme",
      key: "key-1",
      period: "month",
      period_id: "m:202611",
      kind: "hard",
      limit_usd: "100.000000000",
      spent_usd: "60.500000000",
      percent: 50,
      resets_at: "2026-12-01T00:00:00.000Z",
    },
  });
  expect(alert).toMatchObject({ tenantId: "acme", expiresAtMs: Date.UTC(2026, 11, 8) });
});

test("a total budget never resets, and its alert is never forgotten", () => {
  const spent = { tenantId: "a&b", keyId: undefined, periodId: "t", spentNanoUsd: 3n };
  const policy = budgets({ period: "total", kind: "soft", limit_usd: "0.000000003" });
  const alerts = reachedThresholds(spent, { kind: "total", endMs: undefined }, policy);
  expect(alerts.map(({ expiresAtMs }) => expiresAtMs)).toEqual([undefined, undefined]);
  expect(bodyOf(alerts[1]?.body).text).toBe(
    "Tenant a&amp;b has spent $0.000000003 of its total budget of $0.000000003 (100 % reached). " +
      "It is a soft budget: requests go on. It does not reset.",
  );
});

test("every budget, threshold, owner and period has alerts of its own, and the sum makes no difference", () => {
  const both = budgets(monthly, { ...monthly, kind: "soft" }, { ...monthly, period: "day" });
  const ids = (spent: ReturnType<typeof spentBy>) =>
    reachedThresholds(spent, month, both).map(({ id }) => id);
  const ofTenant = ids(spentBy(undefined, 100_000_000_000n));
  expect(ofTenant).toHaveLength(4);
  expect(ids(spentBy(undefined, 200_000_000_000n))).toEqual(ofTenant);
  const ofKey = ids(spentBy("key-1", 100_000_000_000n));
  const nextMonth = ids({ ...spentBy(undefined, 100_000_000_000n), periodId: "m:202612" });
  expect(new Set([...ofTenant, ...ofKey, ...nextMonth]).size).toBe(12);
});

test("a period is news while it holds, and for a day after it", () => {
  expect(currentPeriod("m:202611", noonMs)).toEqual(month);
  expect(currentPeriod("t", noonMs)).toEqual({ kind: "total", endMs: undefined });
  expect(currentPeriod("d:20261120", noonMs)).toMatchObject({ kind: "day" });
  expect(currentPeriod("d:20261119", noonMs)).toBeUndefined();
  expect(currentPeriod("m:202610", noonMs)).toBeUndefined();
  expect(currentPeriod("nonsense", noonMs)).toBeUndefined();
});

test("whatever the time, the periods that it is in are current and not over", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (nowMs) => {
      for (const kind of periodKinds) {
        const found = currentPeriod(periodIdOf(kind, nowMs), nowMs);
        expect(found?.kind).toBe(kind);
        expect(found?.endMs ?? Number.POSITIVE_INFINITY).toBeGreaterThan(nowMs);
      }
    }),
  );
});
