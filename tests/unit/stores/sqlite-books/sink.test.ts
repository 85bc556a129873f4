import { randomBytes } from "node:crypto";
import { readdirSync, readlinkSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, test } from "vitest";

import { backupDatabases } from "../../../../src/stores/sqlite/books/backup.ts";
import { openSqliteReader } from "../../../../src/stores/sqlite/books/reader.ts";
import { openAuditFilesSink, openSqliteSink } from "../../../../src/stores/sqlite/books/sinks.ts";
import { verifyAuditFiles } from "../../../../src/stores/sqlite/books/verify.ts";
import { recordText } from "../../../../src/stores/disk/journal-line.ts";
import { anEntry, aWriter } from "../../../support/audit-builders.ts";
import { chainedWriter } from "../../../support/chained-writer.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 10, 20);
const chainKey = randomBytes(32);

const total = {
  tenantId: "acme",
  fromMs: startMs - 9 * dayMs,
  toMs: startMs + 9 * dayMs,
  groupBy: [],
};

async function requestsIn(dataDir: string): Promise<bigint> {
  await using reader = await openSqliteReader({ dataDir });
  return (await reader.usage(total))[0]?.sums.requests ?? 0n;
}

test("files and folders are for this user alone, and there is one for each day", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  await using sink = await openSqliteSink({ dataDir, chainKey });
  const writer = aWriter();
  await sink.take(writer.batch(writer.lines([anEntry(startMs), anEntry(startMs - 1)])));
  const names = readdirSync(join(dataDir, "audit")).filter((name) => name.endsWith(".db"));
  expect(names.sort()).toEqual(["audit-20261119.db", "audit-20261120.db", "chain.db"]);
  for (const name of readdirSync(join(dataDir, "audit"))) {
    expect((await stat(join(dataDir, "audit", name))).mode & 0o777).toBe(0o600);
  }
  expect((await stat(join(dataDir, "audit"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(dataDir, "ledger.db"))).mode & 0o777).toBe(0o600);
});

test("many days are written with few files open", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  await using sink = await openSqliteSink({ dataDir, chainKey });
  const writer = aWriter();
  const days = Array.from({ length: 40 }, (_, index) => anEntry(startMs - index * dayMs));
  await sink.take(writer.batch(writer.lines(days)));
  await sink.take(
    writer.batch(writer.lines(days.map(({ started_at }) => anEntry(Date.parse(started_at))))),
  );
  const links = readdirSync("/proc/self/fd").map((name) => linkOf(`/proc/self/fd/${name}`));
  const files = new Set(links.filter((link) => link.startsWith(dataDir) && link.endsWith(".db")));
  // Eight days, the ledger and the chain.
  expect(files.size).toBeLessThanOrEqual(10);
  await using reader = await openSqliteReader({ dataDir });
  // Each call looks for a bounded time: opening many files takes several.
  const all = { tenantId: "acme", fromMs: 0, toMs: startMs + dayMs, limit: 100 };
  let [found, after]: [number, string | undefined] = [0, undefined];
  do {
    const page = await reader.list({ ...all, after });
    found += page.records.length;
    after = page.next;
  } while (after !== undefined);
  expect(found).toBe(80);
});

test("a ledger that was put back by a backup counts again what the journal still has, once", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const target = join(folder.path, "backup");
  const writer = chainedWriter(chainKey, { startedEpochMs: startMs });
  const linesOf = (count: number) =>
    writer.lines(Array.from({ length: count }, (_, index) => anEntry(startMs + index)));
  const batch = (lines: ReturnType<typeof linesOf>, offset: number) => ({
    writer: writer.writer,
    lines,
    mark: { segment: 1, offset },
  });
  const [first, second] = [linesOf(30), linesOf(20)];
  {
    await using sink = await openSqliteSink({ dataDir, chainKey });
    await sink.take(batch(first, 100));
    await mkdir(join(dataDir, "journal"));
    await writeFile(join(dataDir, "audit.key"), "ab".repeat(32), { mode: 0o600 });
    const { files } = await backupDatabases({ dataDir, target });
    expect(files).toEqual(["ledger.db", "audit/audit-20261120.db", "audit/chain.db", "audit.key"]);
    await sink.take(batch(second, 200));
  }
  expect(await requestsIn(dataDir)).toBe(50n);
  await copyFile(join(target, "ledger.db"), join(dataDir, "ledger.db"));
  for (const suffix of ["-wal", "-shm"])
    await rm(join(dataDir, `ledger.db${suffix}`), { force: true });

  await using sink = await openSqliteSink({ dataDir, chainKey });
  expect(await sink.mark(writer.writer)).toEqual({ segment: 1, offset: 100 });
  expect(await requestsIn(dataDir)).toBe(30n);
  expect((await sink.take(batch(second, 200))).added).toBe(20);
  expect((await sink.take(batch(first, 100))).added).toBe(0);
  expect(await requestsIn(dataDir)).toBe(50n);
  expect((await verifyAuditFiles({ dataDir, chainKey })).problems).toEqual([]);
  expect((await stat(join(target, "audit.key"))).mode & 0o777).toBe(0o600);
  await expect(backupDatabases({ dataDir, target })).rejects.toThrow("is not empty");
});

