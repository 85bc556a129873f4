import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { expect, test } from "vitest";

/** `npm run proof:cache` makes a million. */
const puts = "250000";

test("many puts leave the process as large as it was after the first hundred thousand", async () => {
  const script = new URL("../support/fill-exact-cache.ts", import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [script.pathname, puts]);
  const { earlyMb, lateMb, bytesMb } = JSON.parse(stdout) as Record<string, number>;
  expect(bytesMb).toBeLessThanOrEqual(32);
  expect(lateMb).toBeLessThan((earlyMb ?? 0) * 1.15 + 10);
}, 120_000);
