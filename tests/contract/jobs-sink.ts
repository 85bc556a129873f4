import { describe, expect, test } from "vitest";

import type { JobRoom, JobStore } from "../../src/jobs/job-store.ts";
import type { JobsRecord } from "../../src/pipeline/journal.ts";
import type { JobsInbox } from "../../src/stores/books/jobs-inbox.ts";
import { jobsSink } from "../../src/stores/books/jobs-sink.ts";
import { jobsText, parseLine } from "../../src/stores/disk/journal-line.ts";
import type { JournalLine, JournalPosition } from "../../src/stores/disk/journal-line.ts";
import type { JournalSink } from "../../src/stores/disk/journal-sink.ts";
import { anEntry, aWriter } from "../support/audit-builders.ts";
import { claim, idsOf, nextMillisecond } from "./job-store-run.ts";

export interface InboxRun extends AsyncDisposable {
  readonly store: JobStore;
  openInbox(room?: JobRoom): Promise<JobsInbox>;
  /** Everything is gone. */
  loseAll(): Promise<void>;
  /** What `work` changed is gone. */
  losing(work: () => Promise<void>): Promise<void>;
}

type OpenInboxRun = () => Promise<InboxRun>;

const aRecord = (ids: readonly string[], fields: Partial<JobsRecord> = {}): JobsRecord => ({
  kind: "judge",
  tenant: "acme",
  priority: 5,
  jobs: ids.map((id) => ({ id, payload: { evaluator: id } })),
  shared: { text: "what was said" },
  ...fields,
});

const lineOf = (record: JobsRecord): JournalLine => {
  const line = parseLine("", jobsText(record).slice(0, -1));
  if (line === undefined) throw new Error("it cannot be read");
  return line;
};

const jobsLine = (...ids: string[]): JournalLine => lineOf(aRecord(ids));

const lines = aWriter();
const { writer } = lines;
const at = (offset: number): JournalPosition => ({ segment: 1, offset });

const batch = (offset: number | undefined, ...some: JournalLine[]) => ({
  writer,
  lines: some,
  mark: offset === undefined ? undefined : at(offset),
});

