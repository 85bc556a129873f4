import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { z } from "zod";

import { openLocalEmbedder } from "../../src/embedders/local/open.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { toUnitLength } from "../../src/pipeline/cache/embedder.ts";
import { normalForm } from "../../src/pipeline/cache/normal-form.ts";

/** One request of the stream; two with the same `answer` may have each other's. */
export interface Query {
  readonly text: string;
  readonly answer: string;
  readonly normalForm: string | undefined;
  readonly vector: Float32Array;
}

const lineSchema = z.looseObject({ text: z.string(), answer: z.string() });

const vectorCache = join(import.meta.dirname, "../../.cache/bench-cache");

/** The stream with its vectors: of `vectors` if that is given, else made by the model in `folder`, and kept. */
export async function readStream(
  dataFile: string,
  from: { readonly folder: string; readonly vectors: string | undefined },
): Promise<readonly Query[]> {
  const data = await readFile(dataFile, "utf8");
  const lines = data
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => lineSchema.parse(JSON.parse(line)));
  const texts = lines.map(({ text }) => text);
  const all =
    from.vectors === undefined
      ? await vectorsOf(texts, from.folder)
      : await readVectors(from.vectors);
  if (texts.length === 0 || all.length % texts.length !== 0)
    throw new Error("The vectors are not those of this data.");
  const dimensions = all.length / texts.length;
  return lines.map(({ text, answer }, at) => {
    const vector = toUnitLength(all.slice(at * dimensions, (at + 1) * dimensions));
    if (vector === undefined) throw new Error(`Line ${at + 1} has no vector.`);
    return { text, answer, normalForm: normalForm(text), vector };
  });
}

async function vectorsOf(texts: readonly string[], folder: string): Promise<Float32Array> {
  await using embedder = await openLocalEmbedder({
    folder,
    clock: systemClock,
    limits: { answerMs: 60_000 },
  });
  const name = createHash("sha256")
    .update(JSON.stringify([embedder.id, texts]))
    .digest("hex");
  const file = join(vectorCache, `${name}.f32`);
  const kept = await readVectors(file).catch(() => undefined); // Not made yet: the first run makes it.
  if (kept !== undefined) return kept;
  console.log(`Embedding ${texts.length} texts with ${embedder.id}; kept for the next run`);
  const vectors = await embedder.embedMany(texts);
  const all = new Float32Array(vectors.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const vector of vectors) {
    all.set(vector, at);
    at += vector.length;
  }
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, new Uint8Array(all.buffer));
  return all;
}

async function readVectors(file: string): Promise<Float32Array> {
  const bytes = await readFile(file);
  const copy = new Uint8Array(bytes);
  return new Float32Array(copy.buffer, 0, Math.floor(copy.length / Float32Array.BYTES_PER_ELEMENT));
}
