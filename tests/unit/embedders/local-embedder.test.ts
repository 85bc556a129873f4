import { expect, test, vi } from "vitest";

import { openLocalEmbedder } from "../../../src/embedders/local/open.ts";
import type { LocalEmbedderOptions } from "../../../src/embedders/local/open.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Embedder } from "../../../src/pipeline/cache/embedder.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** With a thread that has no model: it does what the texts say. */
const openWithThread = (limits: LocalEmbedderOptions["limits"] = {}): Promise<Embedder> =>
  openLocalEmbedder({
    folder: "unused",
    clock: systemClock,
    limits: { restartMs: 1, ...limits },
    threadUrl: new URL("../../support/embedder-thread.ts", import.meta.url),
  });

test("a thread that dies fails the texts that it has, and is there again for the next", async () => {
  await using embedder = await openWithThread();
  const outcomes = await Promise.allSettled([embedder.embed("die"), embedder.embed("x")]);
  const gone: unknown = expect.objectContaining({ kind: "unavailable" });
  expect(outcomes).toEqual(Array(2).fill({ status: "rejected", reason: gone }));
  expect(embedder.health.isDegraded).toBe(true);
  expect(embedder.health.detail).toContain("it was told to die");
  await vi.waitFor(() => embedder.embed("x"), 5_000);
  expect(embedder.health.isDegraded).toBe(false);
});

test("a thread that hangs is ended and begun anew", async () => {
  await using embedder = await openWithThread({ silentMs: 50, answerMs: 20_000 });
  await expect(embedder.embed("hang")).rejects.toMatchObject({ kind: "unavailable" });
  await vi.waitFor(() => embedder.embed("x"), 5_000);
});

test("a text that is too long, or that the model fails on, harms no other", async () => {
  await using embedder = await openWithThread();
  const long = embedder.embed("long");
  const failing = embedder.embed("fail");
  const good = embedder.embed("x");
  await expect(long).rejects.toMatchObject({ kind: "too_long" });
  await expect(failing).rejects.toMatchObject({ kind: "unavailable" });
  expect(await good).toEqual(Float32Array.of(1, 0));
});

test("an embedder is closed in bounded time though its thread hangs", async () => {
  const embedder = await openWithThread({ closeMs: 50 });
  const hanging = expect(embedder.embed("hang")).rejects.toMatchObject({ kind: "unavailable" });
  await embedder[Symbol.asyncDispose]();
  await hanging;
  await expect(embedder.embed("x")).rejects.toMatchObject({ kind: "unavailable" });
});

test("a folder without a model is said to be one, and what to do", async () => {
  await using folder = await tempFolder();
  const opening = openLocalEmbedder({ folder: folder.path, clock: systemClock });
  await expect(opening).rejects.toThrow(/has none of onnx\/model_quantized\.onnx/);
});
