import { expect, test } from "vitest";

import { Failure } from "../../../src/errors.ts";
import type { CacheAdmin } from "../../../src/pipeline/cache/cache-admin.ts";
import type { SemanticStatus } from "../../../src/pipeline/cache/semantic-tier.ts";
import type { StoredAnswer } from "../../../src/pipeline/cache/cache-store.ts";
import { memoryExactStore } from "../../../src/stores/memory/exact-cache.ts";
import { adminApp } from "../../support/admin-app.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { anAnswer, startEpochMs } from "../../support/stored-answers.ts";
import { aTenant } from "../../support/tenant-builders.ts";

const status: SemanticStatus = {
  embedder: "local:MiniLM",
  lastEmbedFailure: undefined,
  maxError: 0.01,
  channels: {
    CN: {
      canServe: false,
      threshold: undefined,
      labels: 0,
      audited: { errors: 0, trials: 0, interval: { low: 0, high: 1 } },
    },
    CS: {
      canServe: true,
      threshold: 3.5,
      labels: 240,
      audited: { errors: 1, trials: 40, interval: { low: 0.000633, high: 0.131587 } },
    },
  },
  stops: 2,
  checks: {
    made: 250,
    agreed: 230,
    spentNanoUsd: 1_500_000_001,
    refusedByBudget: 3,
    unavailable: 4,
    unclear: 5,
    withheld: 6,
  },
};

/** The admin routes over a real store, with what was stored by name. */
async function withAnswers(answers: Readonly<Record<string, StoredAnswer>>) {
  const clock = manualClock(startEpochMs + 1_000);
  const exact = memoryExactStore({ clock, bytesMax: 1_000_000 });
  for (const [key, answer] of Object.entries(answers)) await exact.put(key, answer);
  const cache: CacheAdmin = {
    purge: async (what) => ({ exact: await exact.purge(what), semantic: 0 }),
    semanticStatus: () => Promise.resolve(status),
  };
  const app = await adminApp({ cache });
  for (const id of ["acme", "other"]) await app.store.createTenant(aTenant({ id, name: id }));
  const left = async (): Promise<readonly string[]> => {
    const kept = await Promise.all(
      Object.entries(answers).map(async ([key, { tenantId }]) =>
        (await exact.get(tenantId, key)) === undefined ? [] : [key],
      ),
    );
    return kept.flat();
  };
  return Object.assign(app, { left });
}

const three = {
  first: anAnswer({ model: "gpt-5", tags: { team: "a" } }),
  second: anAnswer({ model: "gpt-5-mini", tags: { team: "a=b" } }),
  others: anAnswer({ tenantId: "other", model: "gpt-5", tags: { team: "a" } }),
};

test.each([
  [{ model: "gpt-5" }, ["second", "others"], "model gpt-5"],
  [{ tag: "team=a" }, ["second", "others"], "tag team=a"],
  [{ tag: " team = a=b " }, ["first", "others"], "tag team=a=b"],
  [{ tag: { name: "team", value: "a=b" } }, ["first", "others"], "tag team=a=b"],
  [
    { request_id: three.second.requestId },
    ["first", "others"],
    `request ${three.second.requestId}`,
  ],
  [{ model: "gpt-5", tag: "team=a=b" }, ["first", "second", "others"], "model gpt-5, tag team=a=b"],
  [{ all: true }, ["others"], "all"],
])("%j forgets those answers of the tenant and no others", async (body, left, subject) => {
  await using app = await withAnswers(three);
  const purged = await app.platform("POST /cache/purge", { tenant: "acme", ...body });
  expect(purged.status).toBe(200);
  expect(await app.left()).toEqual(left);
  expect(purged.body).toMatchObject({
    object: "cache.purge",
    tenant: "acme",
    purged: { exact: 3 - left.length, semantic: 0 },
  });
  expect(app.changes).toEqual([
    { action: "cache.purged", by: "platform", tenantId: "acme", subject },
  ]);
});

test("the answer says what was asked for, with a tag in its two parts", async () => {
  await using app = await withAnswers(three);
  const body = { tenant: "acme", model: "gpt-5", tag: "team=a" };
  const purged = await app.platform("POST /cache/purge", body);
  expect(purged.body).toEqual({
    object: "cache.purge",
    tenant: "acme",
    model: "gpt-5",
    tag: { name: "team", value: "a" },
    purged: { exact: 1, semantic: 0 },
  });
});

test.each([
  [{}, "all"],
  [{ all: false }, "all"],
  [{ all: true, model: "gpt-5" }, "all"],
  [{ all: "yes" }, "all"],
  [{ all: true, tenant: "" }, "tenant"],
  [{ all: true, tenant: 7 }, "tenant"],
  [{ model: "" }, "model"],
  [{ model: "gpt\n5" }, "model"],
  [{ request_id: "chatcmpl-1" }, "request_id"],
  [{ request_id: three.first.requestId.toLowerCase() }, "request_id"],
  [{ tag: "team" }, "tag"],
  [{ tag: "=a" }, "tag"],
  [{ tag: "team=" }, "tag"],
  [{ tag: "team=a,feature=b" }, "tag"],
  [{ tag: 7 }, "tag"],
  [{ tag: { name: "team" } }, "tag"],
  [{ tag: { name: "team", value: "a", more: 1 } }, "tag.more"],
  [{ modell: "gpt-5" }, "modell"],
])("%j forgets nothing, and the field at fault is named", async (body, param) => {
  await using app = await withAnswers(three);
  const refused = await app.platform("POST /cache/purge", { tenant: "acme", ...body });
  expect(refused.status).toBe(400);
  expect(refused.body).toMatchObject({ error: { type: "invalid_request_error", param } });
  expect(await app.left()).toHaveLength(3);
  expect(app.changes).toEqual([]);
});

