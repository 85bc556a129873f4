import { expect, test } from "vitest";

import { admin, makeKey } from "../../support/admin-client.ts";
import { startOneUpstream } from "../../support/one-upstream.ts";
import type { OneUpstream } from "../../support/one-upstream.ts";
import { completion, whole } from "../../support/scripted-upstream.ts";
import type { Script } from "../../support/scripted-upstream.ts";

const keys = ["sk-first-0123456789-aaaa", "sk-second-0123456789-bbbb"] as const;
const good = whole(completion("ok"));
const broken = whole({ error: { message: "Broken", code: "boom" } }, {}, 500);

const start = (script: Script, provider: object = {}): Promise<OneUpstream> =>
  startOneUpstream({
    script,
    provider: { api_keys: keys, ...provider },
    models: { alias: { retries: 0, targets: [{ provider: "test", model: "m" }] } },
  });

/** What the admin API says of the provider, by itself; the list must say the same. */
async function statusOf({ gateway }: OneUpstream): Promise<Record<string, unknown>> {
  const shown = await admin(gateway, "GET /providers/test");
  const { data } = await admin(gateway, "GET /providers");
  expect(data).toMatchObject([{ name: "test", status: { health: healthIn(shown) } }]);
  return shown["status"] as Record<string, unknown>;
}

const healthIn = (shown: Record<string, unknown>): unknown =>
  (shown["status"] as Record<string, unknown>)["health"];

test("a provider that nobody has asked yet is unknown, and its keys are shown masked", async () => {
  await using plane = await start(good);
  const status = await statusOf(plane);
  const rested = { state: "ok", reason: null, status: null, until: null, models: null };
  expect(status).toEqual({
    health: "unknown",
    targets: [],
    keys: [
      { id: expect.stringMatching(/^[0-9a-f]{8}$/) as string, masked: "sk-…aaaa", ...rested },
      { id: expect.stringMatching(/^[0-9a-f]{8}$/) as string, masked: "sk-…bbbb", ...rested },
    ],
  });
});

test("a provider that answers is ok, with its latency", async () => {
  await using plane = await start(good);
  await plane.chat({ model: "alias" });
  expect(await statusOf(plane)).toMatchObject({
    health: "ok",
    targets: [
      {
        model: "m",
        breaker: "closed",
        retry_in_ms: 0,
        latency_ms: { stream_ttft: null, whole: expect.any(Number) as number },
        requests: 1,
        failures: 0,
        last_errors: [],
      },
    ],
  });
});

test("a refused key is shown with its reason and its end, and the provider as degraded", async () => {
  const script: Script = (response, request, socket) => {
    const isFirst = request.headers.authorization === `Bearer ${keys[0]}`;
    const refusal = whole({ error: { message: "No such key", code: "invalid_api_key" } }, {}, 401);
    return (isFirst ? refusal : good)(response, request, socket);
  };
  await using plane = await start(script);
  const beforeSeconds = Math.floor(Date.now() / 1_000);
  await plane.chat({ model: "alias" });
  const status = await statusOf(plane);
  const [first] = status["keys"] as { id: string; until: number }[];
  expect(status).toMatchObject({
    health: "degraded",
    targets: [
      {
        breaker: "closed",
        requests: 2,
        failures: 1,
        last_errors: [{ status: 401, code: "invalid_api_key", key: first?.id, count: 1 }],
      },
    ],
    keys: [{ state: "resting", reason: "refused", status: 401, models: null }, { state: "ok" }],
  });
  expect(first?.until).toBeGreaterThanOrEqual(beforeSeconds + 59);
  expect(first?.until).toBeLessThanOrEqual(beforeSeconds + 65);
  expect(JSON.stringify(status)).not.toContain("0123456789");
});

test("a key at its limit is shown with the models that it rests for", async () => {
  const limited = whole({ error: { message: "Slow" } }, { "retry-after": "30" }, 429);
  await using plane = await start(limited);
  await plane.chat({ model: "alias" });
  const resting = { state: "resting", reason: "rate_limited", status: 429, models: ["m"] };
  expect(await statusOf(plane)).toMatchObject({ health: "degraded", keys: [resting, resting] });
});

test("a provider whose every key is refused is down", async () => {
  await using plane = await start(whole({ error: { message: "No" } }, {}, 401));
  await plane.chat({ model: "alias" });
  expect(await statusOf(plane)).toMatchObject({ health: "down" });
});

test("a provider that asked for patience is degraded until that is over, or it answers", async () => {
  await using plane = await start(good);
  await plane.chat({ model: "alias" });
  const busy = { error: { message: "Busy", code: "busy" } };
  plane.upstream.answer(whole(busy, { "retry-after": "30" }, 503));
  await plane.chat({ model: "alias" });
  expect(await statusOf(plane)).toMatchObject({ health: "degraded" });
  plane.upstream.answer(good);
  await plane.chat({ model: "alias" });
  expect(await statusOf(plane)).toMatchObject({ health: "ok" });
});

test("a provider that has never answered is degraded, and no client's mistake makes it so", async () => {
  await using plane = await start(broken);
  await plane.chat({ model: "alias" });
  expect(await statusOf(plane)).toMatchObject({ health: "degraded" });
  await using other = await start(whole({ error: { message: "Bad request" } }, {}, 400));
  await other.chat({ model: "alias" });
  expect(await statusOf(other)).not.toMatchObject({ health: "degraded" });
});

test("a provider whose breaker is open is down, and says for how long", async () => {
  await using plane = await start(broken, { breaker: { consecutive_failures: 2 } });
  for (let round = 0; round < 3; round++) await plane.chat({ model: "alias" });
  const status = await statusOf(plane);
  expect(status).toMatchObject({
    health: "down",
    targets: [
      {
        breaker: "open",
        requests: 2,
        failures: 2,
        last_errors: [{ kind: "upstream_error" }, { kind: "upstream_error" }],
      },
    ],
  });
  const [target] = status["targets"] as { retry_in_ms: number }[];
  expect(target?.retry_in_ms).toBeGreaterThan(0);
});

test("a tenant's admin sees none of it", async () => {
  await using plane = await start(good);
  const { key } = await makeKey(plane.gateway, { role: "admin" });
  for (const path of ["/admin/v1/providers", "/admin/v1/providers/test"]) {
    const headers = { authorization: `Bearer ${key}` };
    const refused = await fetch(plane.gateway.url + path, { headers });
    expect(refused.status).toBe(403);
    expect(await refused.text()).not.toContain("health");
  }
});
