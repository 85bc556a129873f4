import { systemClock } from "../../../lib/clock.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { AuditLog, StoredPayload } from "../../../pipeline/audit/audit-log.ts";
import type { UsageLedger } from "../../../pipeline/cost/usage-ledger.ts";
import type { RedisConnection } from "../open.ts";
import { readScript } from "../script.ts";
import { readPage } from "./audit-page.ts";
import { judgeRows } from "./judge-rows.ts";
import { bookKeys, isTenantId, startOf } from "./keys.ts";
import { readRecords } from "./read-records.ts";
import { unpack } from "./record-codec.ts";
import { allSpent } from "./spent.ts";
import { orUnavailable } from "./store-failure.ts";
import { usageRows } from "./usage-rows.ts";
import { auditWindow } from "./window.ts";

export interface RedisReadersOptions {
  /** One for reports: an answer may take a while. */
  readonly redis: RedisConnection;
  /** What is older is not looked for. Left out: whatever the sinks have kept, now or under another setting. */
  readonly auditHours?: number;
  readonly clock?: Clock;
}

/** The most that SENTINEL_AUDIT_REDIS_HOURS may be. */
const auditHoursMax = 90 * 24;

/** The audit records that Redis has: those of the last hours. */
export function redisAuditLog(options: RedisReadersOptions): AuditLog {
  const { redis, auditHours = auditHoursMax, clock = systemClock } = options;
  const window = auditWindow(auditHours);
  return {
    list: (query) =>
      orUnavailable(() => {
        const nowMs = clock.epochMs();
        return readPage(redis, query, { oldestHourMs: window.oldestHourMs(nowMs), nowMs });
      }),
    get: (tenantId, id) =>
      orUnavailable(async () => {
        const [record] = isIdOf(tenantId, id) ? await readRecords(redis, tenantId, [id]) : [];
        return record;
      }),
    payload: (tenantId, id) =>
      orUnavailable(async () => {
        if (!isIdOf(tenantId, id)) return undefined;
        const packed = await redis.client.hgetBuffer(payloadsKey(tenantId, id), id);
        return packed === null ? undefined : payloadIn(packed);
      }),
    erasePayload: (tenantId, id) =>
      orUnavailable(async () => {
        if (!isIdOf(tenantId, id)) return false;
        return (await redis.run(erasePayload, [payloadsKey(tenantId, id)], [id])) === 1;
      }),
  };
}

/** What tenants have used, from the hours and days that Redis has: a bit more than a year. */
export function redisUsageLedger({ redis, clock = systemClock }: RedisReadersOptions): UsageLedger {
  return {
    usage: (query) => orUnavailable(() => usageRows(redis, query, clock.epochMs())),
    judge: (query) => orUnavailable(() => judgeRows(redis, query, clock.epochMs())),
    budgetsSpent: (nowMs) => orUnavailable(() => allSpent(redis, nowMs)),
  };
}

const erasePayload = readScript(new URL("erase-payload.lua", import.meta.url));

const isIdOf = (tenantId: string, id: string): boolean =>
  isTenantId(tenantId) && startOf(id) !== undefined;

const payloadsKey = (tenantId: string, id: string): string =>
  bookKeys(tenantId, startOf(id) ?? 0).payloads;

/** An erased one is empty. */
function payloadIn(packed: Buffer): StoredPayload | undefined {
  const text = unpack(packed);
  return text === undefined ? undefined : (JSON.parse(text) as StoredPayload);
}
