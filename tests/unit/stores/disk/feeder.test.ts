import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { feedingTimes } from "../../../../src/stores/disk/feeder-lane.ts";
import { recordText } from "../../../../src/stores/disk/journal-line.ts";
import { anEntry, aWriter } from "../../../support/audit-builders.ts";
import { feederLab } from "../../../support/feeder-lab.ts";
import { aPayloadLine } from "../../../support/journal-file.ts";
import { MemoryBooks } from "../../../support/memory-books.ts";

const flushMs = 5_000;
const everything = { behind: [] };

test("what was appended reaches every store, in order, and its mark is told", async () => {
  await using lab = await feederLab(new MemoryBooks("a"), new MemoryBooks("b"));
  const journal = await lab.journal();
  const ids = await journal.records(700);
  lab.feeder.wrote(journal.writer, journal.position);
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  for (const books of lab.books) {
    expect(books.ids).toEqual(ids);
    expect(lab.marks.get(`${books.name} ${journal.writer}`)).toEqual(journal.position);
    expect(books.held.marks.get(journal.writer)).toEqual(journal.position);
  }
});

test("a line is parsed once for all stores that are at the same place", async () => {
  await using lab = await feederLab(new MemoryBooks("a"), new MemoryBooks("b"));
  const journal = await lab.journal();
  await journal.records(100);
  lab.feeder.wrote(journal.writer, journal.position);
  await lab.feeder.flush(flushMs);
  const [first, second] = lab.books.map(({ lines }) => lines);
  expect(first).toHaveLength(100);
  expect(first?.every((line, index) => line === second?.[index])).toBe(true);
});

test("a record reaches an idle store within a few milliseconds", async () => {
  await using lab = await feederLab(new MemoryBooks());
  const journal = await lab.journal();
  const tookMs: number[] = [];
  for (let count = 1; count <= 9; count += 1) {
    await journal.records(1);
    const begunMs = performance.now();
    lab.feeder.wrote(journal.writer, journal.position);
    await lab.books[0]?.holds(count);
    tookMs.push(performance.now() - begunMs);
  }
  const median = tookMs.sort((left, right) => left - right)[4];
  expect(median).toBeLessThan(feedingTimes.restMs + 15);
});

test("under load batches grow: a store is not woken for each record", async () => {
  await using lab = await feederLab(new MemoryBooks());
  const [books] = lab.books;
  const journal = await lab.journal();
  for (let count = 0; count < 300; count += 1) {
    await journal.records(1);
    lab.feeder.wrote(journal.writer, journal.position);
  }
  await lab.feeder.flush(flushMs);
  expect(books?.ids).toHaveLength(300);
  expect(books?.batches.length).toBeLessThan(150);
});

test("a batch has no more lines and bytes than it may, and a long line goes by itself", async () => {
  await using lab = await feederLab(new MemoryBooks());
  const journal = await lab.journal();
  await journal.records(600);
  for (const _ of Array(4)) await journal.append(aPayloadLine("x".repeat(1_500_000)));
  lab.feeder.wrote(journal.writer, journal.position);
  await lab.feeder.flush(flushMs);
  expect(lab.books[0]?.batches.map(({ lines }) => lines.length)).toEqual([250, 250, 102, 2]);
});

test("a store that fails is tried again from the same place and holds up no other", async () => {
  const [bad, good] = [new MemoryBooks("bad"), new MemoryBooks("good")];
  await using lab = await feederLab(bad, good);
  const journal = await lab.journal();
  bad.before = () => Promise.reject(new Error("no room"));
  const ids = await journal.records(3);
  lab.feeder.wrote(journal.writer, journal.position);
  expect(await lab.feeder.flush(flushMs)).toEqual({ behind: ["bad"] });
  expect(good.ids).toEqual(ids);
  expect(lab.feeder.stats().sinks[0]).toMatchObject({ sink: "bad", failure: "no room" });

  bad.before = () => Promise.resolve([]);
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  expect(bad.ids).toEqual(ids);
  expect(lab.feeder.stats().sinks[0]).toMatchObject({ failure: undefined, lagMs: 0 });
  expect(lab.events.map(({ kind }) => kind)).toEqual(["sink_failed", "sink_recovered"]);
});

