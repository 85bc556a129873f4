import { hash } from "node:crypto";

import { systemClock } from "../../src/lib/clock.ts";
import { PartHealth } from "../../src/lib/part-health.ts";
import { toUnitLength, type Embedder } from "../../src/pipeline/cache/embedder.ts";

const dimensions = 128;

/** A text's words in a bag, each a direction of its own: texts are as similar as they share words. */
export class WordEmbedder implements Embedder {
  readonly id: string;
  readonly dimensions = dimensions;
  readonly health = new PartHealth("embedder", systemClock);
  /** Texts that were embedded while a request waited, and beside the requests. */
  single = 0;
  many = 0;
  /** What happens to each call before it is done: a test has it hang or fail there. */
  before: (signal?: AbortSignal) => Promise<void> = () => Promise.resolve();

  constructor(id = "words") {
    this.id = id;
  }

  async embed(text: string, signal?: AbortSignal): Promise<Float32Array> {
    this.single++;
    await this.before(signal);
    return vectorOf(text);
  }

  async embedMany(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    this.many += texts.length;
    await this.before(signal);
    return texts.map(vectorOf);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function vectorOf(text: string): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of text.toLowerCase().match(/[\p{L}\d]+/gu) ?? []) {
    const digest = hash("sha256", word, "buffer");
    for (let at = 0; at < 4; at++) {
      const place = digest.readUInt16BE(at * 4) % dimensions;
      const isUp = digest.readUInt16BE(at * 4 + 2) % 2 === 0;
      vector[place] = (vector[place] ?? 0) + (isUp ? 1 : -1);
    }
  }
  return toUnitLength(vector) ?? vector.fill(0, 0).fill(1, 0, 1);
}