test("a backup that is taken while records come in is whole, and its ledger never ahead of its audit", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  await using sink = await openSqliteSink({ dataDir, chainKey });
  const writer = chainedWriter(chainKey, { startedEpochMs: startMs });
  let isDone = false;
  const write = async () => {
    for (let offset = 1; !isDone; offset += 1) {
      const lines = writer.lines(Array.from({ length: 20 }, () => anEntry(startMs + offset)));
      await sink.take({ writer: writer.writer, lines, mark: { segment: 1, offset } });
      await new Promise(setImmediate);
    }
  };
  const writing = write();
  for (const name of ["one", "two", "three"]) {
    const target = join(folder.path, name);
    await backupDatabases({ dataDir, target });
    const report = await verifyAuditFiles({ dataDir: target, chainKey });
    expect(report.problems).toEqual([]);
    expect(await requestsIn(target)).toBeLessThanOrEqual(BigInt(report.records));
  }
  isDone = true;
  await writing;
});

test.each([["ledger.db"], ["audit/audit-20261120.db"]])(
  "%s deleted behind its back: the journal is asked for again, and all is there",
  async (name) => {
    await using folder = await tempFolder();
    const dataDir = join(folder.path, "data");
    const writer = aWriter();
    const lines = writer.lines([anEntry(startMs), anEntry(startMs + 1), anEntry(startMs + 2)]);
    await using sink = await openSqliteSink({ dataDir, chainKey });
    const rewound: unknown[] = [];
    sink.onRewind((since) => rewound.push(since));
    await sink.take(writer.batch(lines.slice(0, 2)));
    for (const suffix of ["", "-wal", "-shm"])
      await rm(join(dataDir, `${name}${suffix}`), { force: true });
    await sink.take(writer.batch(lines.slice(2)));
    expect(rewound).toEqual(["all"]);
    await sink.take(writer.batch(lines));
    expect(await requestsIn(dataDir)).toBe(3n);
    await using reader = await openSqliteReader({ dataDir });
    expect((await reader.list({ ...total, limit: 9 })).records).toHaveLength(3);
  },
);

test("an audit file that is gone at the start is asked for again as soon as somebody listens", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const writer = aWriter();
  {
    await using sink = await openSqliteSink({ dataDir, chainKey });
    await sink.take(writer.batch(writer.lines([anEntry(startMs)])));
  }
  await rm(join(dataDir, "audit", "audit-20261120.db"));
  await using sink = await openSqliteSink({ dataDir, chainKey });
  const rewound: unknown[] = [];
  sink.onRewind((since) => rewound.push(since));
  expect(rewound).toEqual(["all"]);
});

test("an audit folder that is gone at the start: every writer's journal is asked for again, and it is told once", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const writers = [aWriter(startMs), aWriter(startMs + 1)];
  const open = (told: unknown[]) =>
    openSqliteSink({ dataDir, chainKey, onLoss: () => told.push("loss") });
  {
    await using sink = await open([]);
    for (const writer of writers) await sink.take(writer.batch(writer.lines([anEntry(startMs)])));
  }
  await rm(join(dataDir, "audit"), { recursive: true });
  for (const expected of [["all", "loss"], []]) {
    // The second time is a start after one that ended before anything was fed again.
    const told: unknown[] = [];
    await using sink = await open(told);
    sink.onRewind((since) => told.push(since));
    expect(told).toEqual(expected);
    for (const { writer } of writers) expect(await sink.mark(writer)).toBeUndefined();
  }
});

