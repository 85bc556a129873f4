import { mkdir, readFile, rm } from "node:fs/promises";

import { z } from "zod";

import { installDebianPackages } from "./install-debian-packages.ts";
import { installPythonClient } from "./install-python-client.ts";
import { installTestEmbedder } from "./install-test-embedder.ts";
import { nodeStep, programs, runStep } from "./run-step.ts";

/**
 * `npm test`: every test, on a machine that has Node and npm and nothing else. Installs what it needs, and
 * ends with one line: how many passed and how many failed. Fails if nothing ran.
 */

const reportPath = ".cache/test-report.json";

/** Of vitest's JSON report, what is counted. */
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
});

await mkdir(".cache", { recursive: true });
await rm(reportPath, { force: true });
await installDebianPackages();
await installPythonClient();
await installTestEmbedder();
const vitest = nodeStep(
  "tests",
  programs.vitest,
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${reportPath}`,
);
const { isOk } = await runStep(vitest, { output: "show", minutesMax: 60 });
const { passed, failed, skipped } = await countTests();
const isGood = isOk && failed === 0 && passed > 0;
// A run can fail though no test did: by an error outside of them, or since there were none.
const failures = isGood ? 0 : Math.max(failed, 1);
console.log(`${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = isGood ? 0 : 1;

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

async function countTests(): Promise<Counts> {
  const files = await readReport();
  const statuses = files.flatMap(({ assertionResults }) => assertionResults.map((t) => t.status));
  const passed = statuses.filter((status) => status === "passed").length;
  const failed = statuses.filter((status) => status === "failed").length;
  /** Files that could not be loaded, or whose set-up failed, have failed though none of their tests has. */
  const brokenFiles = files.filter(
    ({ status, assertionResults }) =>
      status === "failed" && assertionResults.every((t) => t.status !== "failed"),
  ).length;
  return {
    passed,
    failed: failed + brokenFiles,
    skipped: statuses.length - passed - failed,
  };
}

async function readReport(): Promise<z.infer<typeof reportSchema>["testResults"]> {
  try {
    return reportSchema.parse(JSON.parse(await readFile(reportPath, "utf8"))).testResults;
  } catch (error) {
    console.error(`vitest left no report: ${String(error)}`);
    return [];
  }
}
