import { afterAll, beforeAll, expect, test } from "vitest";

import { startFaultProxy } from "../support/fault-proxy.ts";
import type { FaultProxy } from "../support/fault-proxy.ts";
import { startRedis } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { startFleet } from "./redis/fleet.ts";
import type { Fleet } from "./redis/fleet.ts";
import { promptUpstream } from "./redis/load.ts";
import { faults, outageText, proveOutage } from "./redis/outage.ts";

/** `npm run proof:redis` is the long version. */
let redis: RedisServer;
let proxy: FaultProxy;
let fleet: Fleet;
beforeAll(async () => {
  redis = await startRedis({ appendOnly: true });
  proxy = await startFaultProxy(redis);
  fleet = await startFleet({
    redisUrls: [`redis://${proxy.host}:${proxy.port}`],
    script: promptUpstream,
  });
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/**
 * What one that waits for Redis, and one that does not, may take longer than when all is well: less than two waits, and far
 * less than one. On a quiet machine it is 50 ms and a fraction of one.
 */
const waitedMsMax = 90;
const openMsMax = 10;

test.each(faults)(
  "Redis $name: nobody meets more than the degradation table says, and nothing is lost",
  async (fault) => {
    const proof = await proveOutage({ fleet, redis, proxy, fault, faultMs: 2_000, quietMs: 500 });
    expect(proof.problems, outageText(proof)).toEqual([]);
    expect(proof.requests).toBeGreaterThan(50);
    if (!fault.isOutage) return;
    expect(proof.refused, "a hard budget's share is used up").toBeGreaterThan(0);
    // A machine that is busy with other tests makes both slower: the spread of the healthy ones says how much.
    const { healthyMs, spreadMs, waitedMs, openMs } = proof;
    expect(waitedMs - healthyMs, outageText(proof)).toBeLessThan(waitedMsMax + spreadMs);
    expect(openMs - healthyMs, outageText(proof)).toBeLessThan(openMsMax + spreadMs);
  },
);
