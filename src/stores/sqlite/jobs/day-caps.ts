import { z } from "zod";

import type { DayCaps } from "../../../jobs/day-caps.ts";
import type { SqlStatement } from "../protocol.ts";
import type { withFailures } from "../with-failures.ts";

/** Daily caps in `jobs.db`. Its calls reject with `store_unavailable` where SQLite cannot answer. */
export function sqliteDayCaps(
  database: ReturnType<typeof withFailures>,
  nowMs: () => number = Date.now,
): DayCaps {
  return {
    async reserve(day, caps, { nanoUsd, tokens }) {
      const statements = caps.map(({ id, limit }): SqlStatement => {
        const most = [limit.nanoUsd ?? unlimited, limit.tokens ?? unlimited];
        const row = [day, id, nanoUsd, tokens, nowMs()];
        return {
          sql: reserveSql,
          params: [...row, nanoUsd, most[0] ?? 0, tokens, most[1] ?? 0, ...most],
          mustChange: true,
        };
      });
      if (statements.length === 0) return undefined;
      const outcome = await database.transaction(statements);
      return outcome.kind === "committed" ? undefined : outcome.statement;
    },
    async settle(day, ids, reserved, used) {
      const changes = [used.nanoUsd - reserved.nanoUsd, used.tokens - reserved.tokens];
      const statements = ids.map((id): SqlStatement => {
        const row = [day, id, used.nanoUsd, used.tokens, nowMs()];
        return { sql: settleSql, params: [...row, ...changes] };
      });
      if (statements.length > 0) await database.transaction(statements);
      return undefined;
    },
    async spent(day) {
      const rows = await database.all(spentSql, [day]);
      return rows.map((row) => {
        const { id, nano_usd: nanoUsd, tokens } = spentRow.parse(row);
        return { id, nanoUsd, tokens };
      });
    },
  };
}

/** A sum beyond it is read as this. */
const unlimited = Number.MAX_SAFE_INTEGER;

/** Changes nothing where there is no room, in a new row or in one that is there. */
const reserveSql = `
  INSERT INTO day_caps SELECT ?, ?, ?, ?, ? WHERE ? <= ? AND ? <= ?
  ON CONFLICT (day, id) DO UPDATE
  SET nano_usd = nano_usd + excluded.nano_usd, tokens = tokens + excluded.tokens,
    changed_at_ms = excluded.changed_at_ms
  WHERE nano_usd + excluded.nano_usd <= ? AND tokens + excluded.tokens <= ?`;

/** What was reserved may be gone with the file: what was used counts all the same. */
const settleSql = `
  INSERT INTO day_caps VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (day, id) DO UPDATE
  SET nano_usd = MAX(excluded.nano_usd, nano_usd + ?), tokens = MAX(excluded.tokens, tokens + ?),
    changed_at_ms = excluded.changed_at_ms`;

const spentSql = `
  SELECT id, MIN(nano_usd, ${unlimited}) AS nano_usd, MIN(tokens, ${unlimited}) AS tokens
  FROM day_caps WHERE day = ? ORDER BY id`;

const spentRow = z.object({ id: z.string(), nano_usd: z.number(), tokens: z.number() });
