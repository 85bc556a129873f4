import { describe, expect, test } from "vitest";

import { openLocalEmbedder } from "../../src/embedders/local/open.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Embedder } from "../../src/pipeline/cache/embedder.ts";
import { cosine, installedEmbedder } from "../support/local-embedder.ts";
import { testEmbedder } from "./embedder.ts";

const folder = installedEmbedder();

describe.skipIf(folder === undefined)("the local model (npm run embedder:install)", () => {
  // A busy machine is no reason to fail: the limits on time have tests of their own.
  const open = (): Promise<Embedder> =>
    openLocalEmbedder({ folder: folder ?? "", clock: systemClock, limits: { answerMs: 15_000 } });

  testEmbedder("the local model", open, "one word after another ".repeat(100));

  test("its similarities are those of all-MiniLM-L6-v2 as it was published", async () => {
    await using embedder = await open();
    const person = await embedder.embed("That is a happy person");
    const known = { "That is a happy dog": 0.695, "That is a very happy person": 0.943 };
    for (const [text, similarity] of Object.entries(known)) {
      expect(Math.abs(cosine(person, await embedder.embed(text)) - similarity)).toBeLessThan(0.03);
    }
  });

  test("what means the same is nearer than what shares words", async () => {
    await using embedder = await open();
    const [asked, meant, shared] = await embedder.embedMany([
      "How do I reset my password?",
      "I forgot my login code, how can I change it?",
      "How do I reset my router?",
    ]);
    if (asked === undefined || meant === undefined || shared === undefined) throw new Error("few");
    expect(cosine(asked, meant)).toBeGreaterThan(cosine(asked, shared));
  });

  test("two texts that differ only behind what it reads do not get one vector", async () => {
    await using embedder = await open();
    const beginning = "The same words again. ".repeat(60);
    const outcomes = await Promise.allSettled(
      ["Approve it.", "Reject it."].map((end) => embedder.embed(beginning + end)),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  test("the main thread stays free while it works", async () => {
    await using embedder = await open();
    const texts = Array.from(
      { length: 20 },
      (_, index) => `${"some more words ".repeat(20)}${index}`,
    );
    const before = performance.eventLoopUtilization();
    await embedder.embedMany(texts);
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
  });
});
