import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { replicasKey } from "../../src/stores/redis/limits/keys.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import type { FaultProxy } from "../support/fault-proxy.ts";
import { launchSentinel, runToEnd, startSentinel } from "../support/process.ts";
import { freePort, startRedis, untilTrue } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { whole } from "../support/scripted-upstream.ts";
import { askAdmin } from "./kills/proof-tenants.ts";
import { adminOf, introduce, nanoUsdPer, startFleet } from "./redis/fleet.ts";
import type { Fleet, FleetTenant } from "./redis/fleet.ts";
import { degradedParts } from "./redis/ledger.ts";
import type { Seen } from "./redis/ledger.ts";
import { ask, promptUpstream } from "./redis/load.ts";

/** Two gateways on one Redis, each with a network of its own to it. */
let redis: RedisServer;
let proxies: FaultProxy[];
let fleet: Fleet;
beforeAll(async () => {
  redis = await startRedis({ appendOnly: true });
  proxies = [await startFaultProxy(redis), await startFaultProxy(redis)];
  fleet = await startFleet({
    redisUrls: proxies.map(({ host, port }) => `redis://${host}:${port}`),
    script: promptUpstream,
  });
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const limitUsd = 0.1;
const limitNanoUsd = limitUsd * 1e9;
const costNanoUsd = 3 * nanoUsdPer.input + 2 * nanoUsdPer.output;
const hardBudget = [
  { period: "total", kind: "hard", limit_usd: String(limitUsd), alert_at_percent: [] },
];

/** Asks all gateways again and again until none admits any more; gives what was served. */
async function spendAll(tenant: FleetTenant): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  await Promise.all(
    fleet.gateways.map(async ({ url }) => {
      for (let refused = 0; refused < refusedMax;) {
        const answers = await Promise.all(Array.from({ length: 8 }, () => ask(url, tenant)));
        seen.push(...answers);
        refused = answers.every(({ status }) => status !== 200) ? refused + 1 : 0;
      }
    }),
  );
  return seen;
}
/** Budgets come free when what was reserved beyond the use is settled. */
const refusedMax = 6;

const served = (seen: readonly Seen[]): number =>
  seen.filter(({ status }) => status === 200).length;

afterEach(heal);

async function cut(...at: readonly number[]): Promise<void> {
  for (const one of at) await proxies[one]?.refuse();
  await untilTrue("it is known that Redis is gone", async () => {
    const parts = await Promise.all(at.map((one) => degradedOf(one)));
    return parts.every((degraded) => degraded.includes("limits"));
  });
}

async function heal(): Promise<void> {
  for (const proxy of proxies) proxy.heal();
  await untilTrue("all is well", async () => {
    const parts = await Promise.all(proxies.map((_, at) => degradedOf(at)));
    return parts.flat().length === 0;
  });
}

async function degradedOf(at: number): Promise<string[]> {
  const gateway = fleet.gateways[at];
  if (gateway === undefined) throw new Error(`there is no gateway ${at}`);
  // A limit is what shows that Redis is gone.
  await ask(gateway.url, watcher);
  return degradedParts(gateway);
}

let watcher: FleetTenant;
beforeAll(async () => {
  watcher = await fleet.newTenant({ limits: { requests_per_minute: 600_000 } });
  await introduce(watcher, fleet.gateways);
  // The first has said that it is there, and was told how many there are, since the second has.
  let bothSince = Number.POSITIVE_INFINITY;
  await untilTrue("each knows of the other", async () => {
    const found = await redis.command("ZRANGE", replicasKey, 0, -1, "WITHSCORES");
    const expiries = (found as [id: string, expiry: string][]).map(([, expiry]) => Number(expiry));
    if (expiries.length < 2) return false;
    bothSince = Math.min(bothSince, Math.max(...expiries));
    return Math.min(...expiries) > bothSince;
  });
});

test.each([
  { name: "one of two is", cutOff: [0], rateMax: 1.5 },
  { name: "both are", cutOff: [0, 1], rateMax: 1.05 },
])(
  "$name cut off from Redis: a hard budget is spent to 105 % at most, and a rate to $rateMax of its limit",
  async ({ cutOff, rateMax }) => {
    const perMinute = 120;
    const budgeted = await fleet.newTenant({ budgets: hardBudget });
    const rated = await fleet.newTenant({ limits: { requests_per_minute: perMinute } });
    for (const tenant of [budgeted, rated]) {
      for (const { url } of fleet.gateways) await ask(url, tenant);
    }
    let budgetServed = fleet.gateways.length;
    let rateServed = fleet.gateways.length;
    // Half of the money is gone when the network goes.
    while (budgetServed * costNanoUsd < limitNanoUsd / 2) {
      const [first] = fleet.gateways;
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => ask(first?.url ?? "", budgeted)),
      );
      budgetServed += served(answers);
      // A busy machine can be so late with Redis's answer that a gateway does not wait for it.
      if (served(answers) < answers.length) await heal();
    }
    const startedMs = performance.now();
    await cut(...cutOff);
    const answers = await spendAll(budgeted);
    budgetServed += served(answers);
    rateServed += served(await spendAll(rated));
    const refilled = ((performance.now() - startedMs) * perMinute) / 60_000;
    const spent = budgetServed * costNanoUsd;
    expect(spent / limitNanoUsd).toBeLessThanOrEqual(1.05);
    expect(spent / limitNanoUsd).toBeGreaterThan(0.5);
    expect(rateServed).toBeLessThanOrEqual(rateMax * (perMinute + refilled) + 1);
    const refusals = new Set(answers.flatMap(({ status, code }) => (status === 200 ? [] : [code])));
    expect(["store_unavailable", "budget_exceeded"]).toEqual(expect.arrayContaining([...refusals]));
    await heal();
    // Nothing of it is forgotten.
    await expect
      .poll(() => redis.command("HMGET", `{${budgeted.id}}:b:t`, "s:", "h:"), { timeout: 15_000 })
      .toEqual([String(spent), "0"]);
  },
);

