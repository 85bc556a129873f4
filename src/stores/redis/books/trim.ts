import type { TenantRetention } from "../../books/protocol.ts";
import type { RedisConnection } from "../open.ts";
import { bookKeys, dayMs, hourMs, isTenantId } from "./keys.ts";
import { auditWindow } from "./window.ts";

/**
 * Deletes the records of tenants that keep them for a shorter time than Redis does: whole hours, without looking
 * which are there. Records of such an hour that come later are refused.
 */
export async function trimAudit(
  redis: RedisConnection,
  tenants: readonly TenantRetention[],
  nowMs: number,
  auditHours: number,
): Promise<void> {
  const oldestMs = auditWindow(auditHours).oldestHourMs(nowMs);
  for (const { tenantId, auditDays, payloadDays } of tenants) {
    if (!isTenantId(tenantId)) continue;
    const hoursBefore = (days: number): number[] => hoursIn(oldestMs, nowMs - days * dayMs);
    const records = auditDays === undefined ? [] : hoursBefore(auditDays);
    const payloads = payloadDays === undefined ? [] : hoursBefore(payloadDays);
    const keys = [
      ...records.flatMap((startMs) => {
        const { records: kept, index, amendments } = bookKeys(tenantId, startMs);
        return [kept, index, amendments];
      }),
      ...payloads.map((startMs) => bookKeys(tenantId, startMs).payloads),
    ];
    if (keys.length > 0) await redis.client.unlink(...keys);
  }
}

/** The hours from one to the last that ended before the other instant. */
function hoursIn(fromHourMs: number, beforeMs: number): number[] {
  const count = Math.floor((beforeMs - fromHourMs) / hourMs);
  return Array.from({ length: Math.max(0, count) }, (_, index) => fromHourMs + index * hourMs);
}
