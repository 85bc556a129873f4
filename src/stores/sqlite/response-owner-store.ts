import { z } from "zod";

import type { OwnerRecord, ResponseOwnerStore } from "../../pipeline/response-owners.ts";
import type { Database } from "./open.ts";
import type { SqlRow, SqlStatement } from "./protocol.ts";
import { withFailures } from "./with-failures.ts";

/** Owners of stored responses in `meta.db`. Its calls reject with `store_unavailable` where SQLite cannot answer. */
export function sqliteResponseOwnerStore(inner: Database): ResponseOwnerStore {
  const database = withFailures(inner);
  return {
    async putOwners(records) {
      await database.transaction(records.map(putRecord));
    },
    async findOwner({ responseHash, tenantId, nowMs }) {
      const [row] = await database.all(findSql, [responseHash, nowMs, tenantId]);
      return row && toRecord(row);
    },
    forgetExpired(nowMs, limit) {
      return database.run(forgetSql, [nowMs, limit]);
    },
  };
}

const putSql = `
  INSERT INTO response_owners (response_hash, tenant_id, provider_name, model, key_id, expires_at_ms)
  VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (response_hash, tenant_id) DO UPDATE SET
    provider_name = excluded.provider_name,
    model = excluded.model,
    key_id = excluded.key_id,
    expires_at_ms = excluded.expires_at_ms`;

function putRecord(record: OwnerRecord): SqlStatement {
  const { responseHash, tenantId, providerName, model, keyId, expiresAtMs } = record;
  return {
    sql: putSql,
    params: [responseHash, tenantId, providerName, model, keyId ?? null, expiresAtMs],
  };
}

const findSql = `
  SELECT * FROM response_owners WHERE response_hash = ? AND expires_at_ms > ?
  ORDER BY tenant_id = ? DESC LIMIT 1`;

const forgetSql = `
  DELETE FROM response_owners WHERE (response_hash, tenant_id) IN (
    SELECT response_hash, tenant_id FROM response_owners WHERE expires_at_ms <= ?
    ORDER BY expires_at_ms LIMIT ?)`;

const ownerRow = z.object({
  response_hash: z.string(),
  tenant_id: z.string(),
  provider_name: z.string(),
  model: z.string(),
  key_id: z.string().nullable(),
  expires_at_ms: z.number(),
});

function toRecord(row: SqlRow): OwnerRecord {
  const found = ownerRow.parse(row);
  return {
    responseHash: found.response_hash,
    tenantId: found.tenant_id,
    providerName: found.provider_name,
    model: found.model,
    keyId: found.key_id ?? undefined,
    expiresAtMs: found.expires_at_ms,
  };
}