test("an audit file that is older than the journal is not asked for at each start", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const writer = aWriter(startMs + 9 * dayMs);
  const lines = writer.lines([anEntry(startMs), anEntry(startMs + 9 * dayMs)]);
  {
    await using sink = await openSqliteSink({ dataDir, chainKey });
    await sink.take(writer.batch(lines));
  }
  const newest = lines[1] ?? expect.fail();
  await mkdir(join(dataDir, "journal", writer.writer), { recursive: true });
  await writeFile(
    join(dataDir, "journal", writer.writer, "00000001.log"),
    recordText(newest.chain, newest.text, undefined),
  );
  await rm(join(dataDir, "audit", "audit-20261120.db"));
  await using sink = await openSqliteSink({ dataDir, chainKey });
  sink.onRewind(() => expect.fail("the journal does not have it"));
  expect(await sink.mark(writer.writer)).toBeDefined();
});

test("what is closed is whole without its log, though somebody still reads it", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const writer = aWriter();
  const entry = anEntry(startMs);
  const sink = await openSqliteSink({ dataDir, chainKey });
  const payload = { id: entry.id, tenant: "acme", prompt: "Hi", answer: "Hello", cut: false };
  await sink.take(writer.batch([...writer.lines([entry]), writer.payload(payload)]));
  await using reader = await openSqliteReader({ dataDir });
  expect((await reader.list({ ...total, limit: 9 })).records).toHaveLength(1);
  expect(await reader.payload("acme", entry.id)).toBeDefined();
  expect(await reader.usage(total)).toHaveLength(1);
  await sink[Symbol.asyncDispose]();
  for (const name of ["ledger", "audit/chain", "audit/audit-20261120", "audit/payloads-20261120"]) {
    const log = await stat(join(dataDir, `${name}.db-wal`)).catch(() => ({ size: 0 }));
    expect(log.size, name).toBe(0);
  }
});

test("a damaged audit file is set aside and keeps nothing from being written", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const writer = aWriter();
  const lines = writer.lines([anEntry(startMs), anEntry(startMs + 1)]);
  {
    await using sink = await openSqliteSink({ dataDir, chainKey });
    await sink.take(writer.batch(lines.slice(0, 1)));
  }
  const path = join(dataDir, "audit", "audit-20261120.db");
  await writeFile(path, "not a database, but long enough to have a header ".repeat(200));
  await using sink = await openSqliteSink({ dataDir, chainKey });
  const rewound: unknown[] = [];
  sink.onRewind((since) => rewound.push(since));
  await expect(sink.take(writer.batch(lines.slice(1)))).rejects.toThrow("not a database");
  expect(rewound).toEqual(["all"]);
  expect((await sink.take(writer.batch(lines))).added).toBe(1);
  expect(await requestsIn(dataDir)).toBe(2n);
  expect(readdirSync(join(dataDir, "audit")).some((name) => name.includes(".damaged-"))).toBe(true);
});

test("a batch that a full disk refuses rejects, and counts once when it comes again", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  await using sink = await openSqliteSink({ dataDir, chainKey });
  const writer = aWriter();
  await sink.take(writer.batch(writer.lines([anEntry(startMs)])));
  // A ledger that another process holds is as good as one that cannot be written.
  const holder = new DatabaseSync(join(dataDir, "ledger.db"));
  holder.exec(
    "CREATE TRIGGER full BEFORE INSERT ON usage_days BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
  );
  const batch = writer.batch(writer.lines([anEntry(startMs + 1), anEntry(startMs + 2)]));
  await expect(sink.take(batch)).rejects.toThrow("disk is full");
  await expect(sink.take(batch)).rejects.toThrow("disk is full");
  expect(await requestsIn(dataDir)).toBe(1n);
  holder.exec("DROP TRIGGER full");
  holder.close();
  expect((await sink.take(batch)).added).toBe(2);
  expect(await requestsIn(dataDir)).toBe(3n);
});

test("the guard forgets what the journal has no more, and keeps what it still has", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  let nowMs = startMs;
  await using sink = await openSqliteSink({ dataDir, chainKey, nowMs: () => nowMs });
  const writer = chainedWriter(chainKey, { startedEpochMs: startMs });
  // Taken today, of a request of a week ago: it is the day on which it was taken that counts.
  const lines = writer.lines([anEntry(startMs - 7 * dayMs), anEntry(startMs)]);
  const settled = () => {
    const database = new DatabaseSync(join(dataDir, "ledger.db"), { readOnly: true });
    const { count } = database.prepare("SELECT count(*) AS count FROM settled").get() as {
      count: number;
    };
    database.close();
    return count;
  };
  const journal = join(dataDir, "journal", writer.writer);
  const keepInJournal = async (line: (typeof lines)[number] | undefined) => {
    await mkdir(journal, { recursive: true });
    const text = line === undefined ? "" : recordText(line.chain, line.text, undefined);
    await writeFile(join(journal, "00000001.log"), text);
  };
  await keepInJournal(lines[0]);
  await sink.take({ writer: writer.writer, lines, mark: undefined });
  nowMs += dayMs;
  await sink.take({ writer: writer.writer, lines, mark: undefined });
  expect(settled()).toBe(2);

  const later = writer.line(anEntry(nowMs));
  await keepInJournal(later);
  nowMs += dayMs;
  await sink.take({ writer: writer.writer, lines: [later], mark: undefined });
  expect(settled()).toBe(1);
});

