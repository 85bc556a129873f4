import { hash, randomBytes } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, test } from "vitest";

import type { AuditRecord } from "../../../../src/pipeline/audit/entry.ts";
import { keepHead } from "../../../../src/stores/disk/chain-head.ts";
import {
  exportCheckpoints,
  parseCheckpoints,
} from "../../../../src/stores/sqlite/books/checkpoints.ts";
import { openSqliteSink } from "../../../../src/stores/sqlite/books/sinks.ts";
import { verifyAuditFiles } from "../../../../src/stores/sqlite/books/verify.ts";
import { anAmendment, anEntry } from "../../../support/audit-builders.ts";
import { chainedWriter } from "../../../support/chained-writer.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 10, 1);
const nowMs = startMs + 3 * dayMs;

/**
 * Three days of two processes, one after the other: sixty records, some of which end on the day after their start,
 * amendments, a payload, checkpoints.
 */
async function threeDays() {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const dataDir = join(folder.path, "data");
  const chainKey = randomBytes(32);
  const sink = resources.use(await openSqliteSink({ dataDir, chainKey, nowMs: () => nowMs }));
  const first = chainedWriter(chainKey, { startedEpochMs: startMs });
  const records: AuditRecord[] = Array.from({ length: 40 }, (_, index) =>
    anEntry(startMs + index * (dayMs / 20) - (index % 3 === 0 ? dayMs / 15 : 0), {
      key: `key${index % 3}`,
      tags: { team: `t${index % 4}` },
      cost_nano_usd: index * 1_000_000,
      tenant: index % 2 === 0 ? "acme" : "zeta",
    }),
  );
  const amended = records.flatMap((record) =>
    record.object === "audit.record" && Number(record.key.slice(3)) === 1
      ? [anAmendment(record)]
      : [],
  );
  const lines = first.lines([...records.slice(0, 30), ...amended, ...records.slice(30)]);
  const points = [first.checkpoint(startMs + 2 * dayMs)];
  await sink.take({ writer: first.writer, lines: [...lines, ...points], mark: undefined });
  const second = chainedWriter(chainKey, {
    startedEpochMs: startMs + 2 * dayMs,
    after: first.lastHash,
  });
  const later = second.lines(
    Array.from({ length: 20 }, (_, index) => anEntry(startMs + 2 * dayMs + index * 1_000)),
  );
  const secondPoints = [second.checkpoint(startMs + 2.5 * dayMs)];
  await sink.take({ writer: second.writer, lines: [...later, ...secondPoints], mark: undefined });
  const kept = resources.move();
  return {
    dataDir,
    chainKey,
    sink,
    first,
    second,
    records: [...lines, ...later],
    verify: (checkpoints: string[] = []) =>
      verifyAuditFiles({ dataDir, chainKey, checkpoints: parseCheckpoints(checkpoints.join("")) }),
    /** Changes a file of a day behind Sentinel's back. */
    tamper: (day: string, sql: string, kind = "audit") => {
      const database = new DatabaseSync(join(dataDir, "audit", `${kind}-${day}.db`));
      try {
        return Number(database.prepare(sql).run().changes);
      } finally {
        database.close();
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

test("what nobody touched verifies, over all files and writers", async () => {
  await using books = await threeDays();
  const report = await books.verify([...exportCheckpoints(books.dataDir)]);
  expect(report).toEqual({
    files: 4,
    writers: 2,
    records: books.records.length,
    emptied: 0,
    checkpoints: 4,
    problems: [],
  });
});

test("with another key nothing verifies; with a former key it does", async () => {
  await using books = await threeDays();
  const chainKey = randomBytes(32);
  const wrong = await verifyAuditFiles({ dataDir: books.dataDir, chainKey });
  expect(wrong.problems.length).toBeGreaterThan(50);
  const { dataDir, chainKey: formerChainKey } = books;
  const former = await verifyAuditFiles({ dataDir, chainKey, formerChainKey });
  expect(former.problems).toEqual([]);
});

const columns: Readonly<Record<string, string>> = {
  text: `text = replace(text, '"tenant":"', '"tenant":"x')`,
  "one letter of the text": "text = replace(text, 'gpt-5', 'gpt-4')",
  tenant: "tenant = tenant || 'x'",
  id: "id = randomblob(16)",
  "request id": "request_id = randomblob(16)",
  "previous hash": "prev_hash = randomblob(32)",
  hash: "hash = randomblob(32)",
  place: "seq = seq + 10000",
  "place, back": "seq = -seq",
  writer: "writer = 77",
  "hash of a text that is gone, with the text there": "text_hash = randomblob(32)",
  "hash of a text that is gone, empty": "text_hash = x''",
  "mark of a repetition, to another number": "is_repeated = 2",
  "text, emptied with another hash": "text = NULL, text_hash = randomblob(32)",
  "mark of a repetition": "is_repeated = 1",
  "mark of a repetition, and the text": "is_repeated = 1, text = NULL, text_hash = randomblob(32)",
};

test.each(Object.entries(columns))("a change of a record's %s is found", async (_, change) => {
  await using books = await threeDays();
  const victim = books.tamper("20261102", `UPDATE records SET ${change} WHERE number = 5`);
  expect(victim).toBe(1);
  const { problems } = await books.verify();
  const { chain, record } = nthOf(books.records, "20261102", 5);
  expect(problems.length).toBeGreaterThan(0);
  const named = problems.some(
    ({ writer, seq, id }) => writer === chain.writer && (seq === chain.seq || id === record.id),
  );
  expect(named, JSON.stringify(problems)).toBe(true);
});

const fifth = "(SELECT id FROM records WHERE number = 5)";

test.each([
  `DELETE FROM facets WHERE id = ${fifth} AND facet = (SELECT max(facet) FROM facets WHERE id = ${fifth})`,
  `UPDATE facets SET cost_nano_usd = cost_nano_usd + 1 WHERE id = ${fifth}`,
])("a record that queries do not find any more is named: %s", async (sql) => {
  await using books = await threeDays();
  expect(books.tamper("20261102", sql)).toBeGreaterThan(0);
  const { problems } = await books.verify();
  const { record } = nthOf(books.records, "20261102", 5);
  expect(problems).toEqual([expect.objectContaining({ kind: "changed", id: record.id })]);
});

test("every single record that is deleted is named", async () => {
  await using books = await threeDays();
  const day = "20261101";
  const count = books.records.filter((line) => dayOf(line) === day).length;
  books.tamper(day, "CREATE TABLE kept AS SELECT * FROM records");
  for (let number = 1; number <= count; number += 3) {
    expect(books.tamper(day, `DELETE FROM records WHERE number = ${number}`)).toBe(1);
    const { problems } = await books.verify();
    const { chain } = nthOf(books.records, day, number);
    expect(problems).toEqual([
      expect.objectContaining({ kind: "missing", writer: chain.writer, seq: chain.seq }),
    ]);
    books.tamper(day, `INSERT INTO records SELECT * FROM kept WHERE number = ${number}`);
  }
  expect((await books.verify()).problems).toEqual([]);
});

test("several that are deleted are counted, and a whole file that is gone too", async () => {
  await using books = await threeDays();
  books.tamper("20261102", "DELETE FROM records WHERE number BETWEEN 4 AND 6");
  const { problems } = await books.verify();
  expect(problems[0]).toMatchObject({ kind: "missing" });
  expect(problems.map(({ kind }) => kind)).not.toContain("changed");
  await rm(join(books.dataDir, "audit", "audit-20261102.db"));
  expect((await books.verify()).problems[0]).toMatchObject({ kind: "missing" });
});

test("a record that is inserted, copied or put in another file is named", async () => {
  await using books = await threeDays();
  const copy = `INSERT INTO records SELECT NULL, randomblob(16), request_id, tenant, writer, seq + 5000,
    prev_hash, hash, is_repeated, text_hash, text FROM records WHERE number = 2`;
  books.tamper("20261102", copy);
  const { problems } = await books.verify();
  expect(problems.map(({ kind }) => kind)).toContain("changed");
});

test("two records that changed places are named", async () => {
  await using books = await threeDays();
  const [one, other] = [3, 4].map((number) => nthOf(books.records, "20261103", number).chain.seq);
  books.tamper("20261103", "UPDATE records SET seq = -1 WHERE number = 3");
  books.tamper("20261103", `UPDATE records SET seq = ${one} WHERE number = 4`);
  books.tamper("20261103", `UPDATE records SET seq = ${other} WHERE number = 3`);
  const { problems } = await books.verify();
  expect(problems.slice(0, 2)).toEqual(
    [one, other].map((seq): unknown => expect.objectContaining({ kind: "changed", seq })),
  );
});

test("records cut off the end are told by a checkpoint, in the files or exported before", async () => {
  await using books = await threeDays();
  const exported = [...exportCheckpoints(books.dataDir)];
  const cut =
    "DELETE FROM records WHERE seq > 12 AND writer = (SELECT number FROM writers WHERE writer = ";
  expect(books.tamper("20261103", `${cut}'${books.second.writer}')`)).toBe(8);
  const told = { kind: "cut", writer: books.second.writer, seq: 13 };
  expect((await books.verify()).problems).toEqual([expect.objectContaining(told)]);
  books.tamper("20261103", "DELETE FROM checkpoints");
  expect((await books.verify()).problems).toEqual([]);
  expect((await books.verify(exported)).problems).toEqual([expect.objectContaining(told)]);
});

test("a whole writer that is gone is told by the next one, or by a checkpoint", async () => {
  await using books = await threeDays();
  const exported = [...exportCheckpoints(books.dataDir)];
  for (const day of ["20261031", "20261101", "20261102", "20261103"]) {
    const which = `(SELECT number FROM writers WHERE writer = '${books.first.writer}')`;
    books.tamper(day, `DELETE FROM records WHERE writer = ${which}`);
    books.tamper(day, "DELETE FROM checkpoints");
  }
  const [problem] = (await books.verify()).problems;
  expect(problem).toMatchObject({ kind: "missing", writer: books.second.writer, seq: 1 });
  const told = (await books.verify(exported)).problems;
  expect(told[0]).toMatchObject({ kind: "cut", writer: books.first.writer, seq: 1 });
});

test("a forged or foreign checkpoint is told", async () => {
  await using books = await threeDays();
  books.tamper("20261103", "UPDATE checkpoints SET seq = seq - 1, count = count - 1");
  const { problems } = await books.verify();
  expect(problems.map(({ kind }) => kind)).toEqual(["checkpoint", "checkpoint"]);
  expect(() => parseCheckpoints('{"writer":1}\n')).toThrow("Line 1 is no checkpoint");
});

test("a prompt that was changed is told; one that is erased is not", async () => {
  await using books = await threeDays();
  const sha = (text: string) => hash("sha256", text);
  const payload = {
    prompt_sha256: sha("p"),
    answer_sha256: sha("a"),
    prompt_bytes: 1,
    answer_bytes: 1,
    cut: false,
  };
  const entry = anEntry(startMs + 2 * dayMs, { payload });
  const third = chainedWriter(books.chainKey, {
    startedEpochMs: startMs + 2.6 * dayMs,
    after: books.second.lastHash,
  });
  const text = { id: entry.id, tenant: entry.tenant, prompt: "p", answer: "a", cut: false };
  const lines = [third.line(entry), { kind: "payload" as const, payload: text }];
  await books.sink.take({ writer: third.writer, lines, mark: undefined });
  expect((await books.verify()).problems).toEqual([]);
  books.tamper("20261103", "UPDATE payloads SET answer = 'b'", "payloads");
  const told = { id: entry.id, kind: "changed" };
  expect((await books.verify()).problems).toEqual([expect.objectContaining(told)]);
  books.tamper("20261103", "UPDATE payloads SET prompt = NULL, answer = NULL", "payloads");
  expect((await books.verify()).problems).toEqual([]);
});

test("after the oldest files are removed, and a tenant's records are emptied, the rest still verifies", async () => {
  await using books = await threeDays();
  const tenants = [{ tenantId: "zeta", auditDays: 0, payloadDays: undefined }];
  const report = await books.sink.runRetention({ auditDays: 2, tenants }, nowMs);
  expect(report).toMatchObject({ removedFiles: 2, isFinished: true });
  expect(report.emptiedRecords).toBeGreaterThan(0);
  const verified = await books.verify();
  expect(verified.problems).toEqual([]);
  expect(verified.emptied).toBe(report.emptiedRecords);
  expect(verified.files).toBe(2);

  // And what is deleted now is not taken for removed.
  books.tamper("20261102", "DELETE FROM records WHERE number = 3");
  expect((await books.verify()).problems[0]).toMatchObject({ kind: "missing" });
});

test("a record that somebody else empties is named, as if it were changed", async () => {
  await using books = await threeDays();
  const { chain, record, text } = nthOf(books.records, "20261102", 5);
  const textHash = hash("sha256", text);
  for (const kept of [textHash, textHash + "ab".repeat(32)]) {
    const change = `text = NULL, text_hash = x'${kept}'`;
    expect(books.tamper("20261102", `UPDATE records SET ${change} WHERE number = 5`)).toBe(1);
    expect((await books.verify()).problems).toEqual([
      expect.objectContaining({ kind: "changed", seq: chain.seq, id: record.id }),
    ]);
  }
});

test("an amendment that is forged under no writer's name is told", async () => {
  await using books = await threeDays();
  const { record } = nthOf(books.records, "20261102", 5);
  const forge = `INSERT INTO records SELECT NULL, randomblob(16), id, tenant, 77, seq, prev_hash, hash, 0, NULL,
    '{"object":"audit.amendment"}' FROM records WHERE number = 5`;
  expect(books.tamper("20261102", forge)).toBe(1);
  const [problem, ...others] = (await books.verify()).problems;
  expect(problem).toMatchObject({
    kind: "changed",
    seq: nthOf(books.records, "20261102", 5).chain.seq,
  });
  expect(problem?.id).not.toBe(record.id);
  expect(others).toEqual([]);
});

test("a file that is gone is named, whatever was in it, until its time is over", async () => {
  await using books = await threeDays();
  const name = "audit-20261103.db";
  for (const suffix of ["", "-wal", "-shm"]) {
    await rm(join(books.dataDir, "audit", `${name}${suffix}`), { force: true });
  }
  const { problems } = await books.verify();
  expect(problems.at(-1)).toMatchObject({ kind: "missing" });
  expect(problems.at(-1)?.message).toContain(name);
  await books.sink.runRetention({ auditDays: 2, tenants: [] }, nowMs + dayMs * 4);
  expect((await books.verify()).problems).toEqual([]);
});

test("a whole writer that is deleted is missed also when older files were removed in time", async () => {
  await using books = await threeDays();
  const third = chainedWriter(books.chainKey, {
    startedEpochMs: startMs + 3.5 * dayMs,
    after: books.second.lastHash,
  });
  const line = third.line(anEntry(startMs + 3.5 * dayMs));
  await books.sink.take({ writer: third.writer, lines: [line], mark: undefined });
  await books.sink.runRetention({ auditDays: 2, tenants: [] }, nowMs);
  expect((await books.verify()).problems).toEqual([]);
  const which = `(SELECT number FROM writers WHERE writer = '${books.second.writer}')`;
  books.tamper("20261103", `DELETE FROM records WHERE writer = ${which}`);
  books.tamper("20261103", "DELETE FROM checkpoints");
  expect((await books.verify()).problems).toEqual([
    expect.objectContaining({ kind: "missing", writer: third.writer, seq: 1 }),
  ]);
});

test("what is said of removed records cannot be forged to hide a deletion", async () => {
  await using books = await threeDays();
  await books.sink.runRetention({ auditDays: 2, tenants: [] }, nowMs);
  const { chain } = nthOf(books.records, "20261102", 3);
  books.tamper("20261102", "DELETE FROM records WHERE number = 3");
  const database = new DatabaseSync(join(books.dataDir, "audit", "chain.db"));
  const forge = database.prepare("INSERT INTO removed VALUES (?, ?, ?, ?, ?, ?)");
  forge.run(chain.writer, chain.seq, chain.seq, chain.prevHash, chain.hash, "ab".repeat(32));
  database.close();
  expect((await books.verify()).problems[0]).toMatchObject({ kind: "missing", seq: chain.seq });
});

test("a request that two writers tell of leaves both chains whole", async () => {
  await using books = await threeDays();
  const [line] = books.records;
  if (line?.record.object !== "audit.record") throw new Error("the first is a request's");
  const third = chainedWriter(books.chainKey, {
    startedEpochMs: startMs + 2.6 * dayMs,
    after: books.second.lastHash,
  });
  const guess = third.line({ ...line.record, outcome: "interrupted" });
  const { added } = await books.sink.take({
    writer: third.writer,
    lines: [guess, guess],
    mark: undefined,
  });
  expect(added).toBe(0);
  expect((await books.verify()).problems).toEqual([]);
  // What is kept of the second one cannot be changed either.
  for (const change of ["text_hash || x'00'", "randomblob(32)"]) {
    const sql = `UPDATE records SET text_hash = CAST(${change} AS BLOB) WHERE is_repeated = 1`;
    expect(books.tamper(dayOf(line), sql)).toBe(1);
    expect((await books.verify()).problems).toEqual([
      expect.objectContaining({ kind: "changed", writer: third.writer, seq: 1 }),
    ]);
  }
});

test("audit files that are all gone are missed where the journal or the ledger knows of them", async () => {
  await using books = await threeDays();
  const { dataDir, chainKey, second } = books;
  const folder = join(dataDir, "audit");
  await books.sink[Symbol.asyncDispose]();
  await mkdir(join(dataDir, "journal"));
  const gone = {
    files: 0,
    problems: [{ kind: "missing", message: expect.stringContaining("are gone") as unknown }],
  };
  await rename(folder, `${folder}.elsewhere`);
  await using ledger = await openSqliteSink({ dataDir, chainKey, nowMs: () => nowMs });
  await ledger.take({ writer: second.writer, lines: [], mark: { segment: 1, offset: 5 } });
  await ledger[Symbol.asyncDispose]();
  expect((await books.verify()).problems).toEqual([]);
  await rm(folder, { recursive: true });
  expect(await books.verify()).toMatchObject(gone);

  await rm(join(dataDir, "ledger.db"));
  expect((await books.verify()).problems).toEqual([]);
  await keepHead(dataDir, { writer: second.writer, seq: 20, hash: second.lastHash });
  expect(await books.verify()).toMatchObject({
    ...gone,
    problems: [{ ...gone.problems[0], writer: second.writer, seq: 20 }],
  });
  expect((await verifyAuditFiles({ dataDir, chainKey, isKept: false })).problems).toEqual([]);
});

test("audit files that are all gone because their time is over are not missed", async () => {
  await using books = await threeDays();
  const { dataDir, second } = books;
  await mkdir(join(dataDir, "journal"));
  await keepHead(dataDir, { writer: second.writer, seq: 20, hash: second.lastHash });
  await books.sink.runRetention({ auditDays: 1, tenants: [] }, nowMs + 90 * dayMs);
  expect(await books.verify()).toMatchObject({ files: 0, problems: [] });
});

test("a damaged file is told, and the others are verified", async () => {
  await using books = await threeDays();
  const path = join(books.dataDir, "audit", "audit-20261101.db");
  await rm(`${path}-wal`, { force: true });
  await writeFile(path, "not a database, but long enough to have a header ".repeat(200));
  const { problems } = await books.verify();
  expect(problems.map(({ kind }) => kind)).toContain("unreadable");
});

const dayOf = ({ record }: { readonly record: AuditRecord }): string => {
  const at = record.object === "audit.record" ? record.started_at : "";
  return at.slice(0, 10).replaceAll("-", "");
};

type Lines = Awaited<ReturnType<typeof threeDays>>["records"];

/** The line that lies in a day's file as its nth: amendments lie with their request. */
function nthOf(lines: Lines, day: string, number: number): Lines[number] {
  const requests = new Map(lines.map((line) => [line.record.id, line]));
  const its = lines.filter((line) => {
    const { record } = line;
    const request = record.object === "audit.amendment" ? requests.get(record.request_id) : line;
    return request !== undefined && dayOf(request) === day;
  });
  const found = its[number - 1];
  if (found === undefined) throw new Error(`${day} has ${its.length} records only`);
  return found;
}
