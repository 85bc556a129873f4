import { expect, test } from "vitest";

import { LinePlaces } from "../../../../src/stores/disk/sink-lag.ts";
import { auditEntry, startJournal } from "../../../support/journal-lab.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

test("a sink that has taken nothing lacks every line and byte of the journal", async () => {
  await using folder = await tempFolder();
  await using lab = await startJournal(folder.path);
  const { journal } = lab;
  journal.useSinks(["ledger"]);
  journal.record(auditEntry());
  journal.record(auditEntry());
  expect(journal.lags()).toEqual([
    { sink: "ledger", bytes: journal.stats.bytes, lines: journal.stats.linesAppended },
  ]);
});

test("a sink that has taken all lacks nothing", async () => {
  await using folder = await tempFolder();
  await using lab = await startJournal(folder.path);
  const { journal } = lab;
  journal.useSinks(["ledger", "audit"]);
  journal.record(auditEntry());
  journal.acknowledge("ledger", journal.writer, journal.position);
  const [ledger, audit] = journal.lags();
  expect(ledger).toEqual({ sink: "ledger", bytes: 0, lines: 0 });
  expect(audit).toEqual({ sink: "audit", bytes: journal.stats.bytes, lines: 1 });
});

test("lines are counted from the last known place that the sink has passed", () => {
  const places = new LinePlaces();
  places.note({ segment: 1, offset: 100 }, 10, 0);
  places.note({ segment: 1, offset: 150 }, 15, 50); // Too soon after the one before.
  places.note({ segment: 2, offset: 20 }, 30, 200);
  const end = { segment: 2, offset: 90, lines: 45 };
  expect(places.linesAfter({ segment: 1, offset: 100 }, end)).toBe(35);
  expect(places.linesAfter({ segment: 1, offset: 180 }, end)).toBe(35);
  expect(places.linesAfter({ segment: 2, offset: 20 }, end)).toBe(15);
  expect(places.linesAfter({ segment: 2, offset: 90 }, end)).toBe(0);
  expect(places.linesAfter(undefined, end)).toBe(45);
});

test("the places that are kept are bounded, and the figure stays near", () => {
  const places = new LinePlaces();
  for (let line = 1; line <= 20_000; line++) {
    places.note({ segment: 1, offset: line * 100 }, line, line * 100);
  }
  const end = { segment: 1, offset: 2_000_000, lines: 20_000 };
  const left = places.linesAfter({ segment: 1, offset: 1_000_000 }, end);
  expect(left).toBeGreaterThanOrEqual(10_000);
  expect(left).toBeLessThan(10_020);
});
