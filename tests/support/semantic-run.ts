import type { SemanticEntry, SemanticStore } from "../../src/pipeline/cache/semantic-store.ts";
import type { ManualClock } from "./manual-clock.ts";
import { startEpochMs } from "./stored-answers.ts";

export interface SemanticStoreRun extends AsyncDisposable {
  readonly store: SemanticStore;
  /** The store's; it stands at `startEpochMs`. */
  readonly clock: ManualClock;
}

/** Opens an empty store that keeps `shardEntriesMax` entries of a shard, and answers of up to 64 kB. */
export type OpenSemanticStore = () => Promise<SemanticStoreRun>;

export const answerBytesMax = 64 * 1024;
export const shardEntriesMax = 50;

export const where = { tenantId: "acme", shard: "a1b2c3" };
export const later = (ms: number) => ({ begunEpochMs: startEpochMs + ms });

export const idsOf = async (
  store: SemanticStore,
  place: Parameters<SemanticStore["loadShard"]>[0] = where,
): Promise<string[]> => (await store.loadShard(place, 1_000)).entries.map(({ id }) => id);

/** Which of the entries have an answer. */
export const found = async (
  store: SemanticStore,
  entries: readonly SemanticEntry[],
): Promise<number[]> => {
  const answers = await Promise.all(entries.map((entry) => store.answerOf(entry)));
  return answers.flatMap((answer, index) => (answer === undefined ? [] : [index]));
};
