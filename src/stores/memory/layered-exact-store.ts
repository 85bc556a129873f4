import type { ExactCache, ExactStore, StoredAnswer } from "../../pipeline/cache/cache-store.ts";
import type { MemoryExactCache } from "./exact-cache.ts";

export interface LayeredExactStoreOptions {
  readonly memory: MemoryExactCache;
  /** Closed with this one. */
  readonly store: ExactStore;
  /** Called for each purge that is asked of this one. */
  readonly onPurge?: () => void;
  /**
   * Whether this process hears of purges that others make. While it does not, what is in memory is not served: it may
   * have been purged. Always true where there are no others.
   */
  readonly isFresh?: () => boolean;
}

/** What was found in the store is found in memory the next time; what is put goes to both. */
export function layeredExactStore(options: LayeredExactStoreOptions): ExactCache {
  const { memory, store, onPurge = () => undefined, isFresh = () => true } = options;
  const peek = (tenantId: string, key: string): StoredAnswer | undefined =>
    isFresh() ? memory.get(tenantId, key) : undefined;
  return {
    peek,
    async get(tenantId, key) {
      const known = peek(tenantId, key);
      if (known !== undefined) return known;
      const found = await store.get(tenantId, key);
      if (found !== undefined) memory.put(key, found);
      return found;
    },
    async put(key, answer) {
      memory.put(key, answer);
      await store.put(key, answer);
    },
    async purge(what) {
      onPurge();
      memory.purge(what);
      return store.purge(what);
    },
    [Symbol.asyncDispose]: async () => {
      memory.clear();
      await store[Symbol.asyncDispose]();
    },
  };
}
