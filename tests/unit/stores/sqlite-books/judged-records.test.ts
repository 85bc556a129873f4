import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { expect, test } from "vitest";

import { openSqliteReader } from "../../../../src/stores/sqlite/books/reader.ts";
import { openSqliteSink } from "../../../../src/stores/sqlite/books/sinks.ts";
import { verifyAuditFiles } from "../../../../src/stores/sqlite/books/verify.ts";
import { anEntry } from "../../../support/audit-builders.ts";
import { chainedWriter } from "../../../support/chained-writer.ts";
import { aFeedback, anEvaluation } from "../../../support/judge-builders.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 10, 1);
const nowMs = startMs + 3 * dayMs;

test("scores and feedback are whole, also where two writers said different things of one id", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const chainKey = randomBytes(32);
  await using sink = await openSqliteSink({ dataDir, chainKey, nowMs: () => nowMs });
  const entry = anEntry(startMs);
  const first = chainedWriter(chainKey, { startedEpochMs: startMs });
  const lines = first.lines([entry, anEvaluation(entry), aFeedback(entry), aFeedback(entry)]);
  await sink.take({ writer: first.writer, lines, mark: undefined });
  const after = first.lastHash;
  const second = chainedWriter(chainKey, { startedEpochMs: startMs + 1, after });
  const again = second.lines([
    anEvaluation(entry, { score: 0 }),
    anEvaluation(entry, { round: 2 }),
  ]);
  await sink.take({ writer: second.writer, lines: again, mark: undefined });
  const verified = await verifyAuditFiles({ dataDir, chainKey });
  expect(verified.problems).toEqual([]);
});

test("a tenant's retention takes scores and comments with their record, and leaves the sums and the chain", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const chainKey = randomBytes(32);
  await using sink = await openSqliteSink({ dataDir, chainKey, nowMs: () => nowMs });
  await using reader = await openSqliteReader({ dataDir });
  const entry = anEntry(startMs);
  const writer = chainedWriter(chainKey, { startedEpochMs: startMs });
  const said = [anEvaluation(entry), aFeedback(entry, { comment: "a secret" })];
  await sink.take({
    writer: writer.writer,
    lines: writer.lines([entry, ...said]),
    mark: undefined,
  });
  const query = { tenantId: "acme", fromMs: startMs, toMs: nowMs, groupBy: [] };
  const before = await reader.judge(query);
  expect(before).toMatchObject([{ sums: { scored: 1n, feedback: 1n } }]);

  const tenants = [{ tenantId: "acme", auditDays: 1, payloadDays: 1 }];
  expect(await sink.runRetention({ auditDays: 30, tenants }, nowMs)).toMatchObject({
    emptiedRecords: 3,
  });
  expect(await reader.get("acme", entry.id)).toBeUndefined();
  expect(await reader.judge(query)).toEqual(before);
  expect((await verifyAuditFiles({ dataDir, chainKey })).problems).toEqual([]);
});