test("a store that fails is tried again without being asked to", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const journal = await lab.journal();
  let failuresLeft = 3;
  books.before = () => {
    failuresLeft -= 1;
    return failuresLeft < 0 ? Promise.resolve([]) : Promise.reject(new Error("not now"));
  };
  const ids = await journal.records(1);
  lab.feeder.wrote(journal.writer, journal.position);
  await books.holds(1);
  expect(books.ids).toEqual(ids);
});

test("a batch that was kept and not acknowledged comes again, and counts once", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const journal = await lab.journal();
  books.after = () => Promise.reject(new Error("the line went dead"));
  await journal.records(10);
  lab.feeder.wrote(journal.writer, journal.position);
  expect(await lab.feeder.flush(flushMs)).toEqual({ behind: ["memory"] });
  books.after = () => Promise.resolve();
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  expect(books.lines.length).toBeGreaterThanOrEqual(20);
  expect(books.ids).toHaveLength(10);
  expect(lab.feeder.stats().sinks[0]?.added).toBe(0);
});

test("a store that hangs holds up no other, no flush beyond its limit, and no end", async () => {
  const [stuck, good] = [new MemoryBooks("stuck"), new MemoryBooks("good")];
  const lab = await feederLab(stuck, good);
  const journal = await lab.journal();
  stuck.before = () => new Promise(() => undefined);
  const ids = await journal.records(3);
  lab.feeder.wrote(journal.writer, journal.position);
  expect(await lab.feeder.flush(50)).toEqual({ behind: ["stuck"] });
  expect(good.ids).toEqual(ids);
  // Its time is over before this: it has failed, and the flush that waits for it ends.
  expect(await lab.feeder.flush(flushMs)).toEqual({ behind: ["stuck"] });
  expect(lab.feeder.stats().sinks[0]?.failure).toContain("did not take a batch in time");
  await lab[Symbol.asyncDispose]();
});

test("a store that was not there at first is asked for its mark until it answers", async () => {
  const books = new MemoryBooks();
  let isThere = false;
  const sink = books.open();
  await using lab = await feederLab({
    ...sink,
    mark: (writer) => (isThere ? sink.mark(writer) : Promise.reject(new Error("not there"))),
  });
  const journal = await lab.journal();
  const ids = await journal.records(3);
  lab.feeder.wrote(journal.writer, journal.position);
  expect(await lab.feeder.flush(flushMs)).toEqual({ behind: ["memory"] });
  isThere = true;
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  expect(books.ids).toEqual(ids);
});

test("feeding goes on at the store's mark", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const journal = await lab.journal();
  await journal.records(5);
  const mark = journal.position;
  books.restore({ ...books.held, marks: new Map([[journal.writer, mark]]) });
  const ids = await journal.records(5);
  lab.feeder.adopt(journal.writer);
  await lab.feeder.flush(flushMs);
  expect(books.ids).toEqual(ids);
  expect(lab.marks.get(`memory ${journal.writer}`)).toEqual(journal.position);
});

test("an ended writer is read to its end, over segments, its torn tail put aside", async () => {
  await using lab = await feederLab(new MemoryBooks());
  const journal = await lab.journal();
  const first = await journal.records(2);
  journal.nextSegment();
  const second = await journal.records(2);
  await journal.append('1234abcd\tr\t5\taa\tbb\t-\t{"id":"01');
  lab.feeder.adopt(journal.writer);
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  expect(lab.books[0]?.ids).toEqual([...first, ...second]);
  expect(lab.feeder.stats().quarantined).toEqual({ torn: 1 });
  expect(lab.marks.get(`memory ${journal.writer}`)).toEqual(journal.position);
});

