import type { Caller, Policy, Tenant } from "./tenant.ts";

/** In whose books stands what Sentinel asks models on its own: it pays for it, and for nobody's requests. */
export const systemTenantId = "sentinel";
/** And what its judge asks: apart, so that the one's budgets do not count the other's spending. */
export const judgeTenantId = "sentinel-judge";

/** They are Sentinel's own: nobody makes them, or has a key of them. */
export const systemTenantIds: readonly string[] = [systemTenantId, judgeTenantId];
export const isSystemTenant = (id: string): boolean => systemTenantIds.includes(id);

/** So that its records and its usage can be asked for. */
export const systemTenant = (
  nowEpochMs: number,
  id: typeof systemTenantId | typeof judgeTenantId = systemTenantId,
): Tenant => ({
  id,
  name: id === judgeTenantId ? "Sentinel's judge" : "Sentinel itself",
  status: "active",
  policy: {},
  createdAtMs: nowEpochMs,
});

/** Amounts as they are written in US dollars. */
export interface CheckBudgets {
  /** Of all tenants together, in a calendar month. */
  readonly allUsd: string;
  /** Of this one. */
  readonly tenantUsd: string;
}

/**
 * Who asks whether two answers of a tenant are the same. Each tenant has a key of its own among the system tenant's, so
 * that what its checks cost is counted, and bounded, by itself.
 */
export const checkCaller = (tenantId: string, { allUsd, tenantUsd }: CheckBudgets): Caller => ({
  tenantId: systemTenantId,
  keyId: `cache-check-${tenantId}`,
  role: "inference",
  policies: [monthly(allUsd), monthly(tenantUsd)],
});

/**
 * Who judges a tenant's answers, or what an operator has judged. Each tenant has a key of its own among the judge's, so that
 * what its judging cost can be told apart. What it may cost is capped before the call is made (`jobs/capped-ask.ts`).
 */
export const judgeCaller = (tenantId: string | undefined): Caller => ({
  tenantId: judgeTenantId,
  keyId: tenantId === undefined ? "judge" : `judge-${tenantId}`,
  role: "inference",
  policies: noPolicies,
});

const noPolicies: readonly Policy[] = [{}];

/** A budget could not count a model whose price nobody knows; it is refused, as for everyone. */
const monthly = (limitUsd: string): Policy => ({
  budgets: [{ period: "month", kind: "hard", limit_usd: limitUsd, alert_at_percent: [] }],
});
