import type { Policy } from "../../../src/tenants/tenant.ts";

/** A key that clients of the proof use. */
export interface ProofKey {
  readonly tenant: string;
  readonly id: string;
  readonly secret: string;
}

export interface AdminAddress {
  readonly url: string;
  readonly token: string;
}

const wide = { requests_per_minute: 60_000, tokens_per_minute: 500_000_000 };

/** Every kind of limit and budget, some of them so narrow that they refuse; and a tenant that has none. */
const plans: readonly { tenant: string; policy: Policy; keys: readonly Policy[] }[] = [
  {
    tenant: "hard",
    policy: {
      limits: { ...wide, concurrent_requests: 500 },
      budgets: [
        { period: "month", kind: "hard", limit_usd: "1000", alert_at_percent: [] },
        { period: "total", kind: "hard", limit_usd: "5000", alert_at_percent: [] },
      ],
    },
    keys: [
      { limits: { ...wide, concurrent_requests: 400 } },
      { limits: { requests_per_minute: 90 } },
      { budgets: [{ period: "day", kind: "hard", limit_usd: "0.01", alert_at_percent: [] }] },
    ],
  },
  {
    tenant: "soft",
    policy: {
      limits: { concurrent_requests: 300 },
      budgets: [{ period: "week", kind: "soft", limit_usd: "0.005", alert_at_percent: [80] }],
    },
    keys: [{}, { limits: { tokens_per_minute: 60_000 } }],
  },
  { tenant: "free", policy: {}, keys: [{}] },
];

export const proofTenants: readonly string[] = plans.map(({ tenant }) => tenant);

export async function makeTenants(at: AdminAddress): Promise<readonly ProofKey[]> {
  const keys: ProofKey[] = [];
  for (const { tenant, policy, keys: policies } of plans) {
    await askAdmin(at, "POST /tenants", { id: tenant, name: tenant, policy });
    for (const [index, keyPolicy] of policies.entries()) {
      keys.push(await makeProofKey(at, tenant, `${tenant} ${index}`, keyPolicy));
    }
  }
  return keys;
}

export async function makeProofKey(
  at: AdminAddress,
  tenant: string,
  name: string,
  policy: Policy,
): Promise<ProofKey> {
  const made = await askAdmin(at, "POST /keys", { tenant, name, role: "inference", policy });
  return { tenant, id: String(made["id"]), secret: String(made["key"]) };
}

/** Rejects unless it does as asked. */
export async function askAdmin(
  { url, token }: AdminAddress,
  what: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const [method = "GET", path = ""] = what.split(" ");
  const answer = await fetch(`${url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${what}: ${answer.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
