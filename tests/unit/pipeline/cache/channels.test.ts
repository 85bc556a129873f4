import { expect, test } from "vitest";

import {
  candidateOf,
  featureNames,
  type Neighbour,
} from "../../../../src/pipeline/cache/channels.ts";

let made = 0;
const neighbour = (fields: Partial<Neighbour>): Neighbour => ({
  entryId: `entry-${made++}`,
  answerId: "a",
  similarity: 0.9,
  by: "vector",
  confirmations: 0,
  refutations: 0,
  ...fields,
});

const featureOf = (neighbours: readonly Neighbour[], name: (typeof featureNames)[number]): number =>
  candidateOf(neighbours)?.features[featureNames.indexOf(name)] ?? Number.NaN;

test("without neighbours there is no candidate", () => {
  expect(candidateOf([])).toBeUndefined();
});

test("many that agree outvote a single one that is a little nearer", () => {
  const neighbours = [
    neighbour({ answerId: "alone", similarity: 0.91 }),
    neighbour({ answerId: "many", similarity: 0.9, entryId: "nearest of many" }),
    neighbour({ answerId: "many", similarity: 0.89 }),
    neighbour({ answerId: "many", similarity: 0.89 }),
  ];
  const candidate = candidateOf(neighbours);
  expect(candidate?.answerId).toBe("many");
  expect(candidate?.entryIds).toHaveLength(3);
  expect(candidate?.entryIds[0]).toBe("nearest of many");
  expect(candidate?.nearest).toBe(0.91);
  expect(featureOf(neighbours, "margin")).toBeCloseTo(-0.1);
});

test("but not one that is much nearer", () => {
  const far = Array.from({ length: 4 }, () => neighbour({ answerId: "many", similarity: 0.75 }));
  expect(candidateOf([neighbour({ answerId: "near", similarity: 0.97 }), ...far])?.answerId).toBe(
    "near",
  );
});

test("the same normal form is chosen before any vector, and its label belongs to both channels", () => {
  const near = neighbour({ answerId: "near", similarity: 0.99 });
  const both = neighbour({ answerId: "same", similarity: 0.98, by: "both" });
  expect(candidateOf([near, both])).toMatchObject({ answerId: "same", channels: ["CN", "CS"] });
  const formOnly = neighbour({ answerId: "same", similarity: 1, by: "form" });
  expect(candidateOf([formOnly])?.channels).toEqual(["CN"]);
  expect(candidateOf([near])?.channels).toEqual(["CS"]);
});

test("confirmations raise and refutations lower how reliable an answer looks", () => {
  const fresh = featureOf([neighbour({})], "reliability");
  expect(featureOf([neighbour({ confirmations: 5 })], "reliability")).toBeGreaterThan(fresh);
  expect(featureOf([neighbour({ refutations: 5 })], "reliability")).toBeLessThan(fresh);
});

test("an answer that nothing near contradicts is said to be unopposed", () => {
  expect(featureOf([neighbour({}), neighbour({})], "unopposed")).toBe(1);
  expect(featureOf([neighbour({}), neighbour({ answerId: "b" })], "unopposed")).toBe(0);
});

test("every feature is a finite number, whatever the neighbours", () => {
  const similarities = [-1, 0, 0.5, 1];
  for (const first of similarities)
    for (const second of similarities.filter((each) => each <= first)) {
      const neighbours = [
        neighbour({ similarity: first, confirmations: 1e6 }),
        neighbour({ similarity: second, answerId: "b", refutations: 1e6 }),
      ];
      const features = candidateOf(neighbours)?.features ?? [];
      expect(features).toHaveLength(featureNames.length);
      expect(features.every(Number.isFinite)).toBe(true);
    }
});
