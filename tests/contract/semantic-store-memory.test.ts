import { manualClock } from "../support/manual-clock.ts";
import { SemanticBackend } from "../support/memory-semantic-store.ts";
import { answerBytesMax, shardEntriesMax } from "../support/semantic-run.ts";
import { startEpochMs } from "../support/stored-answers.ts";
import { semanticStoreContract } from "./semantic-store.ts";

/** The store that the tier's own tests use does what the real ones do. */
semanticStoreContract("memory", () => {
  const clock = manualClock(startEpochMs);
  const store = new SemanticBackend(clock, { answerBytesMax, shardEntriesMax }).open();
  return Promise.resolve({
    store,
    clock,
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  });
});
