import fc from "fast-check";
import { expect, test } from "vitest";

import { neighboursMax } from "../../../../src/pipeline/cache/channels.ts";
import { toUnitLength } from "../../../../src/pipeline/cache/embedder.ts";
import { SemanticIndex } from "../../../../src/pipeline/cache/semantic-index.ts";
import type { SemanticEntry } from "../../../../src/pipeline/cache/semantic-store.ts";
import { ShardIndex } from "../../../../src/pipeline/cache/shard-index.ts";
import { similarityAt } from "../../../../src/pipeline/cache/similarity.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const dimensions = 13;
const nowEpochMs = 1_000;

function randomVector(random: () => number, length = dimensions): Float32Array {
  const vector = toUnitLength(Float32Array.from({ length }, () => random() * 2 - 1));
  return vector ?? new Float32Array(length);
}

const entryWith = (fields: Partial<SemanticEntry> & { id: string }): SemanticEntry => ({
  ...{
    tenantId: "t",
    shard: "s",
    answerId: fields.id,
    text: `text ${fields.id}`,
    normalForm: undefined,
  },
  ...{ vector: undefined, embedderId: "e", expiresAtEpochMs: 2_000 },
  ...fields,
});

const asking = (vector: Float32Array | undefined, normalForm?: string) => ({
  vector,
  normalForm,
  nowEpochMs,
});

test("the similarity is the dot product, for any length and place", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer(), (length, seed) => {
      const random = seededRandom(seed);
      const all = Float32Array.from({ length: length * 3 }, () => random() - 0.5);
      const asked = Float32Array.from({ length }, () => random() - 0.5);
      let sum = 0;
      for (const [at, value] of asked.entries()) sum += value * (all[length + at] ?? Number.NaN);
      expect(similarityAt(asked, all, length)).toBeCloseTo(sum, 5);
    }),
  );
});

test("after any adds, replacements and removals it finds what sorting all entries finds", () => {
  const change = fc.record({ id: fc.integer({ min: 0, max: 40 }), isRemoval: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 120 }), fc.integer(), (changes, seed) => {
      const random = seededRandom(seed);
      const index = new ShardIndex(1_000);
      const held = new Map<string, Float32Array>();
      for (const { id, isRemoval } of changes) {
        const name = String(id);
        if (isRemoval) {
          index.remove(new Set([name]));
          held.delete(name);
          continue;
        }
        const vector = randomVector(random);
        index.add(entryWith({ id: name, vector }));
        held.set(name, vector);
      }
      const asked = randomVector(random);
      const expected = [...held]
        .map(([id, vector]) => ({ id, similarity: similarityAt(asked, vector, 0) }))
        .filter(({ similarity }) => similarity > 0)
        .sort((left, right) => right.similarity - left.similarity)
        .slice(0, neighboursMax);
      const found = index.nearest(asking(asked));
      expect(found.map(({ entryId }) => entryId)).toEqual(expected.map(({ id }) => id));
      expect(found.map(({ similarity }) => similarity)).toEqual(
        expected.map(({ similarity }) => similarity),
      );
      expect(index.size).toBe(held.size);
    }),
  );
});

test("an entry that is over is not found, by vector or by form", () => {
  const vector = randomVector(seededRandom(1));
  const index = new ShardIndex(10);
  index.add(entryWith({ id: "old", vector, normalForm: "f", expiresAtEpochMs: nowEpochMs }));
  expect(index.nearest(asking(vector, "f"))).toEqual([]);
  expect(index.nearest({ vector, normalForm: "f", nowEpochMs: nowEpochMs - 1 })).toHaveLength(1);
});

test("the same normal form is found without a vector, and once with one", () => {
  const vector = randomVector(seededRandom(2));
  const index = new ShardIndex(10);
  index.add(entryWith({ id: "plain", normalForm: "what is vat" }));
  index.add(entryWith({ id: "vector", vector, normalForm: "what is tax" }));
  expect(index.nearest(asking(undefined, "what is vat"))).toMatchObject([
    { entryId: "plain", by: "form", similarity: 1 },
  ]);
  expect(index.nearest(asking(vector, "what is tax"))).toMatchObject([
    { entryId: "vector", by: "both" },
  ]);
  expect(index.nearest(asking(vector, "what is it"))).toMatchObject([
    { entryId: "vector", by: "vector" },
  ]);
});

test("a vector of another model's length is never compared", () => {
  const index = new ShardIndex(10);
  index.add(entryWith({ id: "one", vector: randomVector(seededRandom(3)) }));
  const longer = randomVector(seededRandom(4), dimensions + 3);
  index.add(entryWith({ id: "two", vector: longer }));
  expect(index.nearest(asking(longer))).toEqual([]);
});

test("at its bound a shard forgets the oldest entry and stays as large as it is", () => {
  const random = seededRandom(5);
  const index = new ShardIndex(50);
  const vectors = Array.from({ length: 500 }, () => randomVector(random));
  for (const [id, vector] of vectors.entries()) index.add(entryWith({ id: String(id), vector }));
  expect(index.size).toBe(50);
  expect(index.bytes).toBeLessThan(50 * (dimensions * 4 + 600));
  expect(index.entry("449")).toBeUndefined();
  const oldest = vectors[450] ?? new Float32Array(0);
  expect(index.nearest(asking(oldest))[0]?.entryId).toBe("450");
});

