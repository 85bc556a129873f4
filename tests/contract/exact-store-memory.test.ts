import { layeredExactStore } from "../../src/stores/memory/layered-exact-store.ts";
import { MemoryExactCache, memoryExactStore } from "../../src/stores/memory/exact-cache.ts";
import { manualClock } from "../support/manual-clock.ts";
import { startEpochMs } from "../support/stored-answers.ts";
import { answerBytesMax, exactStoreContract } from "./exact-store.ts";

const bytesMax = 64 * 1024 * 1024;

exactStoreContract("memory", () => {
  const clock = manualClock(startEpochMs);
  const store = memoryExactStore({ bytesMax, answerBytesMax, clock });
  return Promise.resolve({
    store,
    clock,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  });
});

exactStoreContract("two levels", () => {
  const clock = manualClock(startEpochMs);
  const memory = new MemoryExactCache({ bytesMax: 20_000, answerBytesMax: 5_000, clock });
  const store = layeredExactStore({
    memory,
    store: memoryExactStore({ bytesMax, answerBytesMax, clock }),
  });
  return Promise.resolve({
    store,
    clock,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  });
});
