import { z } from "zod";

import { toForget } from "../../pipeline/judge/calibration/calibration-bounds.ts";
import { anchorRunsMax } from "../../pipeline/judge/evaluators/judge-store.ts";
import type {
  AnchorRun,
  JudgeStore,
  StoredCalibration,
  StoredEvaluator,
} from "../../pipeline/judge/evaluators/judge-store.ts";
import type { Database } from "./open.ts";
import type { SqlRow, SqlStatement } from "./protocol.ts";
import { withFailures } from "./with-failures.ts";

/** What is kept of judges in `meta.db`. Its calls reject with `store_unavailable` where SQLite cannot answer. */
export function sqliteJudgeStore(inner: Database): JudgeStore {
  const database = withFailures(inner);
  return {
    async listEvaluators() {
      return (await database.all(listSql)).map(toStoredEvaluator);
    },
    async putEvaluator({ name, version, definition, createdAtMs }, { versionsMax }) {
      const text = JSON.stringify(definition);
      const outcome = await database.transaction([
        { sql: forgetHiddenSql, params: [name, name, version, versionsMax] },
        { sql: insertSql, params: [name, version, text, createdAtMs, versionsMax] },
        { sql: meanSql, params: [name, version], mustChange: true },
      ]);
      if (outcome.kind === "undone") return "full";
      return outcome.changes[1] === 1 ? "created" : "known";
    },
    async hideEvaluator(name) {
      return (await database.run("DELETE FROM judge_names WHERE name = ?", [name])) === 1;
    },
    async putCalibration(calibration, anchors) {
      const before = await allCalibrations(database);
      const gone = toForget([...before, calibration]);
      await database.transaction([
        insertCalibration(calibration),
        ...(calibration.anchors === null ? [] : [insertAnchors(calibration.id, anchors)]),
        ...gone.calibrations.map((id) => ({ sql: forgetCalibrationSql, params: [id] })),
        ...gone.anchors.map((id) => ({ sql: forgetAnchorsSql, params: [id] })),
      ]);
    },
    listCalibrations: (evaluator) => allCalibrations(database, evaluator),
    async getAnchors(calibrationId) {
      const sql = "SELECT items FROM judge_anchors WHERE calibration_id = ?";
      const [row] = await database.all(sql, [calibrationId]);
      return row && anchorsRow.parse(row).items;
    },
    async putAnchorRun(calibrationId, { day, kappa, n, failed }) {
      await database.transaction([
        { sql: putRunSql, params: [calibrationId, day, kappa, n, failed, calibrationId] },
        { sql: forgetRunsSql, params: [calibrationId, calibrationId, anchorRunsMax] },
      ]);
    },
    async listAnchorRuns(calibrationIds) {
      const rows = await database.all(runsSql, [JSON.stringify(calibrationIds)]);
      const runs = rows.map((row) => runRow.parse(row));
      return calibrationIds.map((id) =>
        runs.filter(({ calibration_id: of }) => of === id).map(toRun),
      );
    },
  };
}

const listSql = `
  SELECT v.*, v.version = n.version AS is_current
  FROM judge_versions v JOIN judge_names n ON n.name = v.name
  ORDER BY v.name, v.created_at_ms, v.version`;

/** Only where there is no room for one more, which there need not be for one that is known. */
const forgetHiddenSql = `
  DELETE FROM judge_versions
  WHERE name <> ? AND name NOT IN (SELECT name FROM judge_names)
    AND NOT EXISTS (SELECT 1 FROM judge_versions k WHERE k.name = ? AND k.version = ?)
    AND (SELECT count(*) FROM judge_versions) >= ?`;

const insertSql = `
  INSERT INTO judge_versions (name, version, definition, created_at_ms)
  SELECT ?, ?, ?, ? WHERE (SELECT count(*) FROM judge_versions) < ?
  ON CONFLICT (name, version) DO NOTHING`;

