import { z } from "zod";

import type { ProviderStore, StoredProvider } from "../../tenants/tenant-store.ts";
import type { Database } from "./open.ts";
import type { SqlRow, SqlValue } from "./protocol.ts";
import { withFailures } from "./with-failures.ts";

/** Stored providers in `meta.db`. Its calls reject with `store_unavailable` where SQLite cannot answer. */
export function sqliteProviderStore(inner: Database): ProviderStore {
  const database = withFailures(inner);
  return {
    async listProviders() {
      return (await database.all("SELECT * FROM providers ORDER BY name")).map(toProvider);
    },
    async getProvider(name) {
      const [row] = await database.all("SELECT * FROM providers WHERE name = ?", [name]);
      return row && toProvider(row);
    },
    async createProvider(provider) {
      const changes = await database.run(insertSql, [
        provider.name,
        ...changeable(provider),
        provider.createdAtMs,
      ]);
      return changes === 1 ? "created" : "taken";
    },
    async replaceProvider(provider, replaced) {
      const where = [provider.name, replaced.updatedAtMs];
      const changes = await database.run(replaceSql, [...changeable(provider), ...where]);
      return changes === 1 ? "replaced" : "stale";
    },
    async deleteProvider(name) {
      return (await database.run("DELETE FROM providers WHERE name = ?", [name])) === 1;
    },
  };
}

const insertSql = `
  INSERT INTO providers (name, settings, sealed, masked_keys, updated_at_ms, created_at_ms)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

const replaceSql = `
  UPDATE providers SET settings = ?, sealed = ?, masked_keys = ?, updated_at_ms = ?
  WHERE name = ? AND updated_at_ms = ?`;

function changeable(provider: StoredProvider): readonly SqlValue[] {
  const { settings, sealed, maskedKeys, updatedAtMs } = provider;
  return [
    JSON.stringify(settings),
    JSON.stringify(sealed),
    JSON.stringify(maskedKeys),
    updatedAtMs,
  ];
}

const jsonText = <Value extends z.ZodType>(value: Value) =>
  z.string().transform((text) => value.parse(JSON.parse(text)));

const providerRow = z.object({
  name: z.string(),
  settings: jsonText(z.record(z.string(), z.unknown())),
  sealed: jsonText(z.record(z.string(), z.string())),
  masked_keys: jsonText(z.array(z.string())),
  created_at_ms: z.number(),
  updated_at_ms: z.number(),
});

function toProvider(row: SqlRow): StoredProvider {
  const found = providerRow.parse(row);
  return {
    name: found.name,
    settings: found.settings,
    sealed: found.sealed,
    maskedKeys: found.masked_keys,
    createdAtMs: found.created_at_ms,
    updatedAtMs: found.updated_at_ms,
  };
}
