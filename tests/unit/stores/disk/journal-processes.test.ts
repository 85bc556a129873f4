import { spawnSync } from "node:child_process";
import { stat } from "node:fs/promises";

import { expect, test } from "vitest";

import { newId } from "../../../../src/lib/ids.ts";
import { follows, verifyLink } from "../../../../src/pipeline/audit/chain.ts";
import type { AuditEntry } from "../../../../src/pipeline/audit/entry.ts";
import { segmentPath } from "../../../../src/stores/disk/journal-files.ts";
import { allRecords, chainKey, recordsOf, startJournal } from "../../../support/journal-lab.ts";
import { launchJournal, startJournalProcess } from "../../../support/journal-process.ts";
import type { JournalProcess } from "../../../support/journal-process.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

/** Processes have to start, several at a time. */
const patienceMs = 60_000;

const idsOf = (count: number) => Array.from({ length: count }, newId);

async function status(child: JournalProcess) {
  const answer = await child.ask({ kind: "status" });
  return answer.kind === "status" ? answer : expect.fail(answer.kind);
}

/** How often each request was recorded, in all journals of the directory. */
async function countsById(dataDir: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { record } of await allRecords(dataDir)) {
    counts.set(record.id, (counts.get(record.id) ?? 0) + 1);
  }
  return counts;
}

const onceEach = (ids: readonly string[]) => new Map(ids.toSorted().map((id) => [id, 1]));
const sorted = <Value>(map: ReadonlyMap<string, Value>) => new Map([...map].toSorted());

test(
  "what a killed process had appended is there, and its unfinished requests are interrupted",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    const [ended, cut] = [idsOf(50), idsOf(5)];
    const killed = await startJournalProcess({ dataDir: folder.path });
    await killed.ask({ kind: "start", ids: [...ended, ...cut] });
    await killed.ask({ kind: "record", ids: ended });
    await killed.kill();

    await using open = await startJournal(folder.path);
    expect(open.journal.adopted).toEqual([killed.writer]);
    expect(sorted(await countsById(folder.path))).toEqual(onceEach([...ended, ...cut]));
    const interrupted = await recordsOf(folder.path, open.journal.writer);
    expect(interrupted.map(({ record }) => record.id).toSorted()).toEqual(cut.toSorted());
  },
);

test(
  "a directory is refused while its process lives, and not after it was killed",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    await using first = await startJournalProcess({ dataDir: folder.path });
    await expect(startJournalProcess({ dataDir: folder.path })).rejects.toThrow(
      `in use by process ${first.pid} on `,
    );
    await first.kill();
    await using second = await startJournalProcess({ dataDir: folder.path });
    expect(second.adopted).toEqual([first.writer]);
  },
);

test(
  "of processes that start at the same time, one gets the directory",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    const launched = Array.from({ length: 4 }, () => launchJournal({ dataDir: folder.path }));
    const starts = await Promise.allSettled(launched.map(({ opened }) => opened));
    await Promise.all(launched.map((child) => child.kill()));
    expect(starts.map(({ status: end }) => end).toSorted()).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "rejected",
    ]);
  },
);

test(
  "a dead writer is adopted by exactly one of those that look at the same time",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    const shared = { dataDir: folder.path, isShared: true };
    const [ended, cut] = [idsOf(20), idsOf(300)];
    const living = await Promise.all(Array.from({ length: 3 }, () => startJournalProcess(shared)));
    const killed = await startJournalProcess(shared);
    expect(living.flatMap(({ adopted }) => adopted)).toEqual([]);
    await killed.ask({ kind: "start", ids: [...ended, ...cut] });
    await killed.ask({ kind: "record", ids: ended });
    await killed.kill();

    const answers = await Promise.all(living.map((child) => child.ask({ kind: "adopt" })));
    const taken = answers.flatMap((answer) => (answer.kind === "adopted" ? answer.writers : []));
    expect(taken).toEqual([killed.writer]);
    const again = await Promise.all(living.map((child) => child.ask({ kind: "adopt" })));
    expect(again).toEqual(living.map(() => ({ kind: "adopted", writers: [] })));
    expect(sorted(await countsById(folder.path))).toEqual(onceEach([...ended, ...cut]));
    await Promise.all(living.map((child) => child.kill()));
  },
);

