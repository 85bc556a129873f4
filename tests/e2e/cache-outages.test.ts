import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startFaultProxy } from "../support/fault-proxy.ts";
import type { FaultProxy } from "../support/fault-proxy.ts";
import { plainly, politely } from "../support/menu-questions.ts";
import type { SentinelProcess } from "../support/process.ts";
import { startRedis, untilTrue } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { startSemanticUpstream } from "../support/semantic-upstream.ts";
import type { SemanticUpstream } from "../support/semantic-upstream.ts";
import { askCached, askNew, partMs, teach, untilKept, untilLearnt } from "./redis/cached.ts";
import type { CachedAnswer } from "./redis/cached.ts";
import { introduce, startFleet } from "./redis/fleet.ts";
import type { Fleet, FleetTenant } from "./redis/fleet.ts";
import { degradedParts } from "./redis/ledger.ts";
import { promptUpstream } from "./redis/load.ts";

/** What the cache stands on goes away while requests run: nothing but hits is lost. */

interface Timing {
  /** While all is well, one after the other, and some at once. */
  readonly healthy: readonly CachedAnswer[];
  readonly healthyCrowd: readonly CachedAnswer[];
  /** Those that find out that something does not answer, all at once, and those that come after. */
  readonly crowd: readonly CachedAnswer[];
  readonly after: readonly CachedAnswer[];
}

/** A machine that is busy with other tests makes all of them slower: the spread of the healthy ones says how much. */
function expectFast({ healthy, healthyCrowd, crowd, after }: Timing, waitedMsMax: number): void {
  const waited = difference(healthyCrowd, crowd);
  const known = difference(healthy, after);
  const said = JSON.stringify({ waited, known });
  expect(waited.addedMs, said).toBeLessThan(waitedMsMax + waited.spreadMs);
  expect(known.addedMs, said).toBeLessThan(openMsMax + known.spreadMs);
}

/** Of the medians; and the spread from the first one's to its 95th in a hundred. */
function difference(before: readonly CachedAnswer[], after: readonly CachedAnswer[]) {
  const beforeMs = partMs(before, 0.5);
  const spreadMs = partMs(before, 0.95) - beforeMs;
  return { beforeMs, spreadMs, addedMs: partMs(after, 0.5) - beforeMs };
}

const crowdSize = 6;
/** Calls that are sent at once wait so much longer for each that is ahead of them (stores/redis/request-gate.ts). */
const perCallAheadMs = 2;

async function askCrowds(
  at: SentinelProcess,
  tenant: FleetTenant,
  count: number,
): Promise<CachedAnswer[]> {
  const answers: CachedAnswer[] = [];
  for (let crowd = 0; crowd < count; crowd += 1) {
    const asking = Array.from({ length: crowdSize }, () => askNew(at, tenant, 1));
    answers.push(...(await Promise.all(asking)).flat());
  }
  return answers;
}

/** More than this nobody waits for what is known not to answer. */
const openMsMax = 10;

const isTold = ({ degraded }: CachedAnswer): boolean => degraded.includes("cache");

const statuses = (answers: readonly CachedAnswer[]) => new Set(answers.map(({ status }) => status));

