import { expect, test } from "vitest";

import { KeyCensus } from "../../../../src/stores/sqlite/cache/key-census.ts";
import type { CountedRow } from "../../../../src/stores/sqlite/cache/key-census.ts";
import { KnownKeys } from "../../../../src/stores/sqlite/cache/known-keys.ts";
import { untilTrue } from "../../../support/redis.ts";

const row = (id: number, tenantId = "acme"): CountedRow => ({ id, tenantId, key: `key-${id}` });

const rowsOf = (count: number): CountedRow[] =>
  Array.from({ length: count }, (_, index) => row(index + 1));

/** A file of which only its keys are there. */
function aFile(count: number) {
  const file = {
    rows: rowsOf(count),
    problem: "",
    get lastRowId() {
      return file.rows.at(-1)?.id ?? 0;
    },
    rowsAfter: (id: number, limit: number) =>
      file.rows.filter((each) => each.id > id).slice(0, limit),
  };
  let published: KnownKeys | undefined;
  const census = new KeyCensus({
    use: (work) => {
      if (file.problem !== "") throw new Error(file.problem);
      return work(file);
    },
    publish: (memory) => {
      published = memory && new KnownKeys(memory);
    },
  });
  return { file, census, published: () => published };
}

const isPublished = ({ published }: ReturnType<typeof aFile>) =>
  untilTrue("its keys are known", () => Promise.resolve(published() !== undefined));

const isMissing = (known: KnownKeys | undefined, { tenantId, key }: CountedRow): boolean =>
  known?.mayHave(tenantId, key) === false;

test("every key that was added may be there, and hardly any other", () => {
  const known = KnownKeys.withRoomFor(20_000);
  for (const { tenantId, key } of rowsOf(20_000)) known.add(tenantId, key);
  const read = new KnownKeys(known.memory);
  expect(rowsOf(20_000).filter((each) => isMissing(read, each))).toEqual([]);
  const others = rowsOf(20_000).map(({ id }) => row(id, "zeta"));
  const maybe = others.filter((each) => !isMissing(read, each)).length;
  expect(maybe / others.length).toBeLessThan(0.02);
});

test("with far more keys than it has room for it still says no to none of them", () => {
  const known = KnownKeys.withRoomFor(1);
  for (const { tenantId, key } of rowsOf(5_000)) known.add(tenantId, key);
  expect(rowsOf(5_000).filter((each) => isMissing(known, each))).toEqual([]);
});

test("a tenant's key is not another's, wherever the one ends and the other begins", () => {
  const known = KnownKeys.withRoomFor(100);
  known.add("ac", "mek");
  expect([known.mayHave("ac", "mek"), known.mayHave("acme", "k")]).toEqual([true, false]);
});

test("what a file has is known when all of it was counted, and not before", async () => {
  const run = aFile(3_500);
  run.census.settle();
  expect(run.published()).toBeUndefined();
  await isPublished(run);
  expect(run.file.rows.filter((each) => isMissing(run.published(), each))).toEqual([]);
  expect(isMissing(run.published(), row(9_999))).toBe(true);
});

test("what is written while others are counted is known as well", async () => {
  const run = aFile(3_500);
  run.census.settle();
  const written = [row(50_000), row(60_000)];
  run.census.add(written);
  await isPublished(run);
  expect(written.filter((each) => isMissing(run.published(), each))).toEqual([]);
});

test("after many more were written it is made anew, and loses none", async () => {
  const run = aFile(0);
  run.census.settle();
  await isPublished(run);
  const first = run.published();
  run.file.rows = rowsOf(40_000);
  run.census.add(run.file.rows);
  run.census.settle();
  await untilTrue("it is made anew", () => Promise.resolve(run.published() !== first));
  expect(run.file.rows.filter((each) => isMissing(run.published(), each))).toEqual([]);
  expect(run.published()?.memory.byteLength).toBeGreaterThan(first?.memory.byteLength ?? 0);
});

test("while the file cannot be used nothing is known, and all of it is when it can be", async () => {
  const run = aFile(10);
  run.file.problem = "no disk";
  run.census.settle();
  run.file.problem = "";
  expect(run.published()).toBeUndefined();
  run.census.settle();
  await isPublished(run);
  run.census.withhold();
  expect(run.published()).toBeUndefined();
  run.census.add([row(11)]);
  run.census.settle();
  expect(isMissing(run.published(), row(11))).toBe(false);
});

test("another file in its place is counted from its beginning, even in the middle of a count", async () => {
  const run = aFile(3_500);
  run.census.settle();
  run.census.forget();
  run.file.rows = rowsOf(20).map(({ id }) => row(id, "zeta"));
  run.census.settle();
  await isPublished(run);
  expect(run.file.rows.filter((each) => isMissing(run.published(), each))).toEqual([]);
  expect(isMissing(run.published(), row(3))).toBe(true);
});
