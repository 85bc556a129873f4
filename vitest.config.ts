import { join } from "node:path";

import { defineConfig } from "vitest/config";

/**
 * Five kinds of tests, from pure to whole (ARCHITECTURE.md, "Tests"). `npm run check` runs the first three;
 * `npm test` runs all of them. Of the whole ones those run last, and with fewer beside them, that say how long something
 * may take.
 */
const timed = [
  "alerts",
  "cache-outages",
  "cache-replicas",
  "cache-shutdown",
  "chaos",
  "drain",
  "monitoring",
  "redis-crowds",
  "redis-outages",
  "redis-replicas",
].map((name) => `tests/e2e/${name}.test.ts`);

/** As many as a small machine has cores, for what computes and for what is timed. */
const workers = 2;
/** One more for tests that wait for processes, sockets and time-outs. Each group of projects runs after the one before. */
const waiting = { maxWorkers: 3, sequence: { groupOrder: 1 } } as const;
const compileCache = join(import.meta.dirname, ".cache/compile-tests");
/** What the processes of whole tests are started from (`tests/support/built-sentinel.ts`). */
const buildFolder = join(import.meta.dirname, ".cache/test-build");

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
    // Node loads TypeScript itself: Vite's transform takes three seconds of the processor for each project and worker. Unit
    // tests have it, as `vi.resetModules` needs it.
    experimental: { viteModuleRunner: name === "unit" },
    ...(name === "unit" ? { maxWorkers: workers } : waiting),
    // Most tests start threads, which compile the same files: that is what they take longest for.
    env: { NODE_COMPILE_CACHE: compileCache },
  },
});

/** Whole tests: their processes are of a build, made before. */
const whole = (name: string, files: { include?: string[]; exclude?: string[] }, more: object) => {
  const { test } = project("e2e", 120_000, { isolate: false });
  const env = { ...test.env, TEST_BUILD_FOLDER: buildFolder };
  return {
    test: { ...test, name, env, globalSetup: "tests/support/build-once.ts", ...files, ...more },
  };
};

export default defineConfig({
  test: {
    projects: [
      project("unit", 30_000, { isolate: false }),
      project("contract", 60_000, { isolate: false }),
      project("http", 60_000, { isolate: false }),
      whole("e2e", { exclude: timed }, {}),
      whole("e2e-timed", { include: timed }, { maxWorkers: workers, sequence: { groupOrder: 2 } }),
      project("matrix", 60_000),
    ],
  },
});
