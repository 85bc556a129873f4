import { extname, resolve } from "node:path";

import type { Clock } from "../../lib/clock.ts";
import { PartHealth } from "../../lib/part-health.ts";
import type { Embedder } from "../../pipeline/cache/embedder.ts";
import { EmbedQueue } from "../embed-queue.ts";
import type { Embedded, EmbedQueueLimits } from "../embed-queue.ts";
import { ModelThread, modelThreadLimits } from "./model-thread.ts";
import type { ModelThreadLimits } from "./model-thread.ts";

export interface LocalEmbedderOptions {
  /** What `npm run embedder:install` made, or any folder of a sentence model in ONNX with its `tokenizer.json`. */
  readonly folder: string;
  /**
   * Processor threads for one text. A second one makes it a third faster on an idle machine and several times slower on a
   * busy one, where the two wait for each other (measured 2026-11-21).
   */
  readonly threads?: number;
  readonly clock: Clock;
  readonly limits?: Partial<EmbedQueueLimits & ModelThreadLimits>;
  /** Only tests have another. */
  readonly threadUrl?: URL;
}

/**
 * Of texts of 20 tokens and 10 ms, the last of a full queue waits 640 ms. Two are with the thread, so that it has
 * its next text while the main thread is busy.
 */
const queueLimits: EmbedQueueLimits = {
  batchMax: 1,
  runsMax: 2,
  waitingMax: 64,
  answerMs: 1_000,
};

/**
 * A sentence model on this machine, in a thread of its own; nothing is ever downloaded. Resolves once the model has
 * embedded its first text; rejects, in words for the operator, where the folder or what runs it is not there.
 */
export async function openLocalEmbedder(options: LocalEmbedderOptions): Promise<Embedder> {
  const health = new PartHealth("embedder", options.clock);
  const limits = { ...queueLimits, ...modelThreadLimits, ...options.limits };
  const thread = new ModelThread({
    // The extension is this file's own: `.ts` as it is developed, `.js` as it is published.
    url: options.threadUrl ?? new URL(`thread${extname(import.meta.url)}`, import.meta.url),
    settings: { folder: resolve(options.folder), threads: options.threads ?? 1 },
    limits,
    health,
  });
  const { modelId, dimensions } = await thread.started;
  const run = (texts: readonly string[]): Promise<Embedded[]> =>
    Promise.all(texts.map((text) => thread.embed(text)));
  const queue = new EmbedQueue(run, limits);
  return {
    id: modelId,
    dimensions,
    health,
    embed: (text, signal) => queue.embed(text, signal),
    embedMany: (texts, signal) => queue.embedMany(texts, signal),
    [Symbol.asyncDispose]: async () => {
      queue.close();
      await thread[Symbol.asyncDispose]();
    },
  };
}
