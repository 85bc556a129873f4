import { expect, test } from "vitest";

import type { Embedder } from "../../src/pipeline/cache/embedder.ts";
import { cosine } from "../support/local-embedder.ts";

/** What every embedder keeps. `tooLong` is a text past what it reads. */
export function testEmbedder(
  name: string,
  open: () => Promise<Embedder & AsyncDisposable>,
  tooLong: string,
): void {
  test(`${name}: vectors have length 1 and the dimensions that it names`, async () => {
    await using embedder = await open();
    for (const text of [
      "hello",
      "",
      "Où est la gare ?",
      "日本語",
      "\u0000\u200b",
      "🎉".repeat(20),
    ]) {
      const vector = await embedder.embed(text);
      expect(cosine(vector, vector)).toBeCloseTo(1, 5);
      expect(vector.length).toBe(embedder.dimensions);
    }
    expect(embedder.health.isDegraded).toBe(false);
  });

  test(`${name}: a text has one vector, alone, in a crowd and in a list`, async () => {
    await using embedder = await open();
    const texts = ["a", "where is my card?", "a much longer text than the others ".repeat(8), "b"];
    const alone: Float32Array[] = [];
    for (const text of texts) alone.push(await embedder.embed(text));
    expect(await Promise.all(texts.map((text) => embedder.embed(text)))).toEqual(alone);
    expect(await embedder.embedMany(texts)).toEqual(alone);
    expect(await embedder.embedMany([])).toEqual([]);
  });

  test(`${name}: its id is the same each time that it is opened`, async () => {
    await using first = await open();
    await using second = await open();
    expect(first.id).toBe(second.id);
    expect(first.id).toMatch(/^[a-z]+-[0-9a-f]{16}$/);
  });

  test(`${name}: a text that it cannot read whole has no vector`, async () => {
    await using embedder = await open();
    await expect(embedder.embed(tooLong)).rejects.toMatchObject({ kind: "too_long" });
    await expect(embedder.embedMany(["good", tooLong])).rejects.toMatchObject({ kind: "too_long" });
    await embedder.embed("good");
  });

  test(`${name}: closed, it refuses who waits and who comes`, async () => {
    const embedder = await open();
    const waiting = Promise.allSettled(Array.from({ length: 40 }, () => embedder.embed("x")));
    await embedder[Symbol.asyncDispose]();
    for (const outcome of await waiting) {
      if (outcome.status === "rejected") {
        expect(outcome.reason).toMatchObject({ kind: "unavailable" });
      }
    }
    await expect(embedder.embed("x")).rejects.toMatchObject({ kind: "unavailable" });
  });
}
