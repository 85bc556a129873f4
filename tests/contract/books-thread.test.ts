import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ulid } from "ulid";
import { afterAll, beforeAll, expect, test } from "vitest";

import { systemClock } from "../../src/lib/clock.ts";
import type { AuditLog } from "../../src/pipeline/audit/audit-log.ts";
import { openBooks } from "../../src/stores/books/open.ts";
import type { BooksEvent } from "../../src/stores/books/open.ts";
import type { BooksConfig } from "../../src/stores/books/protocol.ts";
import { openJournal } from "../../src/stores/disk/open-journal.ts";
import { redisAuditLog } from "../../src/stores/redis/books/readers.ts";
import { redisJobStore } from "../../src/stores/redis/jobs/job-store.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import { openSqliteReader } from "../../src/stores/sqlite/books/reader.ts";
import { openSqliteJobStore } from "../../src/stores/sqlite/jobs/open.ts";
import { anEntry } from "../support/audit-builders.ts";
import { startRedis } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { tempFolder } from "../support/temp-folder.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server[Symbol.asyncDispose]());

test("with SQLite, what is journalled is in the audit and the ledger when the books are flushed", async () => {
  await using lab = await realBooks({ store: "sqlite" });
  const ids = lab.record(300);
  expect(await lab.books.flush()).toEqual({ behind: [] });
  await using reader = await openSqliteReader({ dataDir: lab.dataDir });
  expect(await idsIn(reader)).toEqual(ids.toReversed());
  const spent = await reader.budgetsSpent(Date.now());
  const total = spent.find(({ keyId, periodId }) => keyId === undefined && periodId === "t");
  expect(total?.spentNanoUsd).toBe(300n * 123_450n);
  expect(lab.events).toEqual([]);
  expect(lab.books.stats().sinks.map(({ sink }) => sink)).toEqual(["sqlite", "jobs"]);
});

test("with Redis, the audit files of this machine are fed beside it", async () => {
  await using lab = await realBooks({ store: "redis", hasAuditFiles: true });
  const ids = lab.record(300);
  expect(await lab.books.flush()).toEqual({ behind: [] });
  expect(lab.books.stats().sinks.map(({ sink }) => sink)).toEqual(["redis", "audit-files", "jobs"]);
  await using redis = await openRedis({ urls: [server.url], purpose: "reports" });
  expect(await idsIn(redisAuditLog({ redis }))).toEqual(ids.toReversed());
  expect(readdirSync(join(lab.dataDir, "audit")).length).toBeGreaterThan(0);
});

test("a Redis that is not there keeps neither the books from opening nor the files from being fed", async () => {
  const redisUrls = ["redis://127.0.0.1:1"];
  const config = { store: "redis", hasAuditFiles: true, redisUrls } as const;
  await using lab = await realBooks({ ...config, closeMsMax: 1_000 });
  const ids = lab.record(5);
  expect(await lab.books.flush(8_000)).toEqual({ behind: ["redis", "jobs"] });
  await using reader = await openSqliteReader({ dataDir: lab.dataDir });
  expect(await idsIn(reader)).toEqual(ids.toReversed());
  expect(lab.events).toHaveLength(2);
  for (const sink of ["redis", "jobs"]) {
    expect(lab.events).toContainEqual(expect.objectContaining({ kind: "sink_failed", sink }));
  }
});

test("closing the books gives the stores what was journalled last", async () => {
  await using lab = await realBooks({ store: "sqlite" });
  const ids = lab.record(20);
  await lab.books[Symbol.asyncDispose]();
  await using reader = await openSqliteReader({ dataDir: lab.dataDir });
  expect(await idsIn(reader)).toEqual(ids.toReversed());
});

test("a database that is damaged is reported, and the process goes on", async () => {
  await using lab = await realBooks({ store: "sqlite", isDamaged: true });
  lab.record(5);
  expect(await lab.books.flush()).toEqual({ behind: ["sqlite"] });
  expect(lab.events).toMatchObject([{ kind: "sink_failed", sink: "sqlite" }]);
});

test.for(["sqlite", "redis"] as const)(
  "with %s, jobs that are journalled can be claimed, once, whatever dies meanwhile",
  async (store) => {
    await using lab = await realBooks({ store });
    await using jobs = await jobStoreOf(store, lab.dataDir);
    lab.record(1);
    lab.work("a", "b");
    expect(await lab.books.flush()).toEqual({ behind: [] });
    const terms = { kinds: ["judge"], worker: "tester", leaseMs: 60_000, limit: 10 };
    const [first] = await jobs.store.claim({ ...terms, limit: 1 });
    expect(first).toMatchObject({ id: "a", tenantId: "acme", priority: 3 });
    expect(JSON.parse(first?.payload ?? "")).toEqual({ text: "said", id: "a" });
    if (first !== undefined) await jobs.store.complete(first);
    lab.books.rewind("jobs", "all");
    lab.work("c");
    await lab.books[Symbol.asyncDispose]();
    const claimed = await jobs.store.claim(terms);
    expect(claimed.map(({ id }) => id)).toEqual(["b", "c"]);
    expect(lab.events).toEqual([{ kind: "sink_rewound", sink: "jobs", since: "all" }]);
  },
);

async function jobStoreOf(store: "sqlite" | "redis", dataDir: string) {
  if (store === "sqlite") {
    const opened = openSqliteJobStore({ path: join(dataDir, "jobs.db") });
    return { store: opened, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
  }
  const redis = await openRedis({ urls: [server.url], purpose: "reports" });
  const opened = redisJobStore({ redis });
  return { store: opened, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
}

const chainKey = Buffer.alloc(32, 7);

async function realBooks({
  isDamaged = false,
  closeMsMax = 10_000,
  ...different
}: Partial<BooksConfig> & { readonly isDamaged?: boolean; readonly closeMsMax?: number }) {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const dataDir = folder.path;
  if (isDamaged) writeFileSync(join(dataDir, "ledger.db"), "not a database".repeat(1_000));
  const journal = resources.use(
    await openJournal({
      dataDir,
      chainKey,
      clock: systemClock,
      bytesMax: 64 * 1024 * 1024,
      keepMs: 3_600_000,
      isShared: different.store === "redis",
      onDiskFull: "continue",
      onEvent: () => undefined,
    }),
  );
  const events: BooksEvent[] = [];
  const books = resources.use(
    await openBooks({
      journal,
      config: {
        dataDir,
        chainKey,
        store: "sqlite",
        redisUrls: [server.url],
        hasAuditFiles: false,
        auditRetentionDays: 90,
        auditRedisHours: 48,
        ...different,
      },
      onSpent: () => undefined,
      onEvent: (event) => events.push(event),
      limits: { closeMsMax },
    }),
  );
  const owned = resources.move();
  const beganMs = Date.now();
  let count = 0;
  return {
    dataDir,
    books,
    events,
    /** Their ids, the first first. */
    record: (number: number): string[] =>
      Array.from({ length: number }, () => {
        const entry = anEntry(beganMs, { id: ulid(beganMs + count++, () => 0) });
        journal.record(entry);
        return entry.id;
      }),
    work: (...ids: string[]): void => {
      const jobs = ids.map((id) => ({ id, payload: { id } }));
      journal.jobs({ kind: "judge", tenant: "acme", priority: 3, jobs, shared: { text: "said" } });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function idsIn(auditLog: AuditLog): Promise<string[]> {
  const span = { tenantId: "acme", fromMs: Date.now() - 60_000, toMs: Date.now() + 60_000 };
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await auditLog.list({ ...span, limit: 200, after });
    ids.push(...page.records.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}
