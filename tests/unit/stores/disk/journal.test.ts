import { readdir } from "node:fs/promises";

import { expect, test } from "vitest";

import { newId } from "../../../../src/lib/ids.ts";
import {
  follows,
  noHash,
  verifyCheckpoint,
  verifyLink,
} from "../../../../src/pipeline/audit/chain.ts";
import type { AuditEntry } from "../../../../src/pipeline/audit/entry.ts";
import {
  journalFolder,
  listSegments,
  listWriters,
} from "../../../../src/stores/disk/journal-files.ts";
import type { JournalPosition } from "../../../../src/stores/disk/journal-line.ts";
import {
  allRecords,
  auditEntry,
  chainKey,
  linesOf,
  recordsOf,
  startJournal,
  startRecord,
} from "../../../support/journal-lab.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

const payload = (id: string, length = 10) => ({
  id,
  tenant: "acme",
  prompt: "p".repeat(length),
  answer: "ä",
  cut: false,
});

test("what is appended comes back in order, and the chain holds", async () => {
  await using folder = await tempFolder();
  await using open = await startJournal(folder.path);
  const { journal } = open;
  const start = startRecord({ lease: '{"held":5}' });
  const entry = auditEntry({ id: start.id, model: "größe 🌍 \u2028" });
  journal.start(start);
  journal.payload(payload(start.id));
  journal.record(entry, '{"held":5}');
  journal.record(auditEntry());

  const { lines, damaged } = await linesOf(folder.path, journal.writer);
  expect(damaged).toBe(0);
  expect(lines.map((line) => line.kind)).toEqual(["start", "payload", "record", "record"]);
  expect(lines[0]).toEqual({ kind: "start", start });
  expect(lines[1]).toEqual({ kind: "payload", payload: payload(start.id) });
  const [first = expect.fail(), second = expect.fail()] = await recordsOf(
    folder.path,
    journal.writer,
  );
  expect(first.record).toEqual(entry);
  expect(first.text).toBe(JSON.stringify(entry));
  expect(first.lease).toBe('{"held":5}');
  expect(second.lease).toBeUndefined();
  expect(first.chain).toMatchObject({ writer: journal.writer, seq: 1, prevHash: noHash });
  expect(follows(second.chain, first.chain)).toBe(true);
  expect(verifyLink(chainKey, first.chain, first.text)).toBe(true);
  expect(verifyLink(chainKey, second.chain, second.text)).toBe(true);
});

test("whoever follows the journal hears once per turn how far it can be read", async () => {
  await using folder = await tempFolder();
  await using open = await startJournal(folder.path);
  const { journal } = open;
  const heard: JournalPosition[] = [];
  journal.onWritten((position) => heard.push(position));
  for (let count = 0; count < 5; count++) journal.record(auditEntry());
  expect(heard).toEqual([]);
  await expect.poll(() => heard).toEqual([journal.position]);
  journal.record(auditEntry());
  await expect.poll(() => heard).toHaveLength(2);
});

test("a full segment is followed by the next, and nothing is lost between them", async () => {
  await using folder = await tempFolder();
  await using open = await startJournal(folder.path, { segmentBytesMax: 5_000 });
  const { journal } = open;
  const ids = Array.from({ length: 40 }, newId);
  for (const id of ids) journal.record(auditEntry({ id }));
  await journal.sync();
  expect(await listSegments(folder.path, journal.writer)).toHaveLength(journal.position.segment);
  expect(journal.position.segment).toBeGreaterThan(5);
  expect(journal.stats.segments).toBe(journal.position.segment);
  const records = await recordsOf(folder.path, journal.writer);
  expect(records.map(({ record }) => record.id)).toEqual(ids);
});