test(
  "adopters that are killed in the middle leave each request with one record",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    const shared = { dataDir: folder.path, isShared: true, segmentBytesMax: 100_000 };
    const cut = idsOf(4_000);
    const dead = await startJournalProcess(shared);
    await dead.ask({ kind: "start", ids: cut });
    await dead.kill();

    const isBegun = async () => (await allRecords(folder.path)).length;
    let before = 0;
    for (let kills = 0; kills < 3; kills++) {
      const adopter = launchJournal(shared);
      adopter.opened.catch(() => undefined); // It is killed before it opens, most likely.
      await expect.poll(isBegun, { interval: 1, timeout: 20_000 }).toBeGreaterThan(before);
      await adopter.kill();
      before = Math.min(await isBegun(), cut.length - 1);
    }
    await using _last = await startJournalProcess(shared);
    expect(sorted(await countsById(folder.path))).toEqual(onceEach(cut));
  },
);

const canLimit = spawnSync("prlimit", ["--version"]).status === 0;

/** Files may not grow beyond so many blocks of 512 bytes; Node would otherwise end at the signal that comes with it. */
const limitedTo = (blocks: number) => `trap '' XFSZ; ulimit -S -f ${blocks}`;

test.skipIf(!canLimit)(
  "a disk that takes no more costs nothing: what waited is there, in order, once it takes it again",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    await using child = await startJournalProcess({ dataDir: folder.path, shell: limitedTo(200) });
    const ids = idsOf(60);
    await child.ask({ kind: "record", ids: ids.slice(0, 8) });
    setFileLimit(child.pid, 0);
    await child.ask({ kind: "record", ids: ids.slice(8, 50) });
    const full = await status(child);
    expect(full.stats.linesWaiting).toBe(42);
    await expect.poll(async () => (await status(child)).unwritten).toBe(42);
    expect(full.events).toEqual(["journal_unwritable"]);
    expect(full.mustRefuse).toBe(false);

    setFileLimit(child.pid, "unlimited");
    await child.ask({ kind: "record", ids: ids.slice(50) });
    await expect
      .poll(async () => (await status(child)).stats.linesWaiting, { timeout: 10_000 })
      .toBe(0);
    expect((await status(child)).events).toEqual(["journal_unwritable", "journal_writable_again"]);
    const records = await recordsOf(folder.path, child.writer);
    expect(records.map(({ record }) => record.id)).toEqual(ids);
    expectChain(records);
  },
);

test.skipIf(!canLimit)(
  "a line that was cut short spoils nothing after it, and comes again whole",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    await using child = await startJournalProcess({ dataDir: folder.path, shell: limitedTo(16) });
    const ids = idsOf(30);
    await child.ask({ kind: "record", ids });
    const { size } = await stat(segmentPath(folder.path, child.writer, 1));
    expect(size % 512).toBe(0); // Cut off at the limit, in the middle of a line.
    setFileLimit(child.pid, "unlimited");
    await expect
      .poll(async () => (await status(child)).stats.linesWaiting, { timeout: 10_000 })
      .toBe(0);
    const read = await child.ask({ kind: "read" });
    expect(read).toEqual({ kind: "read", ids, damaged: expect.any(Number) as number });
    expect(read.kind === "read" && read.damaged).toBeGreaterThan(0);
    expectChain(await recordsOf(folder.path, child.writer));
  },
);