test("the platform admin has to name the tenant, and one that there is", async () => {
  await using app = await withAnswers(three);
  const unnamed = await app.platform("POST /cache/purge", { all: true });
  expect(unnamed).toMatchObject({ status: 400, body: { error: { param: "tenant" } } });
  const unknown = await app.platform("POST /cache/purge", { tenant: "acmee", all: true });
  expect(unknown).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  expect((await app.platform("GET /cache")).status).toBe(400);
  expect((await app.platform("GET /cache?tenant=acmee")).status).toBe(404);
  expect(await app.left()).toHaveLength(3);
});

test("a tenant's admin purges its own tenant and sees no other", async () => {
  await using app = await withAnswers(three);
  const admin = await app.as("admin", "acme");
  for (const tenant of ["other", "nobody", "default"]) {
    const refused = await admin("POST /cache/purge", { tenant, all: true });
    expect(refused).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
    expect((await admin(`GET /cache?tenant=${tenant}`)).status).toBe(404);
  }
  expect(await app.left()).toHaveLength(3);

  const purged = await admin("POST /cache/purge", { all: true });
  expect(purged.body).toMatchObject({ tenant: "acme", purged: { exact: 2 } });
  expect(await app.left()).toEqual(["others"]);
  expect(app.changes).toMatchObject([{ by: admin.keyId, tenantId: "acme", subject: "all" }]);
  expect((await admin("GET /cache")).body).toMatchObject({ tenant: "acme" });
  expect((await admin("GET /cache?tenant=acme")).status).toBe(200);
});

test("keys that administer nothing purge and see nothing", async () => {
  await using app = await withAnswers(three);
  for (const role of ["viewer", "inference"] as const) {
    const ask = await app.as(role, "acme");
    expect((await ask("POST /cache/purge", { all: true })).status).toBe(403);
    expect((await ask("GET /cache")).status).toBe(403);
  }
  expect(await app.left()).toHaveLength(3);
});

test("the status shows the rules that hold, and what the semantic tier knows under the API's names", async () => {
  await using app = await withAnswers({});
  const policy = {
    cache: {
      max_temperature: 0.3,
      semantic: { mode: "shadow", max_error: 0.01, guards_off: ["language"] },
    },
  } as const;
  await app.store.updateTenant("acme", { policy });
  expect((await app.platform("GET /cache?tenant=acme")).body).toEqual({
    object: "cache.status",
    tenant: "acme",
    is_on: true,
    rules: {
      enabled: true,
      max_temperature: 0.3,
      ttl_seconds: 3_600,
      max_ttl_seconds: 604_800,
      semantic: {
        mode: "shadow",
        max_error: 0.01,
        guards_off: ["language"],
        learning_budget_usd: "5.000000000",
      },
    },
    semantic: {
      embedder: "local:MiniLM",
      last_embed_failure: null,
      max_error: 0.01,
      channels: {
        CN: {
          can_serve: false,
          threshold: null,
          labels: 0,
          audited: { errors: 0, trials: 0, error_low: 0, error_high: 1 },
        },
        CS: {
          can_serve: true,
          threshold: 3.5,
          labels: 240,
          audited: { errors: 1, trials: 40, error_low: 0.0006, error_high: 0.1316 },
        },
      },
      stops: 2,
      checks: {
        made: 250,
        agreed: 230,
        spent_usd: "1.500000001",
        refused_by_budget: 3,
        unavailable: 4,
        unclear: 5,
        withheld: 6,
      },
    },
  });
  const misspelt = await app.platform("GET /cache?tennant=acme");
  expect(misspelt).toMatchObject({ status: 400, body: { error: { param: "tennant" } } });
});

test("a gateway without a cache says so, and purges nothing", async () => {
  await using app = await adminApp();
  await app.store.createTenant(aTenant({ id: "acme" }));
  const refused = await app.platform("POST /cache/purge", { tenant: "acme", all: true });
  expect(refused.status).toBe(409);
  expect(refused.text).toContain("SENTINEL_CACHE=off");
  const shown = await app.platform("GET /cache?tenant=acme");
  expect(shown.body).toMatchObject({ is_on: false, semantic: null });
});

test("a purge that a store could not do is told, and not recorded as done", async () => {
  const down = new Failure("store_unavailable", "Redis does not answer.", { retryAfterMs: 1_000 });
  await using app = await adminApp({
    cache: { purge: () => Promise.reject(down), semanticStatus: () => Promise.reject(down) },
  });
  await app.store.createTenant(aTenant({ id: "acme" }));
  const failed = await app.platform("POST /cache/purge", { tenant: "acme", all: true });
  expect(failed).toMatchObject({ status: 503, body: { error: { code: "store_unavailable" } } });
  expect(app.changes).toEqual([]);
  expect((await app.platform("GET /cache?tenant=acme")).status).toBe(503);
});