test("a writer's first record names the last hash of the one before, also when its journal is gone", async () => {
  await using folder = await tempFolder();
  const hashes: string[] = [];
  const clock = manualClock(Date.now());
  for (let run = 0; run < 3; run++) {
    await using open = await startJournal(folder.path, { clock });
    const { journal } = open;
    journal.useSinks([]);
    clock.advance(4_000_000);
    await journal.sweep();
    journal.record(auditEntry());
    journal.record(auditEntry());
    const [first = expect.fail(), last = expect.fail()] = await recordsOf(
      folder.path,
      journal.writer,
    );
    expect(first.chain.prevHash).toBe(hashes.at(-1) ?? noHash);
    hashes.push(last.chain.hash);
    expect(await listWriters(folder.path)).toEqual([journal.writer]);
  }
});

test("writers sort in the order of their starts, also when the clock was set back", async () => {
  await using folder = await tempFolder();
  const writers: string[] = [];
  for (const startMs of [3_000_000_000_000, 2_000_000_000_000, 1_000_000_000_000]) {
    await using open = await startJournal(folder.path, { clock: manualClock(startMs) });
    open.journal.record(auditEntry());
    writers.push(open.journal.writer);
  }
  expect(writers.toSorted()).toEqual(writers);
});

test("a directory in use is refused, with the process that uses it", async () => {
  await using folder = await tempFolder();
  {
    await using _first = await startJournal(folder.path);
    const second = startJournal(folder.path);
    await expect(second).rejects.toThrow(`in use by process ${process.pid} on `);
    await expect(startJournal(folder.path, { isShared: true })).rejects.toThrow(
      "in use by process",
    );
  }
  await using _later = await startJournal(folder.path);
});

test("several share a directory where that is wanted, and then none has it alone", async () => {
  await using folder = await tempFolder();
  await using first = await startJournal(folder.path, { isShared: true });
  await using second = await startJournal(folder.path, { isShared: true });
  expect(first.journal.adopted).toEqual([]);
  expect(second.journal.adopted).toEqual([]);
  expect(second.journal.writer).not.toBe(first.journal.writer);
  await expect(startJournal(folder.path)).rejects.toThrow("SENTINEL_STORE=redis");
});

test("a journal in which nothing was written leaves nothing", async () => {
  await using folder = await tempFolder();
  {
    await using _open = await startJournal(folder.path);
  }
  expect(await listWriters(folder.path)).toEqual([]);
});

test("a request without a record becomes interrupted at the next start, once", async () => {
  await using folder = await tempFolder();
  const cut = startRecord({ lease: '{"held":7}' });
  const ended = startRecord();
  {
    await using open = await startJournal(folder.path);
    open.journal.start(cut);
    open.journal.start(ended);
    open.journal.record(auditEntry({ id: ended.id }));
  }
  for (let run = 0; run < 2; run++) {
    await using open = await startJournal(folder.path);
    expect(open.journal.adopted.length).toBeGreaterThan(0);
    const events = open.events.map(({ message }) => message).join();
    if (run === 0) expect(events).toContain("left 1 request unfinished");
    else expect(events).toBe("");
  }
  const records = await allRecords(folder.path);
  expect(records.filter(({ record }) => record.id === ended.id)).toHaveLength(1);
  const [interrupted = expect.fail(), ...more] = records.filter(
    ({ record }) => record.id === cut.id,
  );
  expect(more).toEqual([]);
  expect(interrupted.lease).toBe('{"held":7}');
  expect(verifyLink(chainKey, interrupted.chain, interrupted.text)).toBe(true);
  expect(interrupted.record as AuditEntry).toMatchObject({
    tenant: "acme",
    outcome: "interrupted",
    status: 500,
    cost_nano_usd: 300_000,
    cost_usd: "0.000300000",
    cost_status: "estimated",
    usage: { input_tokens: 1_200, output_tokens: 0, source: "estimated" },
  });
});

