import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { payloadText } from "../../../../src/stores/disk/journal-line.ts";
import type { JournalPosition } from "../../../../src/stores/disk/journal-line.ts";
import { openBooks } from "../../../../src/stores/books/open.ts";
import type { Books, BooksEvent, FedJournal } from "../../../../src/stores/books/open.ts";
import { anEntry } from "../../../support/audit-builders.ts";
import { journalFile } from "../../../support/journal-file.ts";
import type { JournalFile } from "../../../support/journal-file.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

const everything = { behind: [] };

test("what is appended is fed, what is fed is acknowledged, and what budgets come to is told", async () => {
  await using lab = await booksLab();
  const ids = await lab.append(3);
  expect(await lab.books.flush()).toEqual(everything);
  expect(await lab.taken()).toEqual(ids);
  expect(lab.acknowledged.get(`memory ${lab.journal.writer}`)).toEqual(lab.journal.position);
  expect(lab.sinks).toEqual(["memory"]);
  expect(lab.spent.get("acme t")).toBe(3n * 123_450n);
});

test("the journals of dead processes are fed first, and `replayed` says when they are", async () => {
  await using lab = await booksLab({ recordsOfDead: 40 });
  await lab.books.replayed;
  expect(await lab.taken()).toEqual(lab.idsOfDead);
});

test("an appended record is fed within a few milliseconds, without being asked for", async () => {
  await using lab = await booksLab();
  await lab.append(1);
  await lab.books.flush();
  const begunMs = performance.now();
  await lab.append(1);
  await expect.poll(async () => (await lab.taken()).length, { interval: 1 }).toBe(2);
  expect(performance.now() - begunMs).toBeLessThan(250);
});

test.for(["exit", "throw"])(
  "a thread that dies (%s) is reported and started again, and nothing is lost",
  async (order) => {
    await using lab = await booksLab({ recordsOfDead: 5 });
    await lab.books.replayed;
    const first = await lab.append(5);
    await lab.order(order);
    const restarted = expect.objectContaining({ kind: "thread_restarted" }) as unknown;
    await expect.poll(() => lab.events).toContainEqual(restarted);
    const second = await lab.append(5);
    expect(await lab.books.flush()).toEqual(everything);
    expect(await lab.taken()).toEqual([...lab.idsOfDead, ...first, ...second]);
    expect(lab.events.map(({ kind }) => kind)).toEqual(["thread_died", "thread_restarted"]);
    expect(lab.books.stats()).toMatchObject({ isRunning: true, restarts: 1 });
    if (order === "throw") expect(lab.events[0]).toMatchObject({ message: "a slip" });
  },
);

test("a thread that hangs is ended and started again", async () => {
  await using lab = await booksLab({ silentMsMax: 2_000 });
  await lab.order("block");
  const ids = await lab.append(2);
  expect(await lab.books.flush(50)).toEqual({ behind: ["memory"] });
  expect(await lab.books.flush()).toEqual(everything);
  expect(await lab.taken()).toEqual(ids);
  expect(lab.events[0]).toMatchObject({ kind: "thread_died" });
});

test("a thread that needs too much memory dies alone", async () => {
  await using lab = await booksLab();
  await lab.order("fill the heap");
  const ids = await lab.append(2);
  expect(await lab.books.flush(20_000)).toEqual(everything);
  expect(await lab.taken()).toEqual(ids);
}, 30_000);

test("a thread that hangs does not keep the books from being closed", async () => {
  const lab = await booksLab();
  await lab.order("block");
  await lab.append(1);
  expect(await lab.books.flush(50)).toEqual({ behind: ["memory"] });
  const begunMs = performance.now();
  await lab.books[Symbol.asyncDispose]();
  expect(performance.now() - begunMs).toBeLessThan(5_000);
  await lab[Symbol.asyncDispose]();
});

test("closing feeds what was appended last", async () => {
  await using lab = await booksLab();
  const ids = await lab.append(300);
  await lab.books[Symbol.asyncDispose]();
  expect(await lab.taken()).toEqual(ids);
  expect(lab.acknowledged.get(`memory ${lab.journal.writer}`)).toEqual(lab.journal.position);
  expect(lab.events).toEqual([]);
  expect(await lab.books.flush()).toEqual({ behind: ["memory"] });
});