describe("with Redis and an embedder", () => {
  const resources = new AsyncDisposableStack();
  let redis: RedisServer;
  let redisProxy: FaultProxy;
  let embedderProxy: FaultProxy;
  let servers: SemanticUpstream;
  let fleet: Fleet;
  let gateway: SentinelProcess;
  beforeAll(async () => {
    redis = resources.use(await startRedis({ appendOnly: true }));
    redisProxy = resources.use(await startFaultProxy(redis));
    servers = resources.use(await startSemanticUpstream());
    const { hostname: host, port } = new URL(servers.embeddings.baseUrl);
    embedderProxy = resources.use(await startFaultProxy({ host, port: Number(port) }));
    fleet = await startFleet({
      redisUrls: [`redis://${redisProxy.host}:${redisProxy.port}`],
      script: promptUpstream,
      env: {
        SENTINEL_EMBEDDER: `http://${embedderProxy.host}:${embedderProxy.port}/v1`,
        SENTINEL_EMBEDDER_MODEL: "e",
        SENTINEL_EMBEDDER_TIMEOUT_MS: "100",
      },
    });
    resources.use(fleet);
    gateway = fleet.first;
  });
  afterAll(() => resources.disposeAsync());

  const untilWell = (): Promise<void> =>
    untilTrue("all is well", async () => (await degradedParts(gateway)).length === 0);

  /** The connection that tenants are read by comes back in its own time. */
  async function newTenant(policy: object): Promise<FleetTenant> {
    let tenant: FleetTenant | undefined;
    await untilTrue("tenants can be made", async () => {
      tenant = await fleet.newTenant(policy).catch(() => undefined);
      return tenant !== undefined;
    });
    if (tenant === undefined) throw new Error("there is none");
    await introduce(tenant, [gateway]);
    return tenant;
  }

  interface Fault {
    readonly name: string;
    readonly begin: () => unknown;
    readonly end: () => unknown;
  }

  const redisFaults: readonly Fault[] = [
    { name: "killed", begin: () => redis.kill(), end: () => redis.restart() },
    {
      name: "stopped",
      begin: () => {
        redis.pause();
      },
      end: () => {
        redis.resume();
      },
    },
    {
      name: "a black hole",
      begin: () => {
        redisProxy.blackHole();
      },
      end: () => {
        redisProxy.heal();
      },
    },
  ];

  test.each(redisFaults)(
    "Redis $name: all are answered in time, are told of it, and hit again when it is back",
    async ({ begin, end }) => {
      const tenant = await newTenant({});
      const kept = { content: "What is kept?" };
      await askCached(gateway, tenant, kept);
      await untilKept(gateway, tenant, kept);
      const healthy = await askNew(gateway, tenant, 60);
      const healthyCrowd = await askCrowds(gateway, tenant, 8);
      expect(healthy.flatMap(({ degraded }) => degraded)).toEqual([]);

      await begin();
      const crowd = await askCrowds(gateway, tenant, 1);
      await untilTrue("it is given up", async () => {
        return (await askNew(gateway, tenant, 1)).every(isTold);
      });
      const after = await askNew(gateway, tenant, 60);
      // It may have been purged by another replica, of which this one would not have heard: it may be asked anew.
      const again = await askCached(gateway, tenant, kept);
      await end();

      expect(statuses([...crowd, ...after, again])).toEqual(new Set([200]));
      expect(after.every(isTold)).toBe(true);
      await untilWell();
      await askCached(gateway, tenant, kept);
      await untilKept(gateway, tenant, kept);
      expectFast({ healthy, healthyCrowd, crowd, after }, 60 + crowdSize * perCallAheadMs);
    },
  );

  const embedderFaults: readonly Omit<Fault, "end">[] = [
    {
      name: "is down",
      begin: () => embedderProxy.refuse(),
    },
    {
      name: "hangs",
      begin: () => {
        embedderProxy.blackHole();
      },
    },
  ];

  test.each(embedderFaults)(
    "the embedder $name: all are answered in time, and what means the same is found again when it is back",
    async ({ begin }) => {
      const tenant = await newTenant({ cache: { semantic: { mode: "on" } } });
      // Near questions are served, so that each request waits for its vector.
      await teach(gateway, { tenantId: tenant.id, redisUrl: redis.url, near: true });
      await askCached(gateway, tenant, { content: plainly(1) });
      await untilLearnt(gateway);
      await untilKept(gateway, tenant, { content: politely(1) }, "semantic");
      const healthy = await askNew(gateway, tenant, 60);
      const healthyCrowd = await askCrowds(gateway, tenant, 8);
      await untilLearnt(gateway);

      await begin();
      const before = servers.embeddedCount;
      const crowd = await askCrowds(gateway, tenant, 1);
      const after = await askNew(gateway, tenant, 60);
      expect(statuses([...crowd, ...after])).toEqual(new Set([200]));
      await untilTrue("it is said", async () => {
        return (await degradedParts(gateway)).includes("embedder");
      });
      // The tier's own limit is what the first of them wait for a vector.
      expectFast({ healthy, healthyCrowd, crowd, after }, 150);
      expect(servers.embeddedCount).toBe(before);
      // What was not embedded is found by its normal form all the same.
      await askCached(gateway, tenant, { content: plainly(2) });
      await untilKept(gateway, tenant, { content: politely(2) }, "semantic");

      embedderProxy.heal();
      await untilTrue("it is asked again", async () => {
        await askNew(gateway, tenant, 1);
        return (await degradedParts(gateway)).length === 0;
      });
      await untilTrue("vectors come again", async () => {
        await askNew(gateway, tenant, 1);
        return servers.embeddedCount > before;
      });
    },
  );
});