test("a half-written last line of a living writer waits for its other half", async () => {
  await using lab = await feederLab(new MemoryBooks());
  const journal = await lab.journal();
  const writer = aWriter();
  const line = writer.line(anEntry(Date.now()));
  const text = recordText(line.chain, line.text, undefined);
  lab.feeder.wrote(journal.writer, await journal.append(text.slice(0, 100)));
  await lab.feeder.flush(200);
  expect(lab.books[0]?.ids).toEqual([]);
  lab.feeder.wrote(journal.writer, await journal.append(text.slice(100)));
  await lab.books[0]?.holds(1);
  expect(lab.feeder.stats().quarantined).toEqual({});
});

test("changed and torn lines are put aside once for all stores, and the rest goes on", async () => {
  await using lab = await feederLab(new MemoryBooks("a"), new MemoryBooks("b"));
  const journal = await lab.journal();
  const first = await journal.records(1);
  const line = aWriter().line(anEntry(Date.now(), { model: "smart" }));
  await journal.append(recordText(line.chain, line.text, undefined).replace("smart", "dumb!"));
  await journal.append(Buffer.from([0x80, 0x00, 0xff, 0x0a, 0x0a, 0x0a]));
  const last = await journal.records(1);
  lab.feeder.wrote(journal.writer, journal.position);
  await lab.feeder.flush(flushMs);
  for (const { ids } of lab.books) expect(ids).toEqual([...first, ...last]);
  expect(lab.feeder.stats().quarantined).toEqual({ torn: 2 });
  expect(lab.events.map(({ kind }) => kind)).toEqual(["line_quarantined", "line_quarantined"]);
  const notes = await lab.quarantined("torn");
  expect(notes).toHaveLength(2);
  expect(notes[0]).toMatchObject({ writer: journal.writer, reason: "changed" });
  expect(notes[0]?.["text"]).toContain("dumb!");
});

test("a line that a store refuses is put aside with its reason, and does not come again", async () => {
  const [picky, other] = [new MemoryBooks("picky"), new MemoryBooks("other")];
  await using lab = await feederLab(picky, other);
  const journal = await lab.journal();
  const [refusedId, ...rest] = await journal.records(3);
  picky.before = ({ lines }) => {
    const line = lines.find((each) => each.kind === "record" && each.record.id === refusedId);
    return Promise.resolve(line === undefined ? [] : [{ line, reason: "too old" }]);
  };
  lab.feeder.wrote(journal.writer, journal.position);
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  expect(picky.ids).toEqual(rest);
  expect(other.ids).toEqual([refusedId, ...rest]);
  lab.feeder.rewind("picky", "all");
  await lab.feeder.flush(flushMs);
  expect(lab.feeder.stats().quarantined).toEqual({ picky: 1 });
  const notes = await lab.quarantined("picky");
  expect(notes).toMatchObject([{ reason: "too old" }]);
  expect(notes[0]?.["text"]).toContain(refusedId);
});

test("prompts are not put aside: a payload's text stays out of the quarantine", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const journal = await lab.journal();
  books.before = ({ lines }) =>
    Promise.resolve(lines.map((line) => ({ line, reason: "not wanted" })));
  await journal.append(aPayloadLine("a secret plan"));
  await journal.append(aPayloadLine("another secret plan").replace("another", "anothér"));
  lab.feeder.wrote(journal.writer, journal.position);
  await lab.feeder.flush(flushMs);
  expect(lab.feeder.stats().quarantined).toEqual({ memory: 1, torn: 1 });
  for (const from of ["memory", "torn"]) {
    expect(JSON.stringify(await lab.quarantined(from))).not.toContain("secret");
  }
});

test("a store that lost everything gets all of it again", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const [ended, living] = [await lab.journal(), await lab.journal()];
  const ids = [...(await ended.records(300)), ...(await living.records(300))];
  lab.feeder.adopt(ended.writer);
  lab.feeder.wrote(living.writer, living.position);
  await lab.feeder.flush(flushMs);
  books.loseAll();
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  expect([...books.ids].sort()).toEqual(ids.sort());
  expect(lab.events).toContainEqual({ kind: "sink_rewound", sink: "memory", since: "all" });
});

