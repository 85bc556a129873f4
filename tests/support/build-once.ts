import { cp } from "node:fs/promises";
import { join } from "node:path";

import type { TestProject } from "vitest/node";

import { buildSentinel } from "../../scripts/build/build-sentinel.ts";
import { buildVariable } from "./built-sentinel.ts";

/** More than one project of a run starts processes. */
let built: Promise<void> | undefined;

/** Before whole tests: the build that is published, laid out as in a package. */
export async function setup({ config }: TestProject): Promise<void> {
  const folder = config.env[buildVariable];
  if (typeof folder !== "string") throw new Error(`${buildVariable} is not set.`);
  await (built ??= buildInto(folder));
}

async function buildInto(folder: string): Promise<void> {
  await buildSentinel({ folder: join(folder, "dist") });
  await cp(join(import.meta.dirname, "../../bin"), join(folder, "bin"), { recursive: true });
}
