import { parseArgs } from "node:util";

import { startFleet } from "../tests/e2e/redis/fleet.ts";
import { promptUpstream } from "../tests/e2e/redis/load.ts";
import { faults, outageText, proveOutage } from "../tests/e2e/redis/outage.ts";
import { startFaultProxy } from "../tests/support/fault-proxy.ts";
import { startRedis } from "../tests/support/redis.ts";

/**
 * `npm run proof:redis -- [--seconds 10] [--only NAME]`: a real gateway under load while its Redis fails in every way
 * that there is, and then everything that clients, audit, usage and budgets have, compared to the nano-dollar.
 */
const { values } = parseArgs({
  options: { seconds: { type: "string", default: "10" }, only: { type: "string", default: "" } },
});

await using redis = await startRedis({ appendOnly: true });
await using proxy = await startFaultProxy(redis);
await using fleet = await startFleet({
  redisUrls: [`redis://${proxy.host}:${proxy.port}`],
  script: promptUpstream,
});
let problems = 0;
for (const fault of faults) {
  if (!fault.name.includes(values.only)) continue;
  const faultMs = Number(values.seconds) * 1_000;
  const proof = await proveOutage({ fleet, redis, proxy, fault, faultMs, quietMs: 2_000 });
  console.log(outageText(proof));
  problems += proof.problems.length;
}
process.exitCode = problems === 0 ? 0 : 1;
