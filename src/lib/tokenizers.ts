import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { countTokens, readVocabulary } from "./byte-pairs.ts";

/**
 * OpenAI's two: `o200k` of its models since GPT-4o, `cl100k` of GPT-3.5, GPT-4 and the embeddings. The vocabularies
 * are read from `tiktoken`, which is OpenAI's own and has them as data; counting is done here.
 */
export type Encoding = (typeof encodings)[number];
export const encodings = ["o200k", "cl100k"] as const;

export type CountText = (text: string) => number;

const counters = new Map<Encoding, CountText>();
let loading: Promise<void> | undefined;

/** Undefined until the tokenizers are loaded: whoever cannot wait has to guess. */
export function tokenCounter(encoding: Encoding): CountText | undefined {
  return counters.get(encoding);
}

/**
 * Loads both tokenizers, piece by piece so that others get their turn. Once; a failed attempt is made again by
 * the next call.
 */
export function loadTokenizers(): Promise<void> {
  loading ??= loadAll().catch((error: unknown) => {
    loading = undefined;
    throw new Error("The tokenizers could not be loaded.", { cause: error });
  });
  return loading;
}

async function loadAll(): Promise<void> {
  for (const encoding of encodings) counters.set(encoding, await load(encoding));
}

/** As `tiktoken` keeps it. */
interface EncodingFile {
  /** How a text is cut into words. */
  readonly pat_str: string;
  readonly bpe_ranks: string;
}

async function load(encoding: Encoding): Promise<CountText> {
  const path = createRequire(import.meta.url).resolve(`tiktoken/encoders/${encoding}_base.json`);
  const file = JSON.parse(await readFile(path, "utf8")) as EncodingFile;
  const words = new RegExp(file.pat_str, "gu");
  const vocabulary = await readVocabulary(file.bpe_ranks);
  const count: CountText = (text) => countTokens(text, words, vocabulary);
  // Node makes two programs of the expression, when it first meets a text of Latin letters and one of others.
  count("Köln");
  count("東京");
  return count;
}
