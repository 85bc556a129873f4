import { askAdmin } from "./client.ts";

/** The tenants of the demo, each with a key of its own. What they are for is in their policies. */
export interface DemoTenant {
  readonly id: string;
  readonly key: string;
}
export type DemoTenants = Readonly<Record<TenantId, DemoTenant>>;
type TenantId = keyof typeof plans;

interface Plan {
  readonly name: string;
  readonly policy: object;
  readonly role?: string;
}

const budget = (limitUsd: string, more: object = {}): object => ({
  period: "day",
  kind: "hard",
  limit_usd: limitUsd,
  ...more,
});

/** The alias that judges, and by what. */
export const judgeModel = "critic";
export const judgedBy = ["relevance", "helpfulness"] as const;

/** Of a share that gives figures within a minute; who has real users begins with one in twenty. */
const judge = (sampleRate: number, more: object = {}): object => ({
  evaluators: judgedBy,
  model: judgeModel,
  sample_rate: sampleRate,
  ...more,
});

const plans = {
  "corner-shop": {
    name: "Corner shop",
    role: "admin",
    policy: {
      limits: { requests_per_minute: 100_000, tokens_per_minute: 100_000_000 },
      budgets: [budget("25"), budget("400", { period: "month", kind: "soft" })],
      judge: judge(0.2, { daily_budget_usd: "5" }),
    },
  },
  // The demands on the semantic cache are low, so that a minute is enough to meet them: one hit in five may be wrong.
  "help-desk": {
    name: "Help desk",
    policy: {
      budgets: [budget("50", { period: "week", kind: "soft" })],
      cache: {
        ttl_seconds: 900,
        semantic: { mode: "on", max_error: 0.2, learning_budget_usd: "20" },
      },
      judge: judge(0.1, { daily_budget_usd: "5" }),
    },
  },
  "night-shift": { name: "Night shift", policy: {} },
  // What it may spend on judging is a verdict or two a day.
  "trial-user": {
    name: "Trial user",
    policy: {
      limits: { requests_per_minute: 6 },
      judge: judge(1, { daily_tokens: 8_000 }),
    },
  },
  "small-plan": { name: "Small plan", policy: { limits: { tokens_per_minute: 400 } } },
  "one-at-a-time": { name: "One at a time", policy: { limits: { concurrent_requests: 1 } } },
  "nearly-spent": { name: "Nearly spent", policy: { budgets: [budget("1")] } },
  spent: { name: "Spent", policy: { budgets: [budget("0.5", { period: "total" })] } },
  "read-only-models": { name: "One model only", policy: { models: ["quick"] } },
} satisfies Readonly<Record<string, Plan>>;

export async function makeTenants(gateway: {
  readonly url: string;
  readonly adminToken: string;
}): Promise<DemoTenants> {
  const made = Object.entries<Plan>(plans).map(
    async ([id, { name, policy, role = "inference" }]) => {
      await askAdmin(gateway, "/tenants", { id, name, policy });
      const { key } = await askAdmin(gateway, "/keys", { tenant: id, name: "demo", role });
      return [id, { id, key: String(key) }] as const;
    },
  );
  // Object.fromEntries forgets which names there are.
  return Object.fromEntries(await Promise.all(made)) as DemoTenants;
}
