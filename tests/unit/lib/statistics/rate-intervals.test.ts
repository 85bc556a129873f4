import fc from "fast-check";
import { expect, test } from "vitest";

import { clopperPearsonInterval } from "../../../../src/lib/statistics/clopper-pearson.ts";
import { wilsonInterval } from "../../../../src/lib/statistics/wilson.ts";

/** Newcombe 1998, Statistics in Medicine 17:857, table I: methods 3 (Wilson) and 5 (Clopper and Pearson), 95 %. */
const published = [
  { hits: 81, trials: 263, wilson: [0.2553, 0.3662], exact: [0.2527, 0.3676] },
  { hits: 15, trials: 148, wilson: [0.0624, 0.1605], exact: [0.0578, 0.1617] },
  { hits: 0, trials: 20, wilson: [0, 0.1611], exact: [0, 0.1684] },
  { hits: 1, trials: 29, wilson: [0.0061, 0.1718], exact: [0.0009, 0.1776] },
] as const;

test.for(published)("$hits of $trials has Newcombe's intervals", ({ wilson, exact, ...share }) => {
  const score = wilsonInterval(share);
  expect(score?.low).toBeCloseTo(wilson[0], 4);
  expect(score?.high).toBeCloseTo(wilson[1], 4);
  const { low, high } = clopperPearsonInterval(share, 0.95);
  expect(low).toBeCloseTo(exact[0], 4);
  expect(high).toBeCloseTo(exact[1], 4);
});

test("the exact interval of 7 of 50 is the one in SciPy's documentation of binomtest", () => {
  const { low, high } = clopperPearsonInterval({ hits: 7, trials: 50 }, 0.95);
  expect(low).toBeCloseTo(0.05819170033997342, 10);
  expect(high).toBeCloseTo(0.26739600249700846, 10);
});

test("intervals hold the rate, stay within 0 and 1, and mirror each other", () => {
  const shares = fc
    .integer({ min: 1, max: 2_000 })
    .chain((trials) =>
      fc.record({ hits: fc.integer({ min: 0, max: trials }), trials: fc.constant(trials) }),
    );
  fc.assert(
    fc.property(shares, ({ hits, trials }) => {
      const misses = { hits: trials - hits, trials };
      const intervals = [
        [wilsonInterval({ hits, trials }), wilsonInterval(misses)],
        [clopperPearsonInterval({ hits, trials }, 0.95), clopperPearsonInterval(misses, 0.95)],
      ] as const;
      for (const [own, mirrored] of intervals) {
        const { low = 2, high = -1 } = own ?? {};
        expect(low).toBeGreaterThanOrEqual(0);
        expect(low).toBeLessThanOrEqual(hits / trials);
        expect(high).toBeGreaterThanOrEqual(hits / trials);
        expect(high).toBeLessThanOrEqual(1);
        expect(mirrored?.high).toBeCloseTo(1 - low, 9);
      }
    }),
  );
});

test("without a trial there is no score interval", () => {
  expect(wilsonInterval({ hits: 0, trials: 0 })).toBeNull();
});
