import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { expect, test } from "vitest";

/** `npm run proof:cache` asks half a million. */
const puts = "200000";

test("many questions leave the index within its bytes, and the process as large as it was after the first hundred thousand", async () => {
  const script = new URL("../support/fill-semantic-index.ts", import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [script.pathname, puts]);
  const { earlyMb, lateMb, bytesMb, mostMb } = JSON.parse(stdout) as Record<string, number>;
  expect(mostMb).toBeLessThanOrEqual(32);
  expect(bytesMb).toBeGreaterThan(16);
  expect(lateMb).toBeLessThan((earlyMb ?? 0) * 1.3 + 16);
}, 120_000);