test("lines that the disk did not take are fed from memory", async () => {
  await using lab = await booksLab();
  const payload = { tenant: "acme", answer: "", cut: false };
  lab.unwritten([payloadText({ ...payload, id: anEntry(Date.now()).id, prompt: "nothing" })]);
  expect(await lab.books.flush()).toEqual(everything);
  expect(lab.books.stats().sinks[0]).toMatchObject({ sink: "memory", lines: 1 });
});

test("a store that lost everything is given it again when it is asked for", async () => {
  await using lab = await booksLab();
  await lab.append(4);
  await lab.books.flush();
  lab.books.rewind("memory", "all");
  await lab.books.flush();
  expect(lab.books.stats().sinks[0]).toMatchObject({ lines: 8, added: 4, rewinds: 1 });
  expect(lab.events).toEqual([{ kind: "sink_rewound", sink: "memory", since: "all" }]);
});

test("a thread that cannot be started is an error that says why", async () => {
  await using lab = await booksLab();
  const opening = openBooks({
    journal: lab.fedJournal,
    config: lab.config,
    onSpent: () => undefined,
    onEvent: () => undefined,
    thread: new URL("no-such-thread.ts", import.meta.url),
  });
  await expect(opening).rejects.toThrow(/books' thread cannot be started.*no-such-thread/s);
});

async function booksLab({
  recordsOfDead = 0,
  silentMsMax = 120_000,
}: { readonly recordsOfDead?: number; readonly silentMsMax?: number } = {}) {
  const folder = await tempFolder();
  const dead = await journalFile(folder.path);
  const idsOfDead = await dead.records(recordsOfDead);
  const journal = await journalFile(folder.path);
  const seen = fedJournalOf(journal, recordsOfDead > 0 ? [dead.writer] : []);
  const events: BooksEvent[] = [];
  const spent = new Map<string, bigint>();
  const config = {
    dataDir: folder.path,
    store: "sqlite",
    redisUrls: undefined,
    hasAuditFiles: false,
    auditRetentionDays: 90,
    chainKey: Buffer.alloc(32, 7),
    auditRedisHours: 48,
  } as const;
  const books: Books = await openBooks({
    journal: seen.fedJournal,
    config,
    onSpent: (told) => {
      for (const { tenantId, keyId, periodId, spentNanoUsd } of told) {
        const name = [tenantId, keyId, periodId].filter((part) => part !== undefined).join(" ");
        spent.set(name, spentNanoUsd);
      }
    },
    onEvent: (event) => events.push(event),
    thread: new URL("../../../support/books-thread.ts", import.meta.url),
    limits: { restartMs: 10, silentMsMax, closeMsMax: 500, heapMebibytesMax: 64 },
  });
  return {
    ...seen,
    books,
    config,
    events,
    idsOfDead,
    journal,
    spent,
    append: async (count: number): Promise<string[]> => {
      const ids = await journal.records(count);
      seen.wrote();
      return ids;
    },
    /** Does something to the thread, once. */
    order: async (prompt: string): Promise<void> => {
      const payload = { id: anEntry(Date.now()).id, tenant: "acme", answer: "", cut: false };
      await journal.append(payloadText({ ...payload, prompt }));
      seen.wrote();
    },
    /** The ids of the records that the store was given, in order. */
    taken: async (): Promise<string[]> => {
      const text = await readFile(join(folder.path, "taken.json"), "utf8").catch(() => "[]");
      return text === "" ? [] : (JSON.parse(text) as string[]);
    },
    [Symbol.asyncDispose]: async () => {
      await books[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function fedJournalOf(journal: JournalFile, adopted: readonly string[]) {
  const acknowledged = new Map<string, JournalPosition>();
  const sinks: string[] = [];
  let wrote: (position: JournalPosition) => void = () => undefined;
  let unwritten: (lines: readonly string[]) => void = () => undefined;
  const fedJournal: FedJournal = {
    writer: journal.writer,
    get position() {
      return journal.position;
    },
    adopted,
    adoptDead: () => Promise.resolve([]),
    onWritten: (listener) => {
      wrote = listener;
    },
    onUnwritten: (listener) => {
      unwritten = listener;
    },
    useSinks: (names) => sinks.splice(0, sinks.length, ...names),
    acknowledge: (sink, writer, position) => acknowledged.set(`${sink} ${writer}`, position),
  };
  return {
    fedJournal,
    acknowledged,
    sinks,
    wrote: () => {
      wrote(journal.position);
    },
    unwritten: (lines: readonly string[]) => {
      unwritten(lines.map((line) => line.trimEnd()));
    },
  };
}
