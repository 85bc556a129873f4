import { expect, test } from "vitest";

import { newId } from "../../../../src/lib/ids.ts";
import type { JobsRecord } from "../../../../src/pipeline/journal.ts";
import { verifyLink } from "../../../../src/pipeline/audit/chain.ts";
import { listSegments } from "../../../../src/stores/disk/journal-files.ts";
import { jobsText, parseLine } from "../../../../src/stores/disk/journal-line.ts";
import { interruptedEntry } from "../../../../src/stores/disk/interrupted-entry.ts";
import { feederLab } from "../../../support/feeder-lab.ts";
import {
  auditEntry,
  chainKey,
  linesOf,
  startJournal,
  startRecord,
} from "../../../support/journal-lab.ts";
import { allRecords } from "../../../support/journal-lab.ts";
import { MemoryBooks } from "../../../support/memory-books.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

const someJobs = (text = "a\tsecret\nplan\u0000"): JobsRecord => ({
  kind: "judge",
  tenant: "acme",
  priority: 5,
  jobs: [
    { id: "judge:1:relevance", payload: { evaluator: "relevance" } },
    { id: "judge:1:toxicity", payload: { evaluator: "toxicity" } },
  ],
  shared: { text },
});

test("jobs are journalled as they are, beside the chain of records", async () => {
  await using folder = await tempFolder();
  await using open = await startJournal(folder.path);
  const { journal } = open;
  journal.record(auditEntry());
  journal.jobs(someJobs());
  journal.record(auditEntry());
  const { lines, damaged } = await linesOf(folder.path, journal.writer);
  expect(damaged).toBe(0);
  expect(lines.map(({ kind }) => kind)).toEqual(["record", "jobs", "record"]);
  expect(lines.flatMap((line) => (line.kind === "jobs" ? [line.jobs] : []))).toEqual([someJobs()]);
  const records = await allRecords(folder.path);
  expect(records.map(({ chain }) => chain.seq)).toEqual([1, 2]);
  for (const { chain, text } of records) expect(verifyLink(chainKey, chain, text)).toBe(true);
  expect(journal.stats).toMatchObject({ linesAppended: 3, recordsAppended: 2 });
});

test("a line of jobs that was changed is none, and one that is no JSON says so when it is read", () => {
  const text = jobsText(someJobs()).slice(0, -1);
  expect(parseLine("", text)?.kind).toBe("jobs");
  expect(parseLine("", text.replace("secret", "sacred"))).toBeUndefined();
  const line = parseLine("", sealedNonsense);
  if (line?.kind !== "jobs") throw new Error("it is a line of jobs");
  expect(() => line.jobs).toThrow(SyntaxError);
  expect(line.checksum).toMatch(/^[\da-f]{8}$/);
});

/** `j`, a tab, and what is no JSON; with the checksum of that. */
const sealedNonsense = "ca846edd\tj\tnonsense";

test("jobs of a request that its process died with are no reason to think that it ended", async () => {
  await using folder = await tempFolder();
  const cut = startRecord();
  {
    await using open = await startJournal(folder.path);
    open.journal.start(cut);
    open.journal.jobs(someJobs());
  }
  await using _next = await startJournal(folder.path);
  const [record] = await allRecords(folder.path);
  expect(record?.record).toMatchObject({ id: cut.id, outcome: interruptedEntry(cut, 0).outcome });
});

test("where the journal is almost full, jobs are dropped and counted, and records are not", async () => {
  await using folder = await tempFolder();
  await using open = await startJournal(folder.path, { bytesMax: 40_000 });
  const { journal, events } = open;
  while (journal.stats.bytes < 33_000) journal.record(auditEntry());
  for (const _ of [1, 2, 3]) journal.jobs(someJobs());
  journal.record(auditEntry());
  expect(journal.stats.dropped).toEqual({ payloads: 0, jobs: 3, starts: 0, records: 0 });
  expect(journal.stats.linesWaiting).toBe(0);
  expect(events.map(({ message }) => message)).toEqual([
    "Jobs, as to judge an answer, are being lost: the journal has no room.",
  ]);
});

test("in memory jobs take less room than what is to be accounted for", async () => {
  await using folder = await tempFolder();
  await using open = await startJournal(folder.path, { bytesMax: 1, waitingBytesMax: 40_000 });
  const { journal } = open;
  journal.record(auditEntry());
  const before = journal.stats.linesWaiting;
  for (let count = 0; count < 100; count++) journal.jobs(someJobs("x".repeat(500)));
  expect(journal.stats.linesWaiting).toBe(before);
  expect(journal.stats.dropped.jobs).toBe(100);
  journal.start(startRecord({ id: newId() }));
  journal.record(auditEntry());
  expect(journal.stats.dropped).toMatchObject({ starts: 0, records: 0 });
});

test("a store of jobs that takes nothing holds back no more than half of the journal", async () => {
  await using folder = await tempFolder();
  await using open = await startJournal(folder.path, {
    bytesMax: 60_000,
    segmentBytesMax: 4_000,
    keepMs: 0,
  });
  const { journal, events } = open;
  journal.useSinks(["sqlite", "jobs"]);
  const fillTo = async (bytes: number): Promise<void> => {
    while (journal.stats.bytes < bytes) {
      journal.jobs(someJobs());
      journal.record(auditEntry());
    }
    journal.acknowledge("sqlite", journal.writer, journal.position);
    await journal.sweep();
  };
  await fillTo(24_000);
  expect((await listSegments(folder.path, journal.writer))[0]).toBe(1);
  expect(events).toEqual([]);
  await fillTo(45_000);
  // Half of it beside the segment that is written to, and no less: what the store may still take is kept.
  expect(journal.stats.bytes).toBeLessThanOrEqual(34_000);
  expect(journal.stats.bytes).toBeGreaterThan(25_000);
  expect(journal.stats.dropped).toMatchObject({ records: 0 });
  expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(["journal_jobs_lost"]));
  journal.acknowledge("jobs", journal.writer, journal.position);
  const told = events.length;
  await fillTo(45_000);
  expect(events).toHaveLength(told);
  await fillTo(45_000);
  expect(events.length).toBeGreaterThan(told);
});

test("what is to be judged is not put aside where it is refused", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const journal = await lab.journal();
  books.before = ({ lines }) =>
    Promise.resolve(lines.map((line) => ({ line, reason: "not wanted" })));
  await journal.append(jobsText(someJobs()));
  await journal.append(`${sealedNonsense}\n`);
  await journal.append(jobsText(someJobs()).replace("secret", "secrét"));
  lab.feeder.wrote(journal.writer, journal.position);
  expect(await lab.feeder.flush(5_000)).toEqual({ behind: [] });
  expect(lab.feeder.stats().quarantined).toEqual({ memory: 2, torn: 1 });
  for (const from of ["memory", "torn"]) {
    expect(JSON.stringify(await lab.quarantined(from))).not.toMatch(/secr|plan/);
  }
});
