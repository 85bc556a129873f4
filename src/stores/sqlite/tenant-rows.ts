import { z } from "zod";

import type { KeyRecord } from "../../tenants/tenant-store.ts";
import { policySchema, roles, tenantStatuses } from "../../tenants/tenant.ts";
import type { Policy, Tenant } from "../../tenants/tenant.ts";
import type { SqlRow } from "./protocol.ts";

const policyText = z.string().transform((text) => policySchema.parse(JSON.parse(text)));

const tenantRow = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(tenantStatuses),
  policy: policyText,
  created_at_ms: z.number(),
});

export function toTenant(row: SqlRow): Tenant {
  const { id, name, status, policy, created_at_ms } = tenantRow.parse(row);
  return { id, name, status, policy, createdAtMs: created_at_ms };
}

const keyRow = z.object({
  id: z.string(),
  tenant_id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  policy: policyText,
  status: z.enum(["active", "revoked"]),
  masked: z.string(),
  expires_at_ms: z.number().nullable(),
  rotated_to: z.string().nullable(),
  last_used_day: z.string().nullable(),
  created_by: z.string(),
  created_at_ms: z.number(),
});

export function toKeyRecord(row: SqlRow): KeyRecord {
  const found = keyRow.parse(row);
  return {
    id: found.id,
    tenantId: found.tenant_id,
    name: found.name,
    role: found.role,
    policy: found.policy,
    status: found.status,
    masked: found.masked,
    expiresAtMs: found.expires_at_ms,
    rotatedTo: found.rotated_to,
    lastUsedDay: found.last_used_day,
    createdBy: found.created_by,
    createdAtMs: found.created_at_ms,
  };
}

export function policyToText(policy: Policy): string {
  return JSON.stringify(policy);
}
