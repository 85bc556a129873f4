import { afterAll, beforeAll, expect, test } from "vitest";

import { startRedis } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { crowd } from "./redis/crowd.ts";
import type { CrowdOutcome } from "./redis/crowd.ts";
import { introduce, startFleet } from "./redis/fleet.ts";
import type { Fleet, FleetTenant } from "./redis/fleet.ts";
import { exportedRecords } from "./redis/ledger.ts";
import { ask } from "./redis/load.ts";

/** Two gateways of their own processes, one Redis, a thousand requests at one instant, room for a hundred. */
const room = 100;
const count = 1_000;

let redis: RedisServer;
let fleet: Fleet;
beforeAll(async () => {
  redis = await startRedis();
  fleet = await startFleet({ redisUrls: [redis.url, redis.url] });
});
afterAll(async () => {
  await fleet[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** Both gateways know the caller: this is not about looking it up. */
async function tenantWith(policy: object): Promise<FleetTenant> {
  const tenant = await fleet.newTenant(policy);
  await introduce(tenant, fleet.gateways);
  return tenant;
}

const hardBudget = (limitUsd: string) => [
  { period: "total", kind: "hard", limit_usd: limitUsd, alert_at_percent: [] },
];

/** What the crowd's request reserves, from the record of one like it. */
async function reservation(): Promise<{ tokens: number; nanoUsd: number }> {
  const probe = await fleet.newTenant({
    limits: { tokens_per_minute: 1_000_000 },
    budgets: hardBudget("1"),
  });
  await crowd({ fleet, tenant: probe, count: 1 });
  for (;;) {
    const [record] = await exportedRecords(fleet.first, probe.id);
    const limits = record?.limits;
    if (limits == null) continue;
    return { tokens: limits.reserved_tokens, nanoUsd: limits.reserved_nano_usd };
  }
}

/** Everyone else was told that there is no room, and by Redis. */
function expectRest({ admitted, answers, degraded }: CrowdOutcome, refusal: string): void {
  expect(answers).toEqual({ 200: admitted, [`429 ${refusal}`]: count - admitted });
  expect(degraded).toBe(0);
}

/** So much flows back into a bucket that holds a minute's worth. */
const refilled = (perMinute: number, ms: number): number => Math.floor((perMinute * ms) / 60_000);

test("of 1,000 at once, 100 get the places that there are", async () => {
  const tenant = await tenantWith({ limits: { concurrent_requests: room } });
  const outcome = await crowd({ fleet, tenant, count });
  expectRest(outcome, "rate_limit_exceeded");
  expect(outcome.admitted).toBe(room);
  const next = await ask(fleet.first.url, tenant);
  expect(next.status, "the places are free again").toBe(200);
});

test("of 1,000 at once, 100 fit the requests of a minute, and what flows back meanwhile", async () => {
  const tenant = await tenantWith({ limits: { requests_per_minute: room } });
  const outcome = await crowd({ fleet, tenant, count });
  expectRest(outcome, "rate_limit_exceeded");
  expect(outcome.admitted).toBeGreaterThanOrEqual(room);
  expect(outcome.admitted).toBeLessThanOrEqual(room + refilled(room, outcome.decidedMs));
});

test("of 1,000 at once, 100 fit the tokens of a minute, and what flows back meanwhile", async () => {
  const { tokens } = await reservation();
  const tenant = await tenantWith({ limits: { tokens_per_minute: room * tokens } });
  const outcome = await crowd({ fleet, tenant, count });
  expectRest(outcome, "rate_limit_exceeded");
  expect(outcome.admitted).toBeGreaterThanOrEqual(room);
  expect(outcome.admitted).toBeLessThanOrEqual(room + refilled(room, outcome.decidedMs));
});

test("of 1,000 at once, 100 fit a hard budget, which holds nothing when they are over", async () => {
  const { nanoUsd } = await reservation();
  const limitUsd = ((room * nanoUsd) / 1e9).toFixed(9);
  const tenant = await tenantWith({ budgets: hardBudget(limitUsd) });
  const outcome = await crowd({ fleet, tenant, count });
  expectRest(outcome, "budget_exceeded");
  expect(outcome.admitted).toBe(room);
  await expect
    .poll(() => redis.command("HGET", `{${tenant.id}}:b:t`, "h:"), { timeout: 10_000 })
    .toBe("0");
});