test("an answer's tally is seen by all its aliases", () => {
  const random = seededRandom(6);
  const index = new ShardIndex(10);
  const [first, alias] = [randomVector(random), randomVector(random)];
  index.add(entryWith({ id: "first", vector: first }));
  index.add(entryWith({ id: "alias", answerId: "first", vector: alias }));
  index.tally({ answerId: "first", confirmations: 4, refutations: 1 });
  for (const vector of [first, alias])
    expect(index.nearest(asking(vector))[0]).toMatchObject({
      answerId: "first",
      confirmations: 4,
      refutations: 1,
    });
});

test("with an answer go all its aliases, of its own tenant only", () => {
  const vector = randomVector(seededRandom(7));
  const index = new SemanticIndex();
  const [mine, theirs] = ["t", "t2"].map((tenantId) => ({ tenantId, shard: "s" }));
  if (mine === undefined || theirs === undefined) return;
  const entries = [
    entryWith({ id: "a", vector }),
    entryWith({ id: "b", answerId: "a", vector }),
    entryWith({ id: "c", vector }),
  ];
  index.open(mine, entries, []);
  index.open(theirs, entries, []);
  index.remove("t", new Set(["a"]));
  const idsIn = (place: typeof mine) => index.nearest(place, asking(vector)).map((n) => n.entryId);
  expect(idsIn(mine)).toEqual(["c"]);
  expect(idsIn(theirs)).toEqual(["a", "b", "c"]);
});

test("no tenant and no shard finds what another one has", () => {
  const random = seededRandom(8);
  const index = new SemanticIndex();
  const places = ["t1", "t2", "t"].flatMap((tenantId) =>
    ["s1", "s2", "1\ns"].map((shard) => ({ tenantId, shard })),
  );
  const vectors = places.map(() => randomVector(random));
  for (const [at, place] of places.entries())
    index.open(place, [entryWith({ ...place, id: `e${at}`, vector: vectors[at] })], []);
  for (let probe = 0; probe < 10_000; probe++) {
    const at = Math.floor(random() * places.length);
    const vector = vectors[Math.floor(random() * places.length)];
    const place = places[at];
    if (place === undefined) continue;
    for (const { entryId } of index.nearest(place, asking(vector))) expect(entryId).toBe(`e${at}`);
  }
});

test("in all it stays within its bytes, and the shard that was asked for longest ago goes first", () => {
  const random = seededRandom(9);
  const bytesMax = 100_000;
  const index = new SemanticIndex({ shardEntriesMax: 100, bytesMax });
  const place = (shard: number) => ({ tenantId: "t", shard: String(shard) });
  for (let shard = 0; shard < 100; shard++) {
    index.open(place(shard), [], []);
    for (let id = 0; id < 20; id++)
      index.add(entryWith({ ...place(shard), id: `${shard}-${id}`, vector: randomVector(random) }));
    index.nearest(place(0), asking(undefined));
    expect(index.bytes).toBeLessThanOrEqual(bytesMax);
  }
  expect(index.has(place(0))).toBe(true);
  expect(index.has(place(1))).toBe(false);
  expect(index.has(place(99))).toBe(true);
  for (let shard = 0; shard < 100; shard++) index.close(place(shard));
  expect(index.bytes).toBe(0);
});

test("an entry of a shard that is not held is not kept", () => {
  const index = new SemanticIndex();
  index.add(entryWith({ id: "a", vector: randomVector(seededRandom(10)) }));
  expect(index.shards).toBe(0);
  expect(index.bytes).toBe(0);
});

test("what is asked again in the same words is one entry, the newest, but for one that has no vector", () => {
  const index = new ShardIndex(100);
  const random = seededRandom(12);
  const vector = randomVector(random);
  index.add(entryWith({ id: "1", text: "why", vector }));
  index.add(entryWith({ id: "2", text: "why", vector }));
  expect(index.size).toBe(1);
  expect(index.nearest(asking(vector)).map(({ entryId }) => entryId)).toEqual(["2"]);
  index.add(entryWith({ id: "3", text: "why" }));
  expect(index.withText("why")?.id).toBe("2");
  index.remove(new Set(["2"]));
  expect(index.withText("why")).toBeUndefined();
  expect(index.size).toBe(0);
});

test("what is removed from one shard goes there with all that have its answer, and nowhere else", () => {
  const index = new SemanticIndex();
  const places = ["s", "other"].map((shard) => ({ tenantId: "t", shard }));
  for (const place of places) {
    const answers = { a: "a", alias: "a", b: "b" };
    const entries = Object.entries(answers).map(([id, answerId]) =>
      entryWith({ id, answerId, shard: place.shard }),
    );
    index.open(place, entries, []);
  }
  const before = index.bytes;
  index.removeFrom({ tenantId: "t", shard: "s" }, new Set(["a"]));
  expect(places.map((place) => index.size(place))).toEqual([1, 3]);
  expect(index.bytes).toBeLessThan(before);
  index.removeFrom({ tenantId: "t", shard: "not held" }, new Set(["a"]));
  index.remove("t", new Set(["a", "b"]));
  expect(places.map((place) => index.size(place))).toEqual([0, 0]);
});
