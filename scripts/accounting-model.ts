import { parseArgs } from "node:util";

import { runAccountingModel } from "../tests/contract/accounting-model.ts";
import type { ModelRun } from "../tests/contract/accounting-model.ts";
import { openModelStores } from "../tests/contract/accounting-model-stores.ts";

/**
 * `npm run model -- [--seconds 60] [--seed 1] [--operations 300] [--stores memory,sqlite,redis]`: random runs of the
 * model of the books, one seed after the other, until the time is over. The first that fails is run again with
 * fewer operations, down to the least that still fail, and the command that repeats it is printed.
 */
const { values } = parseArgs({
  allowNegative: true,
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    operations: { type: "string", default: "300" },
    stores: { type: "string", default: "memory,sqlite,redis" },
    /** Run only this seed, once. */
    once: { type: "boolean", default: false },
    shared: { type: "boolean" },
  },
});
const kinds = values.stores.split(",");
const endsAtMs = performance.now() + Number(values.seconds) * 1_000;
const firstSeed = Number(values.seed);

const failed = await runUntilItFails();
if (failed !== undefined) {
  console.log(failed.error);
  if (!values.once) await shrink(failed.run);
  process.exitCode = 1;
}

async function runUntilItFails(): Promise<{ run: ModelRun; error: unknown } | undefined> {
  const sums = { runs: 0, requests: 0, interrupted: 0, kills: 0, powerCuts: 0, storeLosses: 0 };
  for (let seed = firstSeed; ; seed += 1) {
    for (const isShared of values.shared === undefined ? [false, true] : [values.shared]) {
      const run = runOf(seed, Number(values.operations), isShared);
      try {
        const outcome = await runAccountingModel(run);
        sums.runs += 1;
        for (const name of [
          "requests",
          "interrupted",
          "kills",
          "powerCuts",
          "storeLosses",
        ] as const) {
          sums[name] += outcome[name];
        }
      } catch (error) {
        console.log(`seed ${seed} failed${isShared ? ", several processes" : ""}`);
        return { run, error };
      }
    }
    if (values.once || performance.now() > endsAtMs) {
      console.log(`seeds ${firstSeed} to ${seed}: no difference.`, sums);
      return undefined;
    }
  }
}

function runOf(seed: number, operations: number, isShared: boolean): ModelRun {
  // Embedded stores belong to one process.
  const usable = kinds.filter((kind) => !isShared || kind !== "sqlite");
  return { seed, operations, isShared, openStores: (path) => openModelStores(usable, path) };
}

/** The first operations of a seed are the same however many follow. */
async function shrink(run: ModelRun): Promise<void> {
  let [passes, fails] = [0, run.operations];
  while (fails - passes > 1) {
    const middle = Math.floor((passes + fails) / 2);
    const isRight = await runAccountingModel({ ...run, operations: middle }).then(
      () => true,
      () => false,
    );
    if (isRight) passes = middle;
    else fails = middle;
  }
  const shared = run.isShared ? "--shared" : "--no-shared";
  console.log(
    `npm run model -- --once --seed ${run.seed} --operations ${fails} --stores ${values.stores} ${shared}`,
  );
}
