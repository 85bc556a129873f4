import type { Caller, Policy, Tenant } from "./tenant.ts";

/** In whose books stands what Sentinel asks models on its own: it pays for it, and for nobody's requests. */
export const systemTenantId = "sentinel";

/** So that its records and its usage can be asked for. Nobody has a key of it. */
export const systemTenant = (nowEpochMs: number): Tenant => ({
  id: systemTenantId,
  name: "Sentinel itself",
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

/** A budget could not count a model whose price nobody knows; it is refused, as for everyone. */
const monthly = (limitUsd: string): Policy => ({
  budgets: [{ period: "month", kind: "hard", limit_usd: limitUsd, alert_at_percent: [] }],
});
