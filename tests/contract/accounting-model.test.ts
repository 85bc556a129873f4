import { expect, test } from "vitest";

import { openModelStores } from "./accounting-model-stores.ts";
import { runAccountingModel } from "./accounting-model.ts";

/** Another one each time, besides those that are always the same. `npm run model` goes on for longer. */
const newSeed = Math.floor(Math.random() * 1_000_000);

interface Scenario {
  readonly kinds: string;
  readonly isShared: boolean;
  readonly seed: number;
  readonly operations: number;
}

const scenarios: readonly Scenario[] = [
  ...[1, 2, newSeed].flatMap((seed) =>
    [false, true].map((isShared) => ({ kinds: "memory,second", isShared, seed, operations: 150 })),
  ),
  ...[3, newSeed].map((seed) => ({ kinds: "sqlite", isShared: false, seed, operations: 100 })),
  ...[4, newSeed].map((seed) => ({ kinds: "redis", isShared: true, seed, operations: 100 })),
];

test.for(scenarios)(
  "after kills, power cuts, duplicates and losses $kinds comes to what the model says (seed $seed, shared: $isShared)",
  { timeout: 60_000 },
  async ({ kinds, isShared, seed, operations }) => {
    const openStores = (dataDir: string) => openModelStores(kinds.split(","), dataDir);
    const outcome = await runAccountingModel({ seed, operations, isShared, openStores });
    expect(outcome.requests).toBeGreaterThan(0);
  },
);
