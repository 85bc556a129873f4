import { afterAll, beforeAll, expect, test } from "vitest";

import { startFaultProxy } from "../support/fault-proxy.ts";
import { plainly, politely } from "../support/menu-questions.ts";
import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { startRedis, untilTrue } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { completion, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { startSemanticUpstream } from "../support/semantic-upstream.ts";
import type { SemanticUpstream } from "../support/semantic-upstream.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { askAdmin } from "./kills/proof-tenants.ts";
import {
  askCached,
  keptIn,
  semanticStatus,
  teach,
  untilKept,
  untilLearnt,
} from "./redis/cached.ts";
import { adminOf, adminToken, startFleet, yaml } from "./redis/fleet.ts";
import type { Fleet, FleetTenant } from "./redis/fleet.ts";
import { degradedParts } from "./redis/ledger.ts";

/** Two gateways on one Redis, and an embedder for both. */
let redis: RedisServer;
let servers: SemanticUpstream;
let fleet: Fleet;
let left: SentinelProcess;
let right: SentinelProcess;
let env: Record<string, string>;
beforeAll(async () => {
  redis = await startRedis({ appendOnly: true });
  servers = await startSemanticUpstream();
  env = { SENTINEL_EMBEDDER: servers.embeddings.baseUrl, SENTINEL_EMBEDDER_MODEL: "e" };
  fleet = await startFleet({ redisUrls: [redis.url, redis.url], script: counting(), env });
  left = fleet.first;
  const [, second] = fleet.gateways;
  if (second === undefined) throw new Error("there is one gateway only");
  right = second;
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** No two answers are the same. */
function counting(): Script {
  let count = 0;
  return (...call) => whole(completion(`answer ${++count}`))(...call);
}

const semanticOn = { cache: { semantic: { mode: "on" } } } as const;

/** One whose questions of one normal form are known to mean the same. */
async function taughtTenant(): Promise<FleetTenant> {
  const tenant = await fleet.newTenant(semanticOn);
  await teach(left, { tenantId: tenant.id, redisUrl: redis.url });
  return tenant;
}

const contentOf = (text: string): unknown =>
  (JSON.parse(text) as { choices: [{ message: { content: unknown } }] }).choices[0].message.content;

test("what one replica was answered the other serves, without asking anybody", async () => {
  const tenant = await fleet.newTenant({});
  const question = { content: "What do two replicas share?" };
  const made = await askCached(left, tenant, question);
  expect(made).toMatchObject({ status: 200, cache: "miss" });
  await untilKept(right, tenant, question);
  fleet.upstream.forget();
  const again = await askCached(right, tenant, question);
  expect(again).toMatchObject({ status: 200, cache: "exact" });
  expect(contentOf(again.text)).toBe(contentOf(made.text));
  const streamed = await askCached(right, tenant, { ...question, fields: { stream: true } });
  expect(streamed).toMatchObject({ status: 200, cache: "exact" });
  expect(fleet.upstream.seen).toHaveLength(0);
  const stranger = await fleet.newTenant({});
  for (const at of [left, right]) expect(await keptIn(at, stranger, question)).toBeUndefined();
});

test("what one replica learnt the other serves, and nothing of it to another tenant", async () => {
  const [tenant, stranger] = [await taughtTenant(), await taughtTenant()];
  const made = await askCached(left, tenant, { content: plainly(1) });
  await untilLearnt(left);
  await untilKept(right, tenant, { content: politely(1) }, "semantic");
  expect(contentOf(await semanticAnswer(right, tenant, politely(1)))).toBe(contentOf(made.text));
  // Its own shard is loaded: it has asked something itself.
  await askCached(right, stranger, { content: plainly(2) });
  await untilLearnt(right);
  await untilKept(right, stranger, { content: politely(2) }, "semantic");
  expect(await keptIn(right, stranger, { content: politely(1) })).toBeUndefined();
});

/** One would-be hit in twenty is audited, and not served. */
async function semanticAnswer(
  at: SentinelProcess,
  tenant: FleetTenant,
  content: string,
): Promise<string> {
  const headers = { "x-sentinel-cache": "only-if-cached" };
  for (let times = 0; times < 20; times += 1) {
    const { cache, text } = await askCached(at, tenant, { content, headers });
    if (cache === "semantic") return text;
  }
  throw new Error("It was not served, twenty times over.");
}

const tagged = { "x-sentinel-tags": "team=a" };

test.each([
  { by: "all of a tenant", isOtherKept: false, what: () => ({ all: true }) },
  { by: "model", isOtherKept: true, what: () => ({ model: "m" }) },
  { by: "tag", isOtherKept: true, what: () => ({ tag: "team=a" }) },
  { by: "request id", isOtherKept: true, what: (id: string) => ({ request_id: id }) },
])(
  "a purge by $by through one replica reaches both within a second",
  async ({ isOtherKept, what }) => {
    const tenant = await taughtTenant();
    const meant = { content: plainly(3), headers: tagged };
    const other = { content: plainly(4), fields: { model: "test/m" } };
    const { id } = await askCached(left, tenant, meant);
    await askCached(left, tenant, other);
    await untilLearnt(left);
    const alike = { content: politely(3) };
    // Both have it in memory, and its shard loaded.
    for (const at of [left, right]) {
      await untilKept(at, tenant, meant);
      await untilKept(at, tenant, other);
      await untilKept(at, tenant, alike, "semantic");
    }

    const startedMs = performance.now();
    const reply = await askAdmin(adminOf(left), "POST /cache/purge", {
      tenant: tenant.id,
      ...what(id),
    });
    expect(reply["purged"]).toEqual(
      isOtherKept ? { exact: 1, semantic: 1 } : { exact: 2, semantic: 2 },
    );
    for (const at of [right, left]) {
      await untilTrue("it is gone", async () => {
        return (await keptIn(at, tenant, meant)) === undefined;
      });
      await untilTrue("it is gone for what means the same", async () => {
        return (await keptIn(at, tenant, alike)) === undefined;
      });
    }
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    for (const at of [right, left]) {
      // Several times: one would-be hit in twenty is not served in any case.
      for (const question of [meant, alike, alike, alike]) {
        expect(await keptIn(at, tenant, question)).toBeUndefined();
      }
      expect(await keptIn(at, tenant, other)).toBe(isOtherKept ? "exact" : undefined);
    }
  },
);

test("a replica that was killed comes back with all that is kept and learnt, and with nothing that was purged", async () => {
  await using folder = await tempFolder();
  const start = (): Promise<SentinelProcess> =>
    startSentinel({
      folder: folder.path,
      yaml: yaml(fleet.upstream.baseUrl),
      env: { SENTINEL_REDIS_URL: redis.url, SENTINEL_ADMIN_TOKEN: adminToken, ...env },
    });
  const tenant = await taughtTenant();
  const stay = [10, 11, 12, 13];
  const go = [20, 21, 22, 23];
  {
    await using victim = await start();
    for (const index of stay) await askCached(victim, tenant, { content: plainly(index) });
    for (const index of go) {
      await askCached(victim, tenant, { content: plainly(index), headers: tagged });
    }
    await untilLearnt(victim);
    for (const index of [...stay, ...go]) {
      await untilKept(victim, tenant, { content: plainly(index) });
      await untilKept(victim, tenant, { content: politely(index) }, "semantic");
    }
    victim.kill("SIGKILL");
    expect(await victim.exit).toMatchObject({ signal: "SIGKILL" });
  }
  const purge = { tenant: tenant.id, tag: "team=a" };
  const reply = await askAdmin(adminOf(left), "POST /cache/purge", purge);
  expect(reply["purged"]).toEqual({ exact: go.length, semantic: go.length });

  await using back = await start();
  fleet.upstream.forget();
  for (const index of stay) {
    expect(await keptIn(back, tenant, { content: plainly(index) })).toBe("exact");
    await untilKept(back, tenant, { content: politely(index) }, "semantic");
  }
  for (const index of go) {
    for (const content of [plainly(index), politely(index), politely(index)]) {
      expect(await keptIn(back, tenant, { content })).toBeUndefined();
    }
  }
  expect(fleet.upstream.seen).toHaveLength(0);
  const { channels } = await semanticStatus(back, tenant.id);
  expect(channels.CN.can_serve).toBe(true);
});

test("a replica that was cut off while somebody purged serves nothing of it a second later, nor when it is back", async () => {
  await using proxy = await startFaultProxy(redis);
  const redisUrl = `redis://${proxy.host}:${proxy.port}`;
  await using remote = await startSentinel({
    yaml: yaml(fleet.upstream.baseUrl),
    env: { SENTINEL_REDIS_URL: redisUrl, SENTINEL_ADMIN_TOKEN: adminToken, ...env },
  });
  const tenant = await taughtTenant();
  const [plain, polite] = [{ content: plainly(50) }, { content: politely(50) }];
  await askCached(remote, tenant, plain);
  await untilLearnt(remote);
  await untilKept(left, tenant, plain);
  await untilKept(remote, tenant, polite, "semantic");
  await proxy.refuse();
  const purgedMs = performance.now();
  await askAdmin(adminOf(left), "POST /cache/purge", { tenant: tenant.id, all: true });
  await untilTrue("it does without what it may not know to be there", async () => {
    return (await keptIn(remote, tenant, plain)) === undefined;
  });
  // So long it may take a replica to see that it hears nothing any more; and the machine is busy.
  expect(performance.now() - purgedMs).toBeLessThan(5_000);
  const expectNothing = async (): Promise<void> => {
    for (const question of [plain, polite, polite]) {
      expect(await keptIn(remote, tenant, question)).toBeUndefined();
    }
  };
  await expectNothing();
  proxy.heal();
  await untilTrue("it is back", async () => {
    await expectNothing();
    return (await degradedParts(remote)).length === 0;
  });
  for (let times = 0; times < 10; times += 1) await expectNothing();
  await untilTrue("it keeps again", async () => {
    await askCached(remote, tenant, plain);
    return (await keptIn(left, tenant, plain)) === "exact";
  });
});

test("what a replica learnt is kept when it is stopped, and another begins with it", async () => {
  const tenant = await fleet.newTenant({ cache: { semantic: { mode: "shadow" } } });
  // The same words each time: a label that nobody has to be asked for.
  fleet.upstream.answer(whole(completion("Under Extras.")));
  const gateway = await startSentinel({
    yaml: yaml(fleet.upstream.baseUrl),
    env: { SENTINEL_REDIS_URL: redis.url, SENTINEL_ADMIN_TOKEN: adminToken, ...env },
  });
  await using _stopped = gateway;
  for (let index = 30; index < 40; index += 1) {
    for (const content of [plainly(index), politely(index)]) {
      await askCached(gateway, tenant, { content });
      await untilLearnt(gateway);
    }
  }
  const { channels: before } = await semanticStatus(gateway, tenant.id);
  expect(before.CN.labels).toBeGreaterThanOrEqual(10);
  expect(await gateway.stop()).toMatchObject({ code: 0 });
  const { channels: after } = await semanticStatus(right, tenant.id);
  expect(after.CN.labels).toBe(before.CN.labels);
});
