import type { PartHealth } from "../../lib/part-health.ts";

/**
 * Turns a text into a vector whose direction is its meaning. Used by the cache's semantic tier, which goes on
 * without it when it fails: nothing here may take longer than its own limits say.
 */
export interface Embedder extends AsyncDisposable {
  /** Which model made a vector, and how. Vectors of two ids are never compared. */
  readonly id: string;
  /** Length of a vector; undefined until the first one has come, where the model's is not known before. */
  readonly dimensions: number | undefined;
  /**
   * A vector of length 1. Rejects with an `EmbedFailure`, at once where there is no hope. The whole text counts or
   * none of it: two texts that differ only after what a model can read would otherwise have one vector.
   */
  embed(text: string, signal?: AbortSignal): Promise<Float32Array>;
  /** The same for many, in their order and behind everyone who waits for a single one; all or none. */
  embedMany(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
  readonly health: PartHealth;
}

/** Whose fault it was: the text's (`too_long`, `refused`), the moment's (`busy`, `cancelled`), or the embedder's. */
export type EmbedFailureKind =
  "too_long" | "refused" | "busy" | "cancelled" | "timeout" | "unavailable";

/** Why a text has no vector. The message never holds any of the text. */
export class EmbedFailure extends Error {
  override readonly name = "EmbedFailure";
  readonly kind: EmbedFailureKind;

  constructor(kind: EmbedFailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

export function toEmbedFailure(thrown: unknown): EmbedFailure {
  if (thrown instanceof EmbedFailure) return thrown;
  return new EmbedFailure("unavailable", "The embedder failed.", thrown);
}

/** Makes a vector's length 1, in place. Undefined for one that has no direction: of zeros, or not of numbers. */
export function toUnitLength(vector: Float32Array): Float32Array | undefined {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  if (!(length > shortestLength) || length === Number.POSITIVE_INFINITY) return undefined;
  for (let index = 0; index < vector.length; index++) {
    vector[index] = (vector[index] ?? 0) / length;
  }
  return vector;
}

/** Below this a vector is rounding errors. */
const shortestLength = 1e-12;
