import { z } from "zod";

import type { Alert, AlertClaims, ClaimTerm } from "../../jobs/alert-claims.ts";
import type { Database } from "./open.ts";
import type { SqlRow, SqlStatement } from "./protocol.ts";
import { withFailures } from "./with-failures.ts";

/** Which alerts were sent, in `meta.db`. Its calls reject with `store_unavailable` where SQLite cannot answer. */
export function sqliteAlertClaims(inner: Database): AlertClaims {
  const database = withFailures(inner);
  return {
    async claim(alerts, term) {
      const outcome = await database.transaction(alerts.map((alert) => claimRow(alert, term)));
      // No statement of it must change anything, so that it is never undone.
      const changes = outcome.kind === "committed" ? outcome.changes : [];
      return alerts.map((_, index) => changes[index] === 1);
    },
    async finish(id) {
      await database.run("UPDATE alert_claims SET is_finished = 1 WHERE id = ?", [id]);
    },
    async takeOver({ nowMs, untilMs, madeSinceMs }, limit) {
      const rows = await database.all(takeOverSql, [untilMs, nowMs, madeSinceMs, limit]);
      return rows.map(toAlert);
    },
    forgetExpired(nowMs, limit) {
      return database.run(forgetSql, [nowMs, limit]);
    },
  };
}

const claimSql = `
  INSERT INTO alert_claims (id, tenant_id, body, made_at_ms, claimed_until_ms, expires_at_ms, is_finished)
  VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING`;

function claimRow(
  { id, tenantId, body, expiresAtMs }: Alert,
  { nowMs, untilMs }: ClaimTerm,
): SqlStatement {
  return { sql: claimSql, params: [id, tenantId, body, nowMs, untilMs, expiresAtMs ?? null] };
}

const takeOverSql = `
  UPDATE alert_claims SET claimed_until_ms = ? WHERE id IN (
    SELECT id FROM alert_claims WHERE is_finished = 0 AND claimed_until_ms <= ? AND made_at_ms >= ?
    ORDER BY claimed_until_ms LIMIT ?)
  RETURNING *`;

const forgetSql = `
  DELETE FROM alert_claims WHERE id IN (
    SELECT id FROM alert_claims WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)`;

const claimRowSchema = z.object({
  id: z.string(),
  tenant_id: z.string(),
  body: z.string(),
  expires_at_ms: z.number().nullable(),
});

function toAlert(row: SqlRow): Alert {
  const found = claimRowSchema.parse(row);
  return {
    id: found.id,
    tenantId: found.tenant_id,
    body: found.body,
    expiresAtMs: found.expires_at_ms ?? undefined,
  };
}