/** What the sink of jobs does with every store. */
export function jobsSinkContract(name: string, open: OpenInboxRun): void {
  /** Never looks by itself, unless it is told to. */
  const sinkOn = async (run: InboxRun, options: { room?: JobRoom; lookEveryMs?: number } = {}) => {
    const { room, lookEveryMs = 3_600_000 } = options;
    const sink = jobsSink({ inbox: await run.openInbox(room), lookEveryMs });
    const rewinds: unknown[] = [];
    sink.onRewind((since) => rewinds.push(since));
    return Object.assign(sink, { rewinds });
  };
  const waitingIn = async (run: InboxRun): Promise<string[]> => idsOf(await claim(run.store));
  const reopened = async (run: InboxRun, sink: JournalSink) => {
    await sink[Symbol.asyncDispose]();
    return sinkOn(run);
  };

  describe(`the sink of jobs in ${name}`, () => {
    test("a line's jobs are enqueued, with what they share, and all other lines are let pass", async () => {
      await using run = await open();
      await using sink = await sinkOn(run);
      expect(await sink.mark(writer)).toBeUndefined();
      const record = lines.line(anEntry(Date.now()));
      const payload = {
        id: anEntry(Date.now()).id,
        tenant: "acme",
        prompt: "",
        answer: "",
        cut: false,
      };
      const taken = await sink.take(
        batch(10, record, jobsLine("a", "b"), lines.payload(payload), jobsLine("c")),
      );
      expect(taken).toEqual({ added: 3, spent: [], refused: [] });
      const jobs = await claim(run.store);
      expect(idsOf(jobs)).toEqual(["a", "b", "c"]);
      expect(jobs[0]).toMatchObject({ kind: "judge", tenantId: "acme", priority: 5 });
      expect(JSON.parse(jobs[0]?.payload ?? "")).toEqual({ text: "what was said", evaluator: "a" });
      expect(await sink.mark(writer)).toEqual(at(10));
      expect(await sink.mark("another")).toBeUndefined();
    });

    test("what comes again is no second job, also when it is done", async () => {
      await using run = await open();
      await using sink = await sinkOn(run);
      await sink.mark(writer);
      await sink.take(batch(10, jobsLine("a", "b")));
      const [done] = await claim(run.store, { limit: 1 });
      if (done !== undefined) await run.store.complete(done);
      expect((await sink.take(batch(10, jobsLine("a", "b")))).added).toBe(0);
      expect((await sink.take(batch(undefined, jobsLine("b", "c")))).added).toBe(1);
      await using again = await reopened(run, sink);
      expect((await again.take(batch(20, jobsLine("a", "b", "c")))).added).toBe(0);
      expect(await waitingIn(run)).toEqual(["b", "c"]);
      expect(again.rewinds).toEqual([]);
    });

    test("a mark lags where there were no jobs, and is put when it is looked for, or at the end", async () => {
      await using run = await open();
      await using sink = await sinkOn(run);
      await using inbox = await run.openInbox();
      await sink.mark(writer);
      await sink.take(batch(10, jobsLine("a")));
      const mark = await inbox.mark(writer);
      expect(mark).toMatch(/^1:10:/);
      await sink.take(batch(20));
      expect(await inbox.mark(writer)).toBe(mark);
      await sink[Symbol.asyncDispose]();
      expect(await inbox.mark(writer)).toMatch(/^1:20:/);
      await using looking = await sinkOn(run, { lookEveryMs: 10 });
      expect(await looking.mark(writer)).toEqual(at(20));
      await looking.take(batch(30));
      await expect.poll(() => inbox.mark(writer), { interval: 5 }).toMatch(/^1:30:/);
      expect(looking.rewinds).toEqual([]);
    });

    test("a batch without a mark leaves the mark where it was", async () => {
      await using run = await open();
      await using sink = await sinkOn(run);
      await sink.take(batch(undefined, jobsLine("a")));
      expect(await sink.mark(writer)).toEqual({ segment: 0, offset: 0 });
      await sink.take(batch(10));
      await sink.take(batch(undefined, jobsLine("b")));
      await using again = await reopened(run, sink);
      expect(await again.mark(writer)).toEqual(at(10));
      expect(again.rewinds).toEqual([]);
    });

    test("a store that lost its last jobs is found out by the next ones, and fed again", async () => {
      await using run = await open();
      await using sink = await sinkOn(run);
      await sink.mark(writer);
      await sink.take(batch(10, jobsLine("a")));
      await run.losing(async () => {
        await sink.take(batch(20, jobsLine("lost")));
      });
      expect(sink.rewinds).toEqual([]);
      expect((await sink.take(batch(30, jobsLine("c")))).added).toBe(1);
      expect(sink.rewinds).toEqual(["all"]);
      // The mark is where nothing is missing before it, should the process die now.
      await using again = await reopened(run, sink);
      expect(await again.mark(writer)).toEqual(at(10));
      await again.take(batch(30, jobsLine("a"), jobsLine("lost"), jobsLine("c")));
      expect((await waitingIn(run)).toSorted()).toEqual(["a", "c", "lost"]);
      expect(again.rewinds).toEqual([]);
    });

    test("a store that lost everything is found out without anything new, and goes on", async () => {
      await using run = await open();
      await using sink = await sinkOn(run, { lookEveryMs: 10 });
      await sink.mark(writer);
      await sink.take(batch(10, jobsLine("a")));
      await run.loseAll();
      await expect.poll(() => sink.rewinds, { interval: 5 }).toEqual(["all"]);
      expect((await sink.take(batch(10, jobsLine("a")))).added).toBe(1);
      expect(await waitingIn(run)).toEqual(["a"]);
      expect(sink.rewinds).toEqual(["all"]);
      expect(await sink.mark(writer)).toEqual(at(10));
    });

    test("a full store takes nothing until there is room, and then all of it once", async () => {
      await using run = await open();
      await using sink = await sinkOn(run, { room: { jobsMax: 2, bytesMax: 1_000 } });
      await sink.mark(writer);
      await sink.take(batch(10, jobsLine("a", "b")));
      const refused = sink.take(batch(20, jobsLine("c")));
      await expect(refused).rejects.toMatchObject({ kind: "store_unavailable" });
      expect((await sink.take(batch(10))).added).toBe(0);
      expect(await claim(run.store, { limit: 1 })).toHaveLength(1);
      expect((await sink.take(batch(20, jobsLine("c")))).added).toBe(1);
      expect(await sink.mark(writer)).toEqual(at(20));
      expect(sink.rewinds).toEqual([]);
    });

    test("a line that no store can take is refused, and the others are taken", async () => {
      await using run = await open();
      await using sink = await sinkOn(run);
      const sealed = jobsText(aRecord(["x"]));
      const bad = [
        lineOf(aRecord(["a", "control\u0001"])),
        lineOf(aRecord(["b"], { kind: "No Kind" })),
        lineOf(aRecord(["c"], { priority: 1.5 })),
        lineOf({} as never),
        notJson(),
      ];
      const { added, refused } = await sink.take(batch(10, ...bad, jobsLine("good")));
      expect(added).toBe(1);
      expect(refused.map(({ line }) => line)).toEqual(bad);
      for (const { reason } of refused) expect(reason).not.toContain("what was said");
      expect(await waitingIn(run)).toEqual(["good"]);
      expect(sealed).toContain("what was said");
    });

    test("more jobs than are put at once all arrive, and the mark with the last of them", async () => {
      await using run = await open();
      await using sink = await sinkOn(run);
      const ids = Array.from({ length: 450 }, (_, index) => `job-${1_000 + index}`);
      const some = [jobsLine(...ids.slice(0, 300)), jobsLine(...ids.slice(300))];
      expect((await sink.take(batch(10, ...some))).added).toBe(450);
      await nextMillisecond();
      expect(await run.store.counts()).toMatchObject([{ waiting: 450 }]);
      expect(await sink.mark(writer)).toEqual(at(10));
    });
  });
}

/** Its checksum fits. */
function notJson(): JournalLine {
  return {
    kind: "jobs",
    checksum: "00000000",
    get jobs(): JobsRecord {
      throw new SyntaxError("no JSON");
    },
  };
}