test.skipIf(!canLimit)(
  "where the operator wants it, requests are refused once memory is full too",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    await using child = await startJournalProcess({
      dataDir: folder.path,
      shell: limitedTo(16),
      waitingBytesMax: 100_000,
      onDiskFull: "refuse",
    });
    setFileLimit(child.pid, 0);
    await child.ask({ kind: "record", ids: idsOf(200) });
    const full = await status(child);
    expect(full.mustRefuse).toBe(true);
    expect(full.stats.dropped.records).toBeGreaterThan(0);
    expect(full.stats.bytesWaiting).toBeLessThanOrEqual(100_000);
    expect(full.events).toEqual(["journal_unwritable", "journal_dropping"]);
    setFileLimit(child.pid, "unlimited");
    await expect
      .poll(async () => (await status(child)).mustRefuse, { timeout: 10_000 })
      .toBe(false);
    await expect
      .poll(async () => (await status(child)).stats.linesWaiting, { timeout: 10_000 })
      .toBe(0);
    expectChain(await recordsOf(folder.path, child.writer));
  },
);

const canMount = spawnSync("unshare", ["-rm", "true"]).status === 0;

test.skipIf(!canMount || !canLimit)(
  "a full file system is survived in the same way, and read on when there is room",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    const mount = `mount -t tmpfs -o size=192k tmpfs '${folder.path}'`;
    const inItsOwn = `if [ "$OWN" = "" ]; then OWN=1 exec unshare -rm sh -c '${mount.replaceAll("'", `'\\''`)}; exec "$@"' sh "$@"; fi`;
    await using child = await startJournalProcess({
      dataDir: folder.path,
      shell: inItsOwn,
      segmentBytesMax: 20_000,
    });
    const ids = idsOf(150);
    await child.ask({ kind: "record", ids });
    const full = await status(child);
    expect(full.stats.linesWaiting).toBeGreaterThan(0);
    expect(full.stats.linesWaiting).toBeLessThan(ids.length);
    const freed = spawnSync("nsenter", [
      "-t",
      String(child.pid),
      "-U",
      "-m",
      "--preserve-credentials",
      "mount",
      "-o",
      "remount,size=4m",
      folder.path,
    ]);
    expect(String(freed.stderr)).toBe("");
    await expect
      .poll(async () => (await status(child)).stats.linesWaiting, { timeout: 10_000 })
      .toBe(0);
    expect(await child.ask({ kind: "read" })).toMatchObject({ ids });
  },
);

test.skipIf(!canLimit)(
  "a process that ends while the disk is full says what is lost",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    await using child = await startJournalProcess({ dataDir: folder.path, shell: limitedTo(16) });
    await child.ask({ kind: "record", ids: idsOf(30) });
    setFileLimit(child.pid, 0);
    await child.ask({ kind: "close" });
    expect((await status(child)).events).toContain("journal_dropping");
  },
);

test(
  "the lease of a request that was cut goes with its record",
  { timeout: patienceMs },
  async () => {
    await using folder = await tempFolder();
    const killed = await startJournalProcess({ dataDir: folder.path });
    const ids = idsOf(1);
    await killed.ask({ kind: "start", ids, lease: '{"held":[1]}' });
    await killed.kill();
    await using _open = await startJournal(folder.path);
    const [interrupted] = await allRecords(folder.path);
    expect(interrupted?.lease).toBe('{"held":[1]}');
    expect((interrupted?.record as AuditEntry).outcome).toBe("interrupted");
  },
);

function setFileLimit(pid: number, bytes: number | "unlimited"): void {
  const { status: code, stderr } = spawnSync("prlimit", [
    "--pid",
    String(pid),
    `--fsize=${bytes}:unlimited`,
  ]);
  expect(`${code} ${stderr.toString()}`).toBe("0 ");
}

function expectChain(records: Awaited<ReturnType<typeof recordsOf>>): void {
  for (const [at, { chain, text }] of records.entries()) {
    const before = records[at - 1]?.chain;
    expect(verifyLink(chainKey, chain, text)).toBe(true);
    expect(before === undefined ? chain.seq === 1 : follows(chain, before)).toBe(true);
  }
}
