import { createHash } from "node:crypto";

import type { Clock } from "../../lib/clock.ts";
import { PartHealth } from "../../lib/part-health.ts";
import type { Embedder } from "../../pipeline/cache/embedder.ts";
import { openPools } from "../../providers/transport/pools.ts";
import { EmbedQueue } from "../embed-queue.ts";
import type { EmbedQueueLimits } from "../embed-queue.ts";
import { askForVectors, VectorReader } from "./ask.ts";
import type { EmbeddingApi } from "./ask.ts";

export interface CompatibleEmbedderOptions extends EmbeddingApi {
  readonly clock: Clock;
  readonly limits?: Partial<CompatibleEmbedderLimits>;
}

export interface CompatibleEmbedderLimits extends EmbedQueueLimits {
  readonly connectMs: number;
}

/** A hit is worth less the longer its look-up takes; OpenAI's own answers within 100 to 300 ms. */
const compatibleLimits: CompatibleEmbedderLimits = {
  batchMax: 64,
  runsMax: 4,
  waitingMax: 512,
  answerMs: 2_000,
  connectMs: 1_000,
};

/** Below what the providers' own load balancers allow an idle connection. */
const keepAliveMs = 30_000;

/** Embeddings from any server that has OpenAI's `/v1/embeddings`. Nothing is asked before the first text. */
export function openCompatibleEmbedder(options: CompatibleEmbedderOptions): Embedder {
  const limits = { ...compatibleLimits, ...options.limits };
  const health = new PartHealth("embedder", options.clock);
  const { origin } = new URL(options.baseUrl);
  const pools = openPools({ origin, connectMs: limits.connectMs, keepAliveMs });
  const reader = new VectorReader(options.name, options.dimensions);
  const server = { ...options, pools, limits, health, reader };
  const queue = new EmbedQueue((texts, signal) => askForVectors(server, texts, signal), limits);
  return {
    id: idOf(options),
    get dimensions() {
      return reader.dimensions;
    },
    health,
    embed: (text, signal) => queue.embed(text, signal),
    embedMany: (texts, signal) => queue.embedMany(texts, signal),
    [Symbol.asyncDispose]: async () => {
      queue.close();
      await pools.destroy();
    },
  };
}

/** The same model behind another address may be another one: quantised, or an alias. */
function idOf({ baseUrl, model, dimensions }: CompatibleEmbedderOptions): string {
  const hash = createHash("sha256").update(JSON.stringify([baseUrl, model, dimensions ?? null]));
  return `api-${hash.digest("hex").slice(0, 16)}`;
}
