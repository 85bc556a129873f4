import { setTimeout as pause } from "node:timers/promises";

import { afterAll, expect, test } from "vitest";

import { admin } from "../support/admin-client.ts";
import { recordsOf } from "../support/books-agree.ts";
import { startGateway } from "../support/gateway.ts";
import { plainly, politely } from "../support/menu-questions.ts";
import { impatient, yamlOf } from "../support/one-upstream.ts";
import { newTenant, nanoUsdPer, priceOfM } from "../support/priced-upstream.ts";
import type { TestTenant } from "../support/priced-upstream.ts";
import { judgeUsage, startSemanticUpstream } from "../support/semantic-upstream.ts";

const servers = await startSemanticUpstream();
const test_ = {
  type: "openai",
  base_url: servers.upstream.baseUrl,
  api_keys: ["sk-upstream"],
  models: ["m", "judge"],
};
const gateway = await startGateway({
  yaml: yamlOf({ providers: { test: test_ }, prices: { test: { m: priceOfM, judge: priceOfM } } }),
  env: {
    ...impatient,
    SENTINEL_CACHE: "on",
    SENTINEL_EMBEDDER: servers.embeddings.baseUrl,
    SENTINEL_EMBEDDER_MODEL: "e",
    SENTINEL_CACHE_CHECK_MODEL: "judge",
  },
});
afterAll(async () => {
  await gateway.close();
  await servers[Symbol.asyncDispose]();
});

const on = { cache: { semantic: { mode: "on" } } };
const checkNanoUsd =
  judgeUsage.prompt_tokens * nanoUsdPer.input + judgeUsage.completion_tokens * nanoUsdPer.output;

interface Said {
  readonly cache: string | null;
  readonly similarity: string | null;
  readonly text: string;
}

async function ask(tenant: TestTenant, content: string, fields: object = {}): Promise<Said> {
  const answer = await tenant.chat({
    temperature: 0,
    messages: [{ role: "user", content }],
    ...fields,
  });
  expect(answer.status).toBe(200);
  return {
    cache: answer.headers.get("x-sentinel-cache"),
    similarity: answer.headers.get("x-sentinel-similarity"),
    text: await answer.text(),
  };
}

interface Health {
  readonly cache: {
    readonly semantic: { readonly learning: { waiting: number; running: number } };
  };
}

/** What was answered so far is learnt from, and in the index. */
async function untilLearnt(): Promise<void> {
  for (;;) {
    const health = (await (await gateway.fetch("/health")).json()) as Health;
    const { waiting, running } = health.cache.semantic.learning;
    if (waiting + running === 0) return;
    await pause(5);
  }
}

/** Asks the same things in two ways until what means the same is served. Returns how many that took. */
async function teach(tenant: TestTenant, mostQuestions = 200): Promise<number> {
  for (let index = 0; index < mostQuestions; index++) {
    await ask(tenant, plainly(index));
    await untilLearnt();
    const again = await ask(tenant, politely(index));
    if (again.cache === "semantic") return index;
    await untilLearnt();
  }
  return mostQuestions;
}

test("what means the same is served once the tenant's own labels show that it is right", async () => {
  const tenant = await newTenant(gateway, { policy: on });
  const learnt = await teach(tenant);
  // 114 labels without an error are what 2 % take at 90 % (docs/cache.md).
  expect(learnt).toBeGreaterThanOrEqual(114);
  expect(learnt).toBeLessThan(200);
  const first = await ask(tenant, plainly(500));
  await untilLearnt();
  // One would-be hit in twenty is audited: asked anew and compared.
  let again = await ask(tenant, politely(500));
  for (const word of ["Hi", "Hello", "Hey", "Kindly"]) {
    if (again.cache !== "semantic") again = await ask(tenant, `${word}, ${politely(500)}`);
  }
  expect(again.cache).toBe("semantic");
  expect(Number(again.similarity)).toBeGreaterThan(0.7);
  expect(JSON.parse(again.text)).toMatchObject({
    choices: (JSON.parse(first.text) as { choices: unknown }).choices,
  });
  const [hit] = await recordsOf(gateway, tenant.id);
  expect(hit).toMatchObject({ cost_nano_usd: 0, usage: null, cache: { outcome: "semantic" } });
  expect(hit?.cache.similarity).toBeGreaterThan(0.7);

  const stranger = await newTenant(gateway, { policy: on });
  expect((await ask(stranger, plainly(500))).cache).toBe("miss");
  expect((await ask(stranger, politely(500))).cache).toBe("miss");

  const other = [
    { role: "system", content: "Answer in French." },
    { role: "user", content: plainly(500) },
  ];
  expect((await ask(tenant, "", { messages: other })).cache).toBe("miss");

  const status = (await admin(gateway, `GET /cache?tenant=${tenant.id}`)) as object;
  expect(status).toMatchObject({ semantic: { channels: { CN: { can_serve: true } } } });

  await admin(gateway, "POST /cache/purge", { tenant: tenant.id, all: true });
  expect((await ask(tenant, politely(500))).cache).toBe("miss");
}, 120_000);

test("checks are paid by Sentinel's own tenant, each tenant's apart, and stop at its learning budget", async () => {
  const budget = checkNanoUsd * 3.5;
  const learning = { learning_budget_usd: (budget / 1e9).toFixed(9) };
  const policy = { cache: { semantic: { mode: "shadow", ...learning } } };
  const tenant = await newTenant(gateway, { policy });
  const before = servers.checkCount;
  for (let index = 0; index < 8; index++) {
    await ask(tenant, plainly(index));
    await untilLearnt();
    await ask(tenant, politely(index));
    await untilLearnt();
  }
  const made = servers.checkCount - before;
  expect(made).toBeGreaterThanOrEqual(1);
  expect(made).toBeLessThanOrEqual(3);
  const records = await recordsOf(gateway, "sentinel");
  const own = records.filter(({ key }) => key === `cache-check-${tenant.id}`);
  const paid = own.filter(({ outcome }) => outcome === "ok");
  expect(paid).toHaveLength(made);
  for (const { cost_nano_usd: cost } of paid) expect(cost).toBe(checkNanoUsd);
  await tenant.booksAgree(16);
});

test("nothing is embedded where the tier is off, and nothing while a request waits that cannot be served", async () => {
  const tenant = await newTenant(gateway);
  const before = servers.embeddedCount;
  await ask(tenant, plainly(1));
  await ask(tenant, politely(1));
  await untilLearnt();
  expect(servers.embeddedCount).toBe(before);
});
