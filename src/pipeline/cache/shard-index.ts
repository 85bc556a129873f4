import { neighboursMax, type Neighbour } from "./channels.ts";
import type { SemanticEntry, Tally } from "./semantic-store.ts";
import { Nearest } from "./similarity.ts";
import { GrowingVectorTable, type VectorTable } from "./vector-table.ts";

/** What an entry weighs beside its vector and its text, and what a shard weighs that has none. */
const entryBytes = 400;
const emptyBytes = 1_000;
const bytesPerTally = 120;

/**
 * The entries of one shard, all vectors in one table, each look-up comparing with every one of them: exact. That
 * takes 1.5 ms for 8,000 of 384 numbers, which is why a shard has a bound.
 */
export class ShardIndex {
  readonly #entriesMax: number;
  readonly #places = new Map<string, number>();
  readonly #entries: (SemanticEntry | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #tallies = new Map<string, Tally>();
  readonly #forms = new Map<string, string>();
  readonly #texts = new Map<string, string>();
  /** Of the first vector; one of another length, so of another model, is kept without. */
  #dimensions = 0;
  #vectors: VectorTable | undefined;
  #textBytes = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#places.size;
  }

  /** About what it weighs. */
  get bytes(): number {
    return (
      emptyBytes +
      (this.#vectors?.bytes ?? 0) +
      this.#textBytes +
      this.#places.size * entryBytes +
      this.#tallies.size * bytesPerTally
    );
  }

  /** What was asked in the very same words before makes room for it, unless that has a vector and this has none. */
  add(entry: SemanticEntry): void {
    const before = this.withText(entry.text);
    if (before?.embedderId !== undefined && entry.vector === undefined) return;
    if (before !== undefined) this.#drop(before.id);
    this.#drop(entry.id);
    if (this.#places.size >= this.#entriesMax) this.#dropOldest();
    const place = this.#free.pop() ?? this.#entries.length;
    // The vector lives in the array: the entry's own would be a second copy.
    this.#entries[place] = { ...entry, vector: undefined };
    this.#places.set(entry.id, place);
    this.#texts.set(entry.text, entry.id);
    this.#textBytes += textBytesOf(entry);
    if (entry.normalForm !== undefined) this.#forms.set(entry.normalForm, entry.id);
    this.#keepVector(place, entry.vector);
  }

  /** How the answer stands now; that of an answer which no entry has is forgotten with its last entry. */
  tally(tally: Tally): void {
    this.#tallies.set(tally.answerId, tally);
    if (this.#tallies.size <= this.#entriesMax * 2) return;
    const answers = new Set(this.#entries.map((entry) => entry?.answerId));
    for (const id of this.#tallies.keys()) if (!answers.has(id)) this.#tallies.delete(id);
  }

  tallyOf(answerId: string): Tally {
    return this.#tallies.get(answerId) ?? { answerId, confirmations: 0, refutations: 0 };
  }

  remove(ids: ReadonlySet<string>): void {
    for (const entry of this.#entries)
      if (entry !== undefined && (ids.has(entry.id) || ids.has(entry.answerId)))
        this.#drop(entry.id);
    for (const id of ids) this.#tallies.delete(id);
  }

  entry(id: string): SemanticEntry | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#entries[place];
  }

  /** The one that was asked in these words. */
  withText(text: string): SemanticEntry | undefined {
    const id = this.#texts.get(text);
    return id === undefined ? undefined : this.entry(id);
  }

  nearest(asked: {
    readonly vector: Float32Array | undefined;
    readonly normalForm: string | undefined;
    readonly nowEpochMs: number;
  }): readonly Neighbour[] {
    const sameForm = this.#withForm(asked.normalForm, asked.nowEpochMs);
    const found = this.#nearestVectors(asked.vector, asked.nowEpochMs);
    const neighbours: Neighbour[] = [];
    for (const { place, similarity } of found) {
      const entry = this.#entries[place];
      if (entry === undefined) continue;
      neighbours.push(this.#neighbour(entry, similarity, entry === sameForm ? "both" : "vector"));
    }
    if (sameForm === undefined || neighbours.some(({ by }) => by === "both")) return neighbours;
    return [this.#neighbour(sameForm, 1, "form"), ...neighbours].slice(0, neighboursMax);
  }

  #nearestVectors(vector: Float32Array | undefined, nowEpochMs: number): Nearest["found"] {
    const nearest = new Nearest(neighboursMax);
    if (vector?.length !== this.#dimensions || this.#vectors === undefined) return nearest.found;
    const similarities = this.#vectors.similarities(vector, this.#entries.length);
    for (let place = 0; place < this.#entries.length; place++) {
      const similarity = similarities[place] ?? 0;
      if (similarity <= 0 || !nearest.isAmong(similarity)) continue;
      const entry = this.#entries[place];
      if (entry === undefined || entry.expiresAtEpochMs <= nowEpochMs) continue;
      nearest.offer(place, similarity);
    }
    return nearest.found;
  }

  #withForm(form: string | undefined, nowEpochMs: number): SemanticEntry | undefined {
    const id = form === undefined ? undefined : this.#forms.get(form);
    const entry = id === undefined ? undefined : this.entry(id);
    return entry === undefined || entry.expiresAtEpochMs <= nowEpochMs ? undefined : entry;
  }

  #neighbour(entry: SemanticEntry, similarity: number, by: Neighbour["by"]): Neighbour {
    const tally = this.#tallies.get(entry.answerId);
    return {
      entryId: entry.id,
      answerId: entry.answerId,
      similarity,
      by,
      confirmations: tally?.confirmations ?? 0,
      refutations: tally?.refutations ?? 0,
    };
  }

  #keepVector(place: number, vector: Float32Array | undefined): void {
    if (vector !== undefined && this.#vectors === undefined) {
      this.#dimensions = vector.length;
      this.#vectors = new GrowingVectorTable(vector.length, this.#entriesMax);
    }
    this.#vectors?.set(place, vector?.length === this.#dimensions ? vector : undefined);
  }

  #dropOldest(): void {
    for (const id of this.#places.keys()) {
      this.#drop(id);
      return;
    }
  }

  #drop(id: string): void {
    const place = this.#places.get(id);
    const entry = place === undefined ? undefined : this.#entries[place];
    if (place === undefined || entry === undefined) return;
    this.#places.delete(id);
    this.#entries[place] = undefined;
    this.#free.push(place);
    this.#textBytes -= textBytesOf(entry);
    if (this.#texts.get(entry.text) === id) this.#texts.delete(entry.text);
    if (entry.normalForm !== undefined && this.#forms.get(entry.normalForm) === id)
      this.#forms.delete(entry.normalForm);
  }
}

function textBytesOf({ text, normalForm }: SemanticEntry): number {
  return (text.length + (normalForm?.length ?? 0)) * 2;
}
