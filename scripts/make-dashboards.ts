import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, relative } from "node:path";

import { generatedFiles } from "./make-dashboards/files.ts";

/** Writes the dashboards and rules of `monitoring/`. With `--check` it only compares. */
const isCheck = process.argv.includes("--check");

for (const { path, text } of await generatedFiles()) {
  if (!isCheck) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    continue;
  }
  const kept = await readFile(path, "utf8").catch(() => ""); // one that is not there is stale too
  if (kept === text) continue;
  console.error(`${relative(process.cwd(), path)} is stale. Run: npm run dashboards`);
  process.exitCode = 1;
}
