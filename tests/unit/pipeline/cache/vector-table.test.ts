import fc from "fast-check";
import { expect, test } from "vitest";

import { SimdVectors } from "../../../../src/pipeline/cache/simd-vectors.ts";
import { similarityAt } from "../../../../src/pipeline/cache/similarity.ts";
import { GrowingVectorTable } from "../../../../src/pipeline/cache/vector-table.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const vectorOf = (dimensions: number, seed: number): Float32Array => {
  const random = seededRandom(seed);
  return Float32Array.from({ length: dimensions }, () => random() * 2 - 1);
};

test("four numbers at a time give what one at a time gives, of vectors of any length", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 50 }),
      fc.nat(),
      (dimensions, count, seed) => {
        const table = SimdVectors.open(dimensions, 2_000);
        expect(table).toBeDefined();
        if (table === undefined) return;
        const asked = vectorOf(dimensions, seed);
        for (let place = 0; place < count; place++)
          table.set(place, vectorOf(dimensions, seed + place + 1));
        const found = table.similarities(asked, count);
        expect(found).toHaveLength(count);
        for (let place = 0; place < count; place++) {
          const expected = similarityAt(asked, vectorOf(dimensions, seed + place + 1), 0);
          expect(found[place]).toBeCloseTo(expected, 4);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test("a table that grows large keeps what it had, and what is replaced or taken out", () => {
  const dimensions = 24;
  const table = new GrowingVectorTable(dimensions, 3_000);
  const kept = new Map<number, Float32Array | undefined>();
  const put = (place: number, vector: Float32Array | undefined) => {
    table.set(place, vector);
    kept.set(place, vector);
  };
  for (let place = 0; place < 3_000; place++) put(place, vectorOf(dimensions, place));
  for (let place = 0; place < 3_000; place += 7) put(place, vectorOf(dimensions, place + 10_000));
  for (let place = 3; place < 3_000; place += 11) put(place, undefined);
  const asked = vectorOf(dimensions, 99);
  const found = table.similarities(asked, 3_000);
  for (const [place, vector] of kept) {
    const expected = vector === undefined ? 0 : similarityAt(asked, vector, 0);
    expect(found[place], String(place)).toBeCloseTo(expected, 4);
  }
  expect(table.bytes).toBeGreaterThanOrEqual(3_000 * dimensions * 4);
});
