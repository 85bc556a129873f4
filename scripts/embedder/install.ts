import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { openSentenceModel } from "../../src/embedders/local/sentence-model.ts";
import type { SentenceModel } from "../../src/embedders/local/sentence-model.ts";
import { installRuntime, isRuntimeInstalled } from "./runtime.ts";
import { modelSources, sha256Of } from "./sources.ts";
import type { ModelSource } from "./sources.ts";

/** Outside of git, and of the data that backups hold: it can be had again. */
export const embedderFolder = join(import.meta.dirname, "../../.cache/embedder");

/**
 * Puts a sentence model, and what runs it, into `folder`, and embeds with it once. Says what it does. Rejects, with
 * all that was tried, if it cannot be had; the folder is then as it was.
 */
export async function installEmbedder(folder: string, sources = modelSources): Promise<void> {
  const installed = await installedSource(folder, sources);
  if (installed !== undefined && (await isRuntimeInstalled(folder))) {
    console.log(`The embedder is in ${folder} already, from ${installed.name}.`);
    await checkModel(folder);
    return;
  }
  const fresh = `${folder}.new`;
  await rm(fresh, { recursive: true, force: true });
  try {
    const source = await fetchModel(fresh, sources);
    await describeModel(fresh, source);
    console.log("Installing what runs it (onnxruntime-node, @huggingface/tokenizers) with npm");
    await installRuntime(fresh);
    await checkModel(fresh);
    await mkdir(dirname(folder), { recursive: true });
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  console.log(`The embedder is in ${folder}.`);
}

async function fetchModel(folder: string, sources: readonly ModelSource[]): Promise<ModelSource> {
  const failures: string[] = [];
  for (const source of sources) {
    console.log(`Fetching all-MiniLM-L6-v2 (int8) from ${source.name}`);
    try {
      await rm(folder, { recursive: true, force: true });
      await source.fetchInto(folder, source.files);
      await checkFiles(folder, source);
      return source;
    } catch (error) {
      const failure = `${source.name}: ${reasonOf(error)}`;
      console.log(`  not to be had from ${failure}`);
      failures.push(failure);
    }
  }
  throw new Error(`The model could not be had.\n${failures.join("\n")}`);
}

/** `fetch` says only "fetch failed", and why in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

async function checkFiles(folder: string, source: ModelSource): Promise<void> {
  for (const { to, sha256 } of source.files) {
    const found = await sha256Of(join(folder, to));
    if (found !== sha256) throw new Error(`${to} has the sha256 ${found}, expected ${sha256}`);
    console.log(`  ${to}: sha256 ${sha256} is right`);
  }
}

async function installedSource(
  folder: string,
  sources: readonly ModelSource[],
): Promise<ModelSource | undefined> {
  for (const source of sources) {
    const matches = await Promise.all(
      source.files.map(async ({ to, bytes, sha256 }) => {
        const path = join(folder, to);
        const size = (await stat(path).catch(() => undefined))?.size;
        return size === bytes && (await sha256Of(path)) === sha256;
      }),
    );
    if (matches.every(Boolean)) return source;
  }
  return undefined;
}

/**
 * How the model is to be used, in sentence-transformers' own files, which neither source has. It was trained on 256
 * tokens and the mean of them, says its model card (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2).
 */
async function describeModel(folder: string, source: ModelSource): Promise<void> {
  await mkdir(join(folder, "1_Pooling"), { recursive: true });
  const pooling = { word_embedding_dimension: 384, pooling_mode_mean_tokens: true };
  const files = {
    "sentence_bert_config.json": JSON.stringify({ max_seq_length: 256 }),
    "1_Pooling/config.json": JSON.stringify(pooling),
    "SOURCE.txt": `all-MiniLM-L6-v2, int8, Apache-2.0, from ${source.name}\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

/**
 * What the original, with 32-bit weights, gives for two sentences against a third; int8 may differ a little.
 * (the example of Hugging Face's inference API for sentence-transformers/all-MiniLM-L6-v2, seen 2026-11-21)
 */
const knownSimilarities = [
  { text: "That is a happy dog", cosine: 0.695 },
  { text: "That is a very happy person", cosine: 0.943 },
  { text: "Today is a sunny day", cosine: 0.257 },
];
const differenceMax = 0.03;

async function checkModel(folder: string): Promise<void> {
  const model = await openSentenceModel(folder, 1);
  try {
    const person = await vectorOf(model, "That is a happy person");
    for (const { text, cosine } of knownSimilarities) {
      const found = dot(person, await vectorOf(model, text));
      const line = `"That is a happy person" and "${text}": ${found.toFixed(3)}, original ${cosine}`;
      if (Math.abs(found - cosine) > differenceMax) throw new Error(`The model is wrong: ${line}`);
      console.log(`  ${line}`);
    }
  } finally {
    await model.close();
  }
}

async function vectorOf(model: SentenceModel, text: string): Promise<Float32Array> {
  const vector = await model.embed(text);
  if (vector === undefined) throw new Error(`The model takes "${text}" for too long.`);
  return vector;
}

function dot(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += (left[index] ?? 0) * (right[index] ?? 0);
  return sum;
}
