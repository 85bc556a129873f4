import { ulid } from "ulid";

import type { StoredAnswer } from "../../src/pipeline/cache/cache-store.ts";
import type { SemanticEntry } from "../../src/pipeline/cache/semantic-store.ts";
import { anAnswer } from "./stored-answers.ts";

export const dimensions = 384;

/** Of length 1, and the same for the same seed. */
export function aVector(seed: number, length = dimensions): Float32Array {
  const numbers = Float32Array.from({ length }, (_, at) => Math.sin(seed * 7.13 + at * 1.7));
  const norm = Math.sqrt(numbers.reduce((sum, number) => sum + number * number, 0));
  return numbers.map((number) => number / norm);
}

/** The first that asked for an answer, or with another `id` an alias. */
export function anEntry(answer: StoredAnswer, fields: Partial<SemanticEntry> = {}): SemanticEntry {
  const { tenantId, requestId, expiresAtEpochMs } = answer;
  return {
    id: requestId,
    tenantId,
    shard: "a1b2c3",
    answerId: requestId,
    text: "How tall is Mount Everest?",
    normalForm: "how tall is mount everest",
    vector: aVector(1),
    embedderId: "local/mini",
    expiresAtEpochMs,
    ...fields,
  };
}

/** Another request that has the same answer. */
export function anAlias(
  answer: StoredAnswer,
  { begunEpochMs, ...fields }: Partial<SemanticEntry> & { readonly begunEpochMs: number },
): SemanticEntry {
  return anEntry(answer, { id: ulid(begunEpochMs), text: "Mount Everest, how high?", ...fields });
}

export interface Pair {
  readonly entry: SemanticEntry;
  readonly answer: StoredAnswer;
}

export function aPair(
  answerFields: Parameters<typeof anAnswer>[0] = {},
  entryFields: Partial<SemanticEntry> = {},
): Pair {
  const answer = anAnswer(answerFields);
  return { answer, entry: anEntry(answer, entryFields) };
}
