import { join } from "node:path";

/** Names the folder with the build that whole tests run; where it is not set, they run the sources. */
export const buildVariable = "TEST_BUILD_FOLDER";

const root = join(import.meta.dirname, "../..");

/**
 * What tests start. They start hundreds of processes, and one of the bundle takes two thirds of the processor time of one
 * of the sources, which looks for a thousand files; a run of the command line takes half.
 */
export function entriesToStart(): {
  readonly main: string;
  readonly worker: string;
  readonly cli: string;
} {
  const folder = process.env[buildVariable];
  const cli = join(folder ?? root, "bin/sentinel.js");
  if (folder === undefined) {
    return { main: sourceEntry, worker: join(root, "src/worker.ts"), cli };
  }
  return { main: join(folder, "dist/main.js"), worker: join(folder, "dist/worker.js"), cli };
}

/** What `npm start` runs. */
export const sourceEntry = join(root, "src/main.ts");
/** Runs the sources, where they are. */
export const sourceCli = join(root, "bin/sentinel.js");