/** Changes nothing where there is no such version: there was no room for it. */
const meanSql = `
  INSERT INTO judge_names (name, version)
  SELECT name, version FROM judge_versions WHERE name = ? AND version = ?
  ON CONFLICT (name) DO UPDATE SET version = excluded.version`;

async function allCalibrations(
  database: Pick<Database, "all">,
  evaluator?: string,
): Promise<readonly StoredCalibration[]> {
  const rows =
    evaluator === undefined
      ? await database.all("SELECT * FROM judge_calibrations ORDER BY id DESC")
      : await database.all(
          "SELECT * FROM judge_calibrations WHERE evaluator = ? ORDER BY id DESC",
          [evaluator],
        );
  return rows.map(toCalibration);
}

const insertCalibration = (calibration: StoredCalibration): SqlStatement => {
  const { id, evaluator, version, model, report, anchors, createdAtMs } = calibration;
  return {
    sql: `
      INSERT INTO judge_calibrations (id, evaluator, version, model, report, anchors, created_at_ms)
      VALUES (?, ?, ?, ?, ?, ?, ?)`,
    params: [
      id,
      evaluator,
      version,
      model,
      JSON.stringify(report),
      anchors && JSON.stringify(anchors),
      createdAtMs,
    ],
  };
};

const insertAnchors = (calibrationId: string, items: readonly unknown[]): SqlStatement => ({
  sql: "INSERT INTO judge_anchors (calibration_id, items) VALUES (?, ?)",
  params: [calibrationId, JSON.stringify(items)],
});

const forgetCalibrationSql = "DELETE FROM judge_calibrations WHERE id = ?";
const forgetAnchorsSql = "DELETE FROM judge_anchors WHERE calibration_id = ?";

const putRunSql = `
  INSERT INTO judge_anchor_runs (calibration_id, day, kappa, n, failed)
  SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM judge_calibrations WHERE id = ?)
  ON CONFLICT (calibration_id, day) DO UPDATE SET
    kappa = excluded.kappa, n = excluded.n, failed = excluded.failed`;

const forgetRunsSql = `
  DELETE FROM judge_anchor_runs WHERE calibration_id = ? AND day NOT IN (
    SELECT day FROM judge_anchor_runs WHERE calibration_id = ? ORDER BY day DESC LIMIT ?)`;

const runsSql = `
  SELECT * FROM judge_anchor_runs
  WHERE calibration_id IN (SELECT value FROM json_each(?)) ORDER BY day DESC`;

const jsonText = <Value extends z.ZodType>(value: Value) =>
  z.string().transform((text) => value.parse(JSON.parse(text)));

const evaluatorRow = z.object({
  name: z.string(),
  version: z.string(),
  definition: jsonText(z.record(z.string(), z.unknown())),
  is_current: z.number(),
  created_at_ms: z.number(),
});

function toStoredEvaluator(row: SqlRow): StoredEvaluator {
  const { name, version, definition, is_current, created_at_ms } = evaluatorRow.parse(row);
  return { name, version, definition, isCurrent: is_current === 1, createdAtMs: created_at_ms };
}

const calibrationRow = z.object({
  id: z.string(),
  evaluator: z.string(),
  version: z.string(),
  model: z.string(),
  report: jsonText(z.record(z.string(), z.unknown())),
  anchors: jsonText(z.object({ count: z.number(), kappa: z.number().nullable() })).nullable(),
  created_at_ms: z.number(),
});

function toCalibration(row: SqlRow): StoredCalibration {
  const { created_at_ms: createdAtMs, ...calibration } = calibrationRow.parse(row);
  return { ...calibration, createdAtMs };
}

const anchorsRow = z.object({ items: jsonText(z.array(z.unknown())) });

const runRow = z.object({
  calibration_id: z.string(),
  day: z.string(),
  kappa: z.number().nullable(),
  n: z.number(),
  failed: z.number(),
});

const toRun = ({ day, kappa, n, failed }: z.output<typeof runRow>): AnchorRun => ({
  day,
  kappa,
  n,
  failed,
});