test("a store that lost what it took last gets that again, and little else", async () => {
  const books = new MemoryBooks();
  let nowMs = 1_000_000;
  await using lab = await feederLab(books, { now: () => nowMs });
  const journal = await lab.journal();
  const feedMore = async (): Promise<string[]> => {
    nowMs += 2_000;
    const ids = await journal.records(10);
    lab.feeder.wrote(journal.writer, journal.position);
    await lab.feeder.flush(flushMs);
    return ids;
  };
  const ids = [...(await feedMore()), ...(await feedMore())];
  const kept = books.held;
  const sinceMs = nowMs + 1;
  ids.push(...(await feedMore()), ...(await feedMore()));
  books.lines.length = 0;
  books.restore(kept, { epochMs: sinceMs });
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  expect(books.ids).toEqual(ids);
  expect(books.lines).toHaveLength(20);
});

test("a loss while a batch is under way does not move the place beyond it", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const journal = await lab.journal();
  const ids = await journal.records(500);
  let isFirst = true;
  books.after = () => {
    if (books.batches.length === 2 && isFirst) {
      isFirst = false;
      books.loseAll();
    }
    return Promise.resolve();
  };
  lab.feeder.wrote(journal.writer, journal.position);
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  expect(books.ids).toEqual(ids);
});

test("after a loss no mark beyond it is given before what was lost has come again", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const journal = await lab.journal();
  const ids = await journal.records(600);
  books.after = () => {
    // The second batch is being read then.
    if (books.batches.length === 1) setImmediate(() => books.loseAll());
    return Promise.resolve();
  };
  lab.feeder.wrote(journal.writer, journal.position);
  await expect.poll(() => books.ids.length).toBe(600);
  const [, second] = books.batches;
  const [line] = second?.lines ?? [];
  expect(line?.kind === "record" ? line.record.id : undefined).toBe(ids[0]);
});

test("lines from memory reach the stores without a mark, and count once when the disk has them", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const journal = await lab.journal();
  const writer = aWriter();
  const lines = writer.lines([anEntry(Date.now()), anEntry(Date.now())]);
  const texts = lines.map(({ chain, text }) => recordText(chain, text, undefined));
  lab.feeder.takeUnwritten(
    journal.writer,
    texts.map((text) => text.trimEnd()),
  );
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  expect(books.ids).toHaveLength(2);
  expect(books.batches[0]?.mark).toBeUndefined();
  expect(books.held.marks.size).toBe(0);
  lab.feeder.wrote(journal.writer, await journal.append(texts.join("")));
  await lab.feeder.flush(flushMs);
  expect(books.ids).toHaveLength(2);
  expect(books.held.marks.get(journal.writer)).toEqual(journal.position);
});

test("a writer whose files cannot be read keeps no other from being fed", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const [broken, fine] = [await lab.journal(), await lab.journal()];
  const ids = await fine.records(2);
  await mkdir(join(lab.path, "journal", broken.writer, "00000001.log"));
  lab.feeder.adopt(broken.writer);
  lab.feeder.wrote(fine.writer, fine.position);
  expect(await lab.feeder.flush(flushMs)).toEqual({ behind: ["memory"] });
  await books.holds(2);
  expect(books.ids).toEqual(ids);
  expect(lab.feeder.stats().sinks[0]?.failure).toContain(broken.writer);
});

test("a flush answers for what was there when it was asked, also while more comes", async () => {
  const books = new MemoryBooks();
  await using lab = await feederLab(books);
  const journal = await lab.journal();
  const over = new AbortController();
  const writing = (async () => {
    while (!over.signal.aborted) {
      await journal.records(5);
      lab.feeder.wrote(journal.writer, journal.position);
    }
  })();
  await books.holds(20);
  const before = journal.position;
  expect(await lab.feeder.flush(flushMs)).toEqual(everything);
  const mark = books.held.marks.get(journal.writer) ?? { segment: 0, offset: 0 };
  expect(mark.offset).toBeGreaterThanOrEqual(before.offset);
  over.abort();
  await writing;
});