test("a request that began many segments ago is found again, and its segments are kept while it runs", async () => {
  await using folder = await tempFolder();
  const clock = manualClock(Date.now());
  const cut = startRecord();
  {
    await using open = await startJournal(folder.path, {
      segmentBytesMax: 4_000,
      keepMs: 0,
      clock,
    });
    const { journal } = open;
    journal.useSinks([]);
    const pass = (count: number): void => {
      for (let at = 0; at < count; at++) {
        const start = startRecord();
        journal.start(start);
        journal.record(auditEntry({ id: start.id }));
      }
    };
    pass(10);
    const began = journal.position.segment;
    journal.start(cut);
    pass(10);
    clock.advance(1_000);
    await journal.sweep();
    expect((await listSegments(folder.path, journal.writer))[0]).toBe(began);
    clock.advance(25 * 3_600_000);
    await journal.sweep();
    expect(await listSegments(folder.path, journal.writer)).toEqual([journal.position.segment]);
    journal.start(cut);
    pass(10);
  }
  await using open = await startJournal(folder.path);
  const interrupted = await recordsOf(folder.path, open.journal.writer);
  expect(interrupted.map(({ record }) => record.id)).toEqual([cut.id]);
});

test("the chain is signed at the end of each hour in which something was recorded, and at the end", async () => {
  await using folder = await tempFolder();
  const clock = manualClock(Date.UTC(2026, 0, 31, 22, 59, 59));
  let writer = "";
  {
    await using open = await startJournal(folder.path, { clock });
    const { journal } = open;
    writer = journal.writer;
    journal.record(auditEntry());
    clock.advance(5_000);
    journal.record(auditEntry());
    journal.record(auditEntry());
    clock.advance(3 * 3_600_000);
    journal.record(auditEntry());
    clock.advance(7);
  }
  const { lines } = await linesOf(folder.path, writer);
  const points = lines.filter((line) => line.kind === "checkpoint");
  expect(
    points.map(({ seq, count, epochMs }) => [seq, count, new Date(epochMs).toISOString()]),
  ).toEqual([
    [1, 1, "2026-01-31T22:59:59.999Z"],
    [3, 3, "2026-01-31T23:59:59.999Z"],
    [4, 4, "2026-02-01T02:00:04.007Z"],
  ]);
  const records = await recordsOf(folder.path, writer);
  for (const point of points) {
    expect(verifyCheckpoint(chainKey, point)).toBe(true);
    expect(records[point.seq - 1]?.chain.hash).toBe(point.hash);
  }
});

test("a segment goes once every sink has it and it is old enough, a dead writer's folder with its last", async () => {
  await using folder = await tempFolder();
  const clock = manualClock(Date.now());
  let dead = "";
  {
    await using open = await startJournal(folder.path, { clock });
    dead = open.journal.writer;
    open.journal.record(auditEntry());
  }
  await using open = await startJournal(folder.path, { segmentBytesMax: 3_000, clock });
  const { journal } = open;
  for (let count = 0; count < 9; count++) journal.record(auditEntry());
  const segments = () => listSegments(folder.path, journal.writer);
  const all = await segments();
  expect(all.length).toBeGreaterThan(3);
  const end = { segment: 99, offset: 0 };

  clock.advance(4_000_000);
  await journal.sweep();
  expect(await segments()).toEqual(all); // Nobody has said which sinks there are.
  journal.useSinks(["sqlite", "redis"]);
  journal.acknowledge("sqlite", journal.writer, end);
  journal.acknowledge("sqlite", dead, { segment: 1, offset: 1_000_000 });
  await journal.sweep();
  expect(await segments()).toEqual(all);
  journal.acknowledge("redis", journal.writer, { segment: 3, offset: 0 });
  await journal.sweep();
  expect(await segments()).toEqual(all.slice(2));
  expect(journal.adopted).toEqual([dead]);

  const bytesBefore = journal.stats.bytes;
  journal.acknowledge("redis", dead, { segment: 1, offset: 1_000_000 });
  await journal.sweep();
  expect(journal.adopted).toEqual([]);
  expect(await listWriters(folder.path)).toEqual([journal.writer]);
  expect(journal.stats.bytes).toBeLessThan(bytesBefore);
  journal.useSinks(["sqlite"]);
  await journal.sweep();
  expect(await segments()).toEqual(all.slice(-1)); // The one that is written is never deleted.
  expect(journal.stats.segments).toBe(1);
});

