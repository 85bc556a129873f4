import type { AuditEntry } from "../../../pipeline/audit/entry.ts";
import type { BudgetSpent } from "../../../pipeline/cost/usage-ledger.ts";
import { periodIdsOf } from "../../../pipeline/limits/budget-periods.ts";
import { keysOf } from "../limits/keys.ts";
import { scanKeys } from "../masters.ts";
import type { RedisConnection } from "../open.ts";
import { isTenantId, startOf } from "./keys.ts";

/** What the budgets of these records have come to, in all four periods of their starts, for tenants and keys. */
export async function readSpent(
  redis: RedisConnection,
  records: readonly Pick<AuditEntry, "id" | "tenant" | "key">[],
): Promise<BudgetSpent[]> {
  const budgets = budgetsOf(records);
  const groups = Map.groupBy(budgets, ({ redisKey }) => redis.nodeOf(redisKey));
  const read = await Promise.all(
    [...groups.values()].map(async (group) => {
      const pipeline = redis.client.pipeline();
      for (const { redisKey, keyIds } of group) {
        pipeline.hmget(redisKey, ...[...keyIds].map((keyId) => `s:${keyId}`));
      }
      const replies = (await pipeline.exec()) ?? [];
      return group.flatMap((budget, at) => spentIn(budget, replies[at]));
    }),
  );
  return read.flat();
}

interface BudgetToRead {
  readonly redisKey: string;
  readonly tenantId: string;
  readonly periodId: string;
  /** Empty for the tenant as a whole. */
  readonly keyIds: Set<string>;
}

function budgetsOf(
  records: readonly Pick<AuditEntry, "id" | "tenant" | "key">[],
): readonly BudgetToRead[] {
  const found = new Map<string, BudgetToRead>();
  for (const { id, tenant: tenantId, key } of records) {
    const startMs = isTenantId(tenantId) ? startOf(id) : undefined;
    if (startMs === undefined) continue;
    for (const periodId of periodIdsOf(startMs)) {
      const redisKey = keysOf(tenantId).budget(periodId);
      const budget = found.get(redisKey) ?? { redisKey, tenantId, periodId, keyIds: new Set([""]) };
      budget.keyIds.add(key);
      found.set(redisKey, budget);
    }
  }
  return [...found.values()];
}

function spentIn(
  { tenantId, periodId, keyIds }: BudgetToRead,
  reply: [Error | null, unknown] | undefined,
): BudgetSpent[] {
  const [error, values] = reply ?? [];
  if (error instanceof Error) throw error;
  const texts = (values ?? []) as readonly (string | null)[];
  return [...keyIds].flatMap((keyId, at) => {
    const text = texts[at];
    if (text === null || text === undefined) return [];
    return { tenantId, keyId: keyId || undefined, periodId, spentNanoUsd: BigInt(text) };
  });
}

/** Of all tenants, by looking at every key: for starts and for tests, not for requests. */
export async function allSpent(redis: RedisConnection, nowMs: number): Promise<BudgetSpent[]> {
  const found = new Map<string, BudgetSpent>();
  const seen = new Set<string>();
  for (const periodId of periodIdsOf(nowMs)) {
    for await (const keys of scanKeys(redis, `{*}:b:${periodId}`)) {
      for (const key of keys) {
        if (seen.has(key)) continue;
        seen.add(key);
        const fields = await redis.client.hgetall(key);
        for (const spent of spentFields(key, periodId, fields)) {
          found.set(`${key} ${spent.keyId ?? ""}`, spent);
        }
      }
    }
  }
  return [...found.values()];
}

function spentFields(
  redisKey: string,
  periodId: string,
  fields: Readonly<Record<string, string>>,
): BudgetSpent[] {
  const tenantId = redisKey.slice(1, redisKey.indexOf("}"));
  return Object.entries(fields).flatMap(([field, amount]) => {
    if (!field.startsWith("s:")) return [];
    const keyId = field.slice(2) || undefined;
    return { tenantId, keyId, periodId, spentNanoUsd: BigInt(amount) };
  });
}
