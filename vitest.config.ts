import { join } from "node:path";

import { defineConfig } from "vitest/config";

/**
 * Five kinds of tests, from pure to whole (ARCHITECTURE.md, "Tests"). `npm run check` runs the first three;
 * `npm test` runs all of them.
 */
const compileCache = join(import.meta.dirname, ".cache/compile-tests");

/** Without isolation the files of a worker share what it has loaded, which for a gateway takes a second each time. */
interface Sharing {
  readonly isolate?: boolean;
}

const project = (name: string, testTimeout: number, { isolate = true }: Sharing = {}) => ({
  test: {
    name,
    isolate,
    include: [`tests/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: 60_000,
    pool: "forks" as const,
    // Most tests start threads, which compile the same files: that is what they take longest for.
    env: { NODE_COMPILE_CACHE: compileCache },
  },
});

export default defineConfig({
  test: {
    projects: [
      project("unit", 10_000, { isolate: false }),
      project("contract", 20_000),
      project("http", 20_000, { isolate: false }),
      project("e2e", 120_000),
      project("matrix", 20_000),
    ],
  },
});
