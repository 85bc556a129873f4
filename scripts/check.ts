import { parseArgs } from "node:util";

import { nodeStep, programs, runStep } from "./run-step.ts";
import type { Step, StepResult } from "./run-step.ts";

/**
 * `npm run check`: what has to be right before every commit, in under a minute: types, lint, format, and the
 * tests that need nothing but Node. `npm run check:static`, for CI, leaves out the tests, which `npm test` has.
 *
 * Two things are faster here than in CI, and less strict: files that have not changed are not linted again,
 * even if what they import has, and test files share a process.
 */

const { values } = parseArgs({ options: { static: { type: "boolean", default: false } } });
const { eslint, prettier, tsc, vitest } = programs;

const quickLint = values.static
  ? []
  : ["--cache", "--cache-strategy", "content", "--cache-location", "node_modules/.cache/eslint"];
const staticSteps = [
  nodeStep("lint", eslint, "--max-warnings", "0", ...quickLint, "."),
  nodeStep("types", tsc),
  nodeStep("format", prettier, "--check", "--log-level", "warn", "."),
];
const projects = ["unit", "contract", "http"].flatMap((name) => ["--project", name]);
const tests = nodeStep(
  "tests",
  vitest,
  "run",
  ...projects,
  "--no-isolate",
  "--maxWorkers=2",
  "--reporter=dot",
);

/** As many as a small machine has cores. The longest step comes first, so that the lanes end together. */
const lanes = 2;

const results = await runAll(values.static ? staticSteps : [tests, ...staticSteps]);
process.exitCode = results.every(({ isOk }) => isOk) ? 0 : 1;

async function runAll(steps: readonly Step[]): Promise<readonly StepResult[]> {
  const waiting = [...steps];
  const results: StepResult[] = [];
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const result = await runStep(step, { output: "keep", minutesMax: 5 });
      report(result);
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

function report({ step, isOk, seconds, output }: StepResult): void {
  console.log(`${isOk ? "ok    " : "FAILED"} ${step.name.padEnd(7)} ${seconds.toFixed(1)} s`);
  if (!isOk) console.log(output.trimEnd());
}
