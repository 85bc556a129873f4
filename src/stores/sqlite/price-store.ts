import { z } from "zod";

import type { PriceStore, StoredPrice } from "../../tenants/price-store.ts";
import type { Database } from "./open.ts";
import type { SqlRow } from "./protocol.ts";
import { withFailures } from "./with-failures.ts";

/** Stored prices in `meta.db`. Its calls reject with `store_unavailable` where SQLite cannot answer. */
export function sqlitePriceStore(inner: Database): PriceStore {
  const database = withFailures(inner);
  return {
    async listPrices() {
      return (await database.all("SELECT * FROM prices ORDER BY provider, model")).map(toPrice);
    },
    async getPrice({ provider, model }) {
      const [row] = await database.all("SELECT * FROM prices WHERE provider = ? AND model = ?", [
        provider,
        model,
      ]);
      return row && toPrice(row);
    },
    async putPrice({ provider, model, settings, createdAtMs, updatedAtMs }, { pricesMax }) {
      const text = JSON.stringify(settings);
      const changed = await database.run(updateSql, [text, updatedAtMs, provider, model]);
      if (changed === 1) return "replaced";
      const values = [provider, model, text, createdAtMs, updatedAtMs];
      const inserted = await database.run(insertSql, [...values, pricesMax]);
      return inserted === 1 ? "created" : "full";
    },
    async deletePrice({ provider, model }) {
      const sql = "DELETE FROM prices WHERE provider = ? AND model = ?";
      return (await database.run(sql, [provider, model])) === 1;
    },
  };
}

/** Two changes are told apart by their time, which may not stand still. */
const updateSql = `
  UPDATE prices SET settings = ?, updated_at_ms = max(?, updated_at_ms + 1)
  WHERE provider = ? AND model = ?`;

/** Someone else may have made it since: then it is the later one that counts. */
const insertSql = `
  INSERT INTO prices (provider, model, settings, created_at_ms, updated_at_ms)
  SELECT ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM prices) < ?
  ON CONFLICT (provider, model) DO UPDATE SET
    settings = excluded.settings, updated_at_ms = max(excluded.updated_at_ms, updated_at_ms + 1)`;

const priceRow = z.object({
  provider: z.string(),
  model: z.string(),
  settings: z
    .string()
    .transform((text) => z.record(z.string(), z.unknown()).parse(JSON.parse(text))),
  created_at_ms: z.number(),
  updated_at_ms: z.number(),
});

function toPrice(row: SqlRow): StoredPrice {
  const { provider, model, settings, created_at_ms, updated_at_ms } = priceRow.parse(row);
  return { provider, model, settings, createdAtMs: created_at_ms, updatedAtMs: updated_at_ms };
}