test("a segment that is not old enough is kept, although every sink has it", async () => {
  await using folder = await tempFolder();
  await using open = await startJournal(folder.path, { segmentBytesMax: 3_000 });
  const { journal } = open;
  journal.useSinks(["sqlite"]);
  for (let count = 0; count < 9; count++) journal.record(auditEntry());
  journal.acknowledge("sqlite", journal.writer, { segment: 99, offset: 0 });
  await journal.sweep();
  expect((await listSegments(folder.path, journal.writer))[0]).toBe(1);
});

test("at the bound of its size payloads go first, then records wait in memory until there is room again", async () => {
  await using folder = await tempFolder();
  const clock = manualClock(Date.now());
  await using open = await startJournal(folder.path, {
    clock,
    bytesMax: 40_000,
    segmentBytesMax: 4_000,
    keepMs: 0,
  });
  const { journal, events } = open;
  const unwritten: string[] = [];
  journal.onUnwritten((lines) => unwritten.push(...lines));
  const ids: string[] = [];
  const record = (): void => {
    const entry = auditEntry();
    ids.push(entry.id);
    journal.record(entry);
  };
  while (journal.stats.bytes < 33_000) record();
  journal.payload(payload(newId()));
  expect(journal.stats.dropped).toEqual({ payloads: 1, jobs: 0, starts: 0, records: 0 });
  expect(journal.stats.linesWaiting).toBe(0);
  for (let count = 0; count < 12; count++) record();
  const waiting = journal.stats.linesWaiting;
  expect(waiting).toBeGreaterThan(3);
  await expect.poll(() => unwritten).toHaveLength(waiting);

  journal.useSinks([]);
  clock.advance(1_000);
  await journal.sweep();
  expect(journal.stats.linesWaiting).toBe(0);
  expect(events.map(({ kind }) => kind)).toEqual([
    "journal_dropping",
    "journal_unwritable",
    "journal_writable_again",
  ]);
  const kept = await recordsOf(folder.path, journal.writer);
  expect(kept.map(({ record: { id } }) => id)).toEqual(ids.slice(-kept.length));
  expect(kept.length).toBeGreaterThanOrEqual(waiting);
  for (const [at, line] of kept.entries()) {
    const before = kept[at - 1];
    if (before !== undefined) expect(follows(line.chain, before.chain)).toBe(true);
  }
});

test("memory is bounded: payloads are given up first, then starts, then records, which leave no gap", async () => {
  await using folder = await tempFolder();
  const clock = manualClock(Date.now());
  await using open = await startJournal(folder.path, {
    clock,
    bytesMax: 20_000,
    segmentBytesMax: 4_000,
    waitingBytesMax: 60_000,
    keepMs: 0,
    onDiskFull: "refuse",
  });
  const { journal } = open;
  while (journal.stats.linesWaiting === 0) journal.record(auditEntry());
  expect(journal.mustRefuse).toBe(false);
  while (journal.stats.dropped.starts === 0) journal.start(startRecord());
  expect(journal.stats.dropped.records).toBe(0);
  expect(journal.mustRefuse).toBe(false);
  while (journal.stats.dropped.records === 0) journal.record(auditEntry());
  expect(journal.mustRefuse).toBe(true);
  expect(journal.stats.bytesWaiting).toBeLessThanOrEqual(60_000);

  journal.useSinks([]);
  clock.advance(25 * 3_600_000);
  await expect
    .poll(async () => {
      await journal.sweep();
      return journal.stats.linesWaiting;
    })
    .toBe(0);
  expect(journal.mustRefuse).toBe(false);
  journal.record(auditEntry());
  const kept = await recordsOf(folder.path, journal.writer);
  for (const [at, line] of kept.entries()) {
    const before = kept[at - 1];
    if (before !== undefined) expect(follows(line.chain, before.chain)).toBe(true);
  }
});

test("nothing but the journal's own files is touched, and only this user can read them", async () => {
  await using folder = await tempFolder();
  await using open = await startJournal(folder.path);
  open.journal.record(auditEntry());
  expect((await readdir(folder.path)).toSorted()).toEqual(["journal"]);
  expect((await readdir(journalFolder(folder.path))).toSorted()).toEqual(
    [open.journal.writer, "lock", "process.json"].toSorted(),
  );
});
