import { expect, test } from "vitest";

import { PartHealth } from "../../../../src/lib/part-health.ts";
import {
  embedderBreakerRules,
  withEmbedderBreaker,
} from "../../../../src/pipeline/cache/embedder-breaker.ts";
import { EmbedFailure, toUnitLength } from "../../../../src/pipeline/cache/embedder.ts";
import type { EmbedFailureKind, Embedder } from "../../../../src/pipeline/cache/embedder.ts";
import { manualClock } from "../../../support/manual-clock.ts";

/** Fails as it is told, and counts how often it was asked. */
function failingEmbedder() {
  const clock = manualClock();
  const told: { kind: EmbedFailureKind | undefined; asked: number } = { kind: undefined, asked: 0 };
  const embed = (): Promise<Float32Array> => {
    told.asked += 1;
    if (told.kind === undefined) return Promise.resolve(Float32Array.of(1));
    return Promise.reject(new EmbedFailure(told.kind, "As it was told."));
  };
  const inner: Embedder = {
    id: "of-tests",
    dimensions: 1,
    health: new PartHealth("embedder", clock),
    embed,
    embedMany: async () => [await embed()],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { clock, told, embedder: withEmbedderBreaker(inner, clock) };
}

async function fail(embedder: Embedder, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await expect(embedder.embed("x")).rejects.toThrow();
}

test("an embedder that keeps failing is left alone, and asked again later", async () => {
  const { clock, told, embedder } = failingEmbedder();
  told.kind = "timeout";
  await fail(embedder, embedderBreakerRules.consecutiveFailures);
  const askedBefore = told.asked;
  for (let call = 0; call < 1_000; call++) {
    await expect(embedder.embed("x")).rejects.toMatchObject({ kind: "unavailable" });
  }
  expect(told.asked).toBe(askedBefore);
  told.kind = undefined;
  clock.advance(embedderBreakerRules.openMs);
  expect(await embedder.embed("x")).toEqual(Float32Array.of(1));
  expect(await embedder.embedMany(["x"])).toHaveLength(1);
});

test("one caller at a time looks whether it is back", async () => {
  const { clock, told, embedder } = failingEmbedder();
  told.kind = "unavailable";
  await fail(embedder, embedderBreakerRules.consecutiveFailures);
  clock.advance(embedderBreakerRules.openMs);
  const askedBefore = told.asked;
  await Promise.allSettled([embedder.embed("1"), embedder.embed("2"), embedder.embed("3")]);
  expect(told.asked).toBe(askedBefore + 1);
});

test.each(["too_long", "refused", "busy", "cancelled"] as const)(
  "texts that end as %s do not open it",
  async (kind) => {
    const { told, embedder } = failingEmbedder();
    told.kind = kind;
    await fail(embedder, 100);
    expect(told.asked).toBe(100);
  },
);

test("a call that is refused costs microseconds", async () => {
  const { told, embedder } = failingEmbedder();
  told.kind = "unavailable";
  await fail(embedder, embedderBreakerRules.consecutiveFailures);
  const calls = 2_000;
  const startedMs = performance.now();
  for (let call = 0; call < calls; call++) await embedder.embed("x").catch(() => undefined);
  // The contract allows a millisecond; this is some ten microseconds on a busy machine.
  expect((performance.now() - startedMs) / calls).toBeLessThan(0.5);
});

test("a vector becomes one of length 1, and one without a direction none", () => {
  const [x = 0, y = 0] = toUnitLength(Float32Array.of(3, 4)) ?? [];
  expect(x).toBeCloseTo(0.6);
  expect(y).toBeCloseTo(0.8);
  for (const values of [[0, 0], [NaN, 1], [Infinity, 1], []]) {
    expect(toUnitLength(Float32Array.from(values))).toBeUndefined();
  }
});
