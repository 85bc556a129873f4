import { periodIdsOf } from "../../src/pipeline/limits/budget-periods.ts";
import type { Amounts, Lease } from "../../src/pipeline/limits/limit-store.ts";
import { budgetKeysAt, hashTag, keysOf } from "../../src/stores/redis/limits/keys.ts";
import type { RedisConnection } from "../../src/stores/redis/open.ts";
import { scriptOf } from "../../src/stores/redis/script.ts";
import { readFileSync } from "node:fs";

const limits = new URL("../../src/stores/redis/limits/", import.meta.url);
const fragment = (name: string): string => readFileSync(new URL(name, limits), "utf8");

/** The sink's part of settling, without its record: a guard, the lease, what was spent. */
const script = scriptOf(
  "settle-in-test",
  [
    fragment("gcra.lua"),
    fragment("holds.lua"),
    fragment("settle-lease.lua"),
    `
if not redis.call('SET', KEYS[1], '1', 'NX', 'PX', 600000) then return 0 end
local budget_keys = {}
for at = 1, 4 do budget_keys[ARGV[6 + at]] = KEYS[4 + at] end
if ARGV[3] ~= '' then
  settle_lease(KEYS[2], KEYS[3], KEYS[4], budget_keys, ARGV[1], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[6]))
end
for at = 5, 8 do
  redis.call('HINCRBY', KEYS[at], 's:', ARGV[5])
  redis.call('HINCRBY', KEYS[at], 's:' .. ARGV[2], ARGV[5])
end
return 1`,
  ].join("\n"),
);

/** Resolves to whether it was the first time. */
export async function settleInRedis(
  redis: RedisConnection,
  lease: Lease,
  used: Amounts,
  endedEpochMs = Date.now(),
): Promise<boolean> {
  const { rates, holds, holdValues } = keysOf(lease.tenantId);
  const guard = `${hashTag(lease.tenantId)}:settled:${lease.id}`;
  const budgets = budgetKeysAt(lease.tenantId, lease.startedEpochMs);
  const answer = await redis.run(
    script,
    [guard, rates, holds, holdValues, ...budgets],
    [
      lease.id,
      lease.keyId,
      lease.journalled ?? "",
      used.tokens,
      used.nanoUsd,
      endedEpochMs,
      ...periodIdsOf(lease.startedEpochMs),
    ],
  );
  return answer === 1;
}
