import type {
  KeyChange,
  KeyUse,
  ListPosition,
  NewKey,
  TenantChange,
  TenantStore,
} from "../../tenants/tenant-store.ts";
import { defaultTenantId } from "../../tenants/tenant.ts";
import type { Tenant } from "../../tenants/tenant.ts";
import { changeColumns } from "./change-columns.ts";
import type { Database } from "./open.ts";
import type { SqlStatement, SqlValue } from "./protocol.ts";
import { policyToText, toKeyRecord, toTenant } from "./tenant-rows.ts";
import { withFailures } from "./with-failures.ts";

/** Tenants and keys in `meta.db`. Its calls reject with `store_unavailable` where SQLite cannot answer. */
export function sqliteTenantStore(inner: Database): TenantStore {
  const database = withFailures(inner);
  return { ...tenantCalls(database), ...keyCalls(database), ...platformCalls(database) };
}

type Calls = ReturnType<typeof withFailures>;

function tenantCalls(database: Calls) {
  return {
    async listTenants({ limit, after }) {
      const sql = `SELECT * FROM tenants WHERE ${isOlder} ${newestFirst}`;
      const rows = await database.all(sql, [...olderThan(after), limit]);
      return rows.map(toTenant);
    },
    async getTenant(id) {
      const [row] = await database.all("SELECT * FROM tenants WHERE id = ?", [id]);
      return row && toTenant(row);
    },
    async createTenant(tenant, firstKey) {
      const keys = firstKey === undefined ? [] : [{ ...insertKey(firstKey), mustChange: true }];
      const outcome = await database.transaction([
        { sql: insertTenantSql, params: tenantValues(tenant), mustChange: true },
        ...keys,
      ]);
      return outcome.kind === "committed" ? "created" : "taken";
    },
    async updateTenant(id, change) {
      const { assignments, params } = changeColumns("id", tenantColumns(change));
      const sql = `UPDATE tenants SET ${assignments} WHERE id = ? RETURNING *`;
      const [row] = await database.all(sql, [...params, id]);
      return row && toTenant(row);
    },
    async deleteTenant(id) {
      const outcome = await database.transaction([
        { sql: "DELETE FROM tenants WHERE id = ?", params: [id], mustChange: true },
        ...(id === defaultTenantId ? [] : [{ sql: rememberDeletedSql, params: [id, Date.now()] }]),
      ]);
      return outcome.kind === "committed";
    },
    async wasTenant(id) {
      return (await database.all("SELECT 1 FROM deleted_tenants WHERE id = ?", [id])).length > 0;
    },
  } satisfies Partial<TenantStore>;
}

function keyCalls(database: Calls) {
  return {
    async findKey(hash) {
      const [row] = await database.all(findKeySql, [hash]);
      return row && { key: toKeyRecord(row), tenant: toTenant(tenantPart(row)) };
    },
    async touchLastUsedDay(uses) {
      await database.transaction(uses.map(touchKey));
    },
    async listKeys({ limit, after, tenantId }) {
      const ofTenant = tenantId === undefined ? "" : "tenant_id = ? AND ";
      const sql = `SELECT * FROM api_keys WHERE ${ofTenant}${isOlder} ${newestFirst}`;
      const tenant = tenantId === undefined ? [] : [tenantId];
      const rows = await database.all(sql, [...tenant, ...olderThan(after), limit]);
      return rows.map(toKeyRecord);
    },
    async getKey(id) {
      const [row] = await database.all("SELECT * FROM api_keys WHERE id = ?", [id]);
      return row && toKeyRecord(row);
    },
    async createKey(newKey) {
      const { sql, params } = insertKey(newKey);
      if ((await database.run(sql, params)) === 1) return "created";
      const [tenant] = await database.all("SELECT 1 FROM tenants WHERE id = ?", [
        newKey.key.tenantId,
      ]);
      return tenant === undefined ? "no_tenant" : "taken";
    },
    async updateKey(id, change) {
      const { assignments, params } = changeColumns("id", keyColumns(change));
      const sql = `UPDATE api_keys SET ${assignments} WHERE id = ? AND status = 'active' RETURNING *`;
      const [row] = await database.all(sql, [...params, id]);
      return row && toKeyRecord(row);
    },
    async rotateKey({ id, expiresAtMs, successor }) {
      const outcome = await database.transaction([
        { sql: retireKeySql, params: [successor.key.id, expiresAtMs, id], mustChange: true },
        { ...insertKey(successor), mustChange: true },
      ]);
      return outcome.kind === "committed" ? "rotated" : "not_active";
    },
  } satisfies Partial<TenantStore>;
}