test("the audit files alone keep marks of their own, in Redis' company", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const writer = aWriter();
  const batch = writer.batch(writer.lines([anEntry(startMs)]));
  {
    await using sink = await openAuditFilesSink({ dataDir, chainKey });
    expect(await sink.mark(writer.writer)).toBeUndefined();
    expect(await sink.take(batch)).toEqual({ added: 1, spent: [], refused: [] });
    expect((await sink.take(batch)).added).toBe(0);
  }
  await using sink = await openAuditFilesSink({ dataDir, chainKey });
  expect(await sink.mark(writer.writer)).toEqual(batch.mark);
  expect(readdirSync(dataDir)).not.toContain("ledger.db");
  await using reader = await openSqliteReader({ dataDir });
  expect((await reader.list({ ...total, limit: 9 })).records).toHaveLength(1);
});

test("a prompt that was erased, or whose time is over, is on the disk no more", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  await using sink = await openSqliteSink({ dataDir, chainKey });
  await using reader = await openSqliteReader({ dataDir });
  const writer = aWriter();
  const entries = [anEntry(startMs), anEntry(startMs, { tenant: "zeta" })];
  const secret = (tenant: string) => `the secret of ${tenant} `.repeat(500);
  const payloads = entries.map(({ id, tenant }) =>
    writer.payload({ id, tenant, prompt: secret(tenant), answer: "a", cut: false }),
  );
  await sink.take(writer.batch([...writer.lines(entries), ...payloads]));
  const onDisk = async (text: string) => {
    const names = readdirSync(join(dataDir, "audit"));
    const files = await Promise.all(names.map((name) => readFile(join(dataDir, "audit", name))));
    return files.some((file) => file.includes(text));
  };
  expect(await onDisk("the secret of acme")).toBe(true);
  expect(await reader.erasePayload("acme", entries[0]?.id ?? "")).toBe(true);
  expect(await onDisk("the secret of acme")).toBe(false);
  expect(await onDisk("the secret of zeta")).toBe(true);
  const keep = { tenantId: "acme", auditDays: undefined, payloadDays: 30 };
  await sink.runRetention({ auditDays: 90, tenants: [keep] }, startMs + dayMs / 2);
  expect(await onDisk("the secret of zeta")).toBe(false);
  expect(
    (await sink.runRetention({ auditDays: 90, tenants: [keep] }, startMs + 40 * dayMs))
      .removedFiles,
  ).toBe(1);
});

test("the retention does a bounded part of its work at a time, and says when there is more", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  await using sink = await openSqliteSink({ dataDir, chainKey });
  const writer = aWriter();
  const entries = Array.from({ length: 4_100 }, (_, index) => anEntry(startMs + index));
  const others = Array.from({ length: 6 }, (_, index) => anEntry(startMs - (20 + index) * dayMs));
  await sink.take(writer.batch(writer.lines([...entries, ...others])));
  const policies = {
    auditDays: 10,
    tenants: [{ tenantId: "acme", auditDays: 1, payloadDays: undefined }],
  };
  const run = () => sink.runRetention(policies, startMs + 3 * dayMs);
  const first = await run();
  expect(first).toMatchObject({ removedFiles: 4, isFinished: false });
  expect(first.emptiedRecords).toBeLessThan(4_102);
  expect(await run()).toMatchObject({ removedFiles: 2, isFinished: true });
  const last = await run();
  expect(last).toEqual({ removedFiles: 0, emptiedRecords: 0, erasedPayloads: 0, isFinished: true });
  await using reader = await openSqliteReader({ dataDir });
  expect((await reader.list({ ...total, limit: 9 })).records).toEqual([]);
  expect(await reader.get("acme", entries[0]?.id ?? "")).toBeUndefined();
});

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // Closed meanwhile.
  }
}