const second = (): Fleet["gateways"][number] => {
  const gateway = fleet.gateways[1];
  if (gateway === undefined) throw new Error("there is one gateway only");
  return gateway;
};

async function untilRevokedEverywhere({ key }: FleetTenant): Promise<number> {
  const revokedMs = performance.now();
  await untilTrue("the other replica refuses the key", async () => {
    const answer = await fetch(`${second().url}/v1/models`, {
      headers: { authorization: `Bearer ${key}` },
    });
    await answer.arrayBuffer();
    return answer.status === 401;
  });
  return performance.now() - revokedMs;
}

test("a key that is revoked on one replica is refused by the other within a second", async () => {
  const tenant = await fleet.newTenant({});
  await introduce(tenant, fleet.gateways);
  await askAdmin(adminOf(fleet.first), `DELETE /keys/${tenant.keyId}`);
  expect(await untilRevokedEverywhere(tenant)).toBeLessThan(1_000);
});

test("that Redis is gone, and that it is back, shows in /health where nobody asks anything", async () => {
  await proxies[1]?.refuse();
  await untilTrue("the limits are degraded", async () => {
    return (await degradedParts(second())).includes("limits");
  });
  proxies[1]?.heal();
  await untilTrue("all is well", async () => (await degradedParts(second())).length === 0);
});

test("a revocation that a replica missed takes effect when its connection is back", async () => {
  const tenant = await fleet.newTenant({});
  await introduce(tenant, fleet.gateways);
  await proxies[1]?.refuse();
  await askAdmin(adminOf(fleet.first), `DELETE /keys/${tenant.keyId}`);
  const known = await ask(second().url, tenant);
  expect(known.status, "who is known is served while the store is down").toBe(200);
  proxies[1]?.heal();
  await untilRevokedEverywhere(tenant);
});

test("a response that one replica stored is continued at the other, and is nobody else's", async () => {
  const owner = await fleet.newTenant({});
  const stranger = await fleet.newTenant({});
  let made = 0;
  fleet.upstream.answer((...call) => {
    const id = made === 0 ? "resp_shared" : `resp_${made}`;
    made += 1;
    return whole({ id, object: "response", status: "completed", output: [] })(...call);
  });
  const respond = async (url: string, { key }: FleetTenant, more: object = {}) => {
    const answer = await fetch(`${url}/v1/responses`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "m", input: "Hi", ...more }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  expect((await respond(fleet.first.url, owner)).status).toBe(200);
  const next = { previous_response_id: "resp_shared" };
  await expect
    .poll(async () => (await respond(second().url, stranger, next)).status, { timeout: 5_000 })
    .toBe(404);
  expect(await respond(second().url, owner, next)).toMatchObject({ status: 200 });
  expect(await respond(fleet.first.url, stranger, next)).toMatchObject({ status: 404 });
  fleet.upstream.answer(promptUpstream);
});

test("of two first starts at once on an empty Redis one shows credentials, which work at both", async () => {
  await using empty = await startRedis({ appendOnly: true });
  const env = { SENTINEL_REDIS_URL: empty.url };
  await using left = await launchSentinel({ env });
  await using right = await launchSentinel({ env });
  const lines = await Promise.all([left, right].map((one) => one.waitForLine("listening")));
  const shown = [left, right].filter(({ stdout }) => stdout.includes("sk-sentinel-"));
  expect(shown).toHaveLength(1);
  const key = /sk-sentinel-[0-9a-f]+-[0-9a-f]+/.exec(shown[0]?.stdout ?? "")?.[0] ?? "";
  for (const line of lines) {
    const answer = await fetch(`${String(line["url"])}/v1/models`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(answer.status).toBe(200);
  }
});

test("a start whose Redis is not there says so and how to go on, and does not wait to feed it", async () => {
  const port = await freePort();
  const { code, stdout, stderr } = await runToEnd({
    env: { SENTINEL_REDIS_URL: `redis://127.0.0.1:${port}` },
  });
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain(`Redis is not reachable at 127.0.0.1:${port}`);
  expect(stdout + stderr).toContain("correct SENTINEL_REDIS_URL");
  expect(stdout + stderr).not.toMatch(/^ +at /m);
  expect(stdout).not.toContain("sink_failed");
});

test("a start warns of a Redis that evicts, with the fix", async () => {
  await using evicting = await startRedis({
    appendOnly: true,
    args: ["--maxmemory-policy", "allkeys-lru"],
  });
  await using sentinel = await startSentinel({ env: { SENTINEL_REDIS_URL: evicting.url } });
  const warning = sentinel.lines.find(({ msg }) => String(msg).includes("allkeys-lru"));
  expect(String(warning?.["msg"])).toContain("CONFIG SET maxmemory-policy noeviction");
});