const adminToken = "admin_token_hash";

function platformCalls(database: Calls) {
  return {
    async getAdminTokenHash() {
      const [row] = await database.all("SELECT value FROM platform WHERE name = ?", [adminToken]);
      return typeof row?.["value"] === "string" ? row["value"] : undefined;
    },
    async claimAdminTokenHash(hash) {
      const [row] = await database.all(claimPlatformSql, [adminToken, hash]);
      return typeof row?.["value"] === "string" ? row["value"] : hash;
    },
    async putAdminTokenHash(hash) {
      await database.run(putPlatformSql, [adminToken, hash]);
    },
  } satisfies Partial<TenantStore>;
}

const findKeySql = `
  SELECT api_keys.*,
         tenants.name          AS tenant_name,
         tenants.status        AS tenant_status,
         tenants.policy        AS tenant_policy,
         tenants.created_at_ms AS tenant_created_at_ms
  FROM api_keys JOIN tenants ON tenants.id = api_keys.tenant_id
  WHERE api_keys.hash = ?`;

function tenantPart(row: Readonly<Record<string, SqlValue>>): Record<string, SqlValue> {
  const part: Record<string, SqlValue> = {};
  for (const [name, value] of Object.entries(row)) {
    if (name.startsWith("tenant_")) part[name.slice("tenant_".length)] = value;
  }
  return part;
}

const isOlder = "(created_at_ms, id) < (?, ?)";
const newestFirst = "ORDER BY created_at_ms DESC, id DESC LIMIT ?";

function olderThan(after: ListPosition | undefined): readonly SqlValue[] {
  return after === undefined ? [Number.MAX_SAFE_INTEGER, ""] : [after.createdAtMs, after.id];
}

const insertTenantSql = `
  INSERT INTO tenants (id, name, status, policy, created_at_ms)
  SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM deleted_tenants WHERE id = ?1)
  ON CONFLICT DO NOTHING`;

const rememberDeletedSql = `
  INSERT INTO deleted_tenants (id, deleted_at_ms) VALUES (?, ?) ON CONFLICT DO NOTHING`;

function tenantValues({ id, name, status, policy, createdAtMs }: Tenant): readonly SqlValue[] {
  return [id, name, status, policyToText(policy), createdAtMs];
}

function tenantColumns({ name, status, policy }: TenantChange) {
  return { name, status, policy: policy && policyToText(policy) };
}

function keyColumns({ name, role, policy, expiresAtMs, status }: KeyChange) {
  return { name, role, policy: policy && policyToText(policy), expires_at_ms: expiresAtMs, status };
}

const insertKeySql = `
  INSERT INTO api_keys (id, tenant_id, hash, masked, name, role, policy, status, expires_at_ms,
                        rotated_to, last_used_day, created_by, created_at_ms)
  SELECT ?, id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM tenants WHERE id = ?
  ON CONFLICT DO NOTHING`;

function insertKey({ key, hash }: NewKey): SqlStatement & { readonly params: readonly SqlValue[] } {
  const params = [
    key.id,
    hash,
    key.masked,
    key.name,
    key.role,
    policyToText(key.policy),
    key.status,
    key.expiresAtMs,
    key.rotatedTo,
    key.lastUsedDay,
    key.createdBy,
    key.createdAtMs,
    key.tenantId,
  ];
  return { sql: insertKeySql, params };
}

const retireKeySql = `
  UPDATE api_keys SET rotated_to = ?, expires_at_ms = min(?, coalesce(expires_at_ms, ${Number.MAX_SAFE_INTEGER}))
  WHERE id = ? AND status = 'active' AND rotated_to IS NULL`;

function touchKey({ keyId, day }: KeyUse): SqlStatement {
  const sql =
    "UPDATE api_keys SET last_used_day = ? WHERE id = ? AND coalesce(last_used_day, '') < ?";
  return { sql, params: [day, keyId, day] };
}

const putPlatformSql = `
  INSERT INTO platform (name, value) VALUES (?, ?)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`;

/** Changes nothing where there is a value, and tells which. */
const claimPlatformSql = `
  INSERT INTO platform (name, value) VALUES (?, ?)
  ON CONFLICT (name) DO UPDATE SET value = value RETURNING value`;
