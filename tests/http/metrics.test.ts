import { expect, test } from "vitest";

import { usdText } from "../../src/lib/usd.ts";
import { parseExposition } from "../support/parse-exposition.ts";
import { asPlatform } from "../support/books-agree.ts";
import { until } from "../support/gateway.ts";
import { chatBody } from "../support/one-upstream.ts";
import { nanoUsdPer, sharePricedUpstream } from "../support/priced-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";

const plane = await sharePricedUpstream();
const { gateway, upstream } = plane;
const usage = { prompt_tokens: 100, completion_tokens: 40, total_tokens: 140 };
const callNanoUsd = 100 * nanoUsdPer.input + 40 * nanoUsdPer.output;

type Figures = (name: string, labels?: Readonly<Record<string, string>>) => number;

/** The sum of the samples of this name that have these labels. */
async function scrape(): Promise<Figures> {
  const answer = await fetch(`${gateway.url}/metrics/prometheus`);
  expect(answer.status).toBe(200);
  const { samples } = parseExposition(await answer.text());
  return (name, labels = {}) =>
    samples
      .filter((sample) => sample.name === `sentinel_${name}`)
      .filter((sample) => Object.entries(labels).every(([key, is]) => sample.labels[key] === is))
      .reduce((sum, { value }) => sum + value, 0);
}

const drained = async (answer: Promise<Response>): Promise<Response> => {
  const response = await answer;
  await response.arrayBuffer().catch(() => undefined);
  return response;
};

test("what the metrics say of a tenant is what its books say", async () => {
  const tenant = await plane.newTenant();
  upstream.answer(whole(completion("Hello", { usage })));
  await drained(tenant.chat({ temperature: 0 }));
  await drained(tenant.chat({ temperature: 0 }));
  await drained(tenant.chat({ temperature: 1 }));
  upstream.answer((response) => void response.writeHead(503).end());
  await drained(tenant.chat({ temperature: 1 }));
  await tenant.booksAgree(4);
  const figure = await scrape();
  const own = { tenant: tenant.id, model: "m" };
  const ok = { ...own, route: "chat", code: "200" };
  expect(figure("requests_total", { ...ok, cache: "miss", provider: "test" })).toBe(1);
  expect(figure("requests_total", { ...ok, cache: "exact", provider: "_none" })).toBe(1);
  expect(figure("requests_total", { ...ok, cache: "bypass", provider: "test" })).toBe(1);
  expect(figure("requests_total", { ...own, code: "502" })).toBe(1);
  expect(figure("tokens_total", { ...own, type: "input" })).toBe(200);
  expect(figure("tokens_total", { ...own, type: "output" })).toBe(80);
  expect(usdText(Math.round(figure("cost_usd_total", own) * 1e9))).toBe(usdText(2 * callNanoUsd));
  expect(figure("cache_saved_usd_total", own)).toBeCloseTo(callNanoUsd / 1e9, 12);
  expect(figure("cache_saved_tokens_total", own)).toBe(140);
});

test("a stream shows its first token and its pace, and is in flight until it ends", async () => {
  const tenant = await plane.newTenant();
  const { promise: goOn, resolve } = Promise.withResolvers<undefined>();
  upstream.answer(async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ content: "Hi" }));
    await goOn;
    response.end(chatChunk({}, "stop") + usageChunk(usage) + done);
  });
  const before = await scrape();
  const answer = await tenant.chat({ stream: true });
  const during = await scrape();
  expect(during("inflight_requests", { stream: "true" })).toBe(1);
  expect(during("upstream_inflight_requests", { provider: "test" })).toBe(1);
  resolve(undefined);
  await answer.arrayBuffer();
  const after = await scrape();
  expect(after("inflight_requests")).toBe(0);
  expect(after("upstream_inflight_requests")).toBe(0);
  const page = await (await fetch(`${gateway.url}/metrics/prometheus`)).text();
  expect(page).toContain('sentinel_upstream_inflight_requests{provider="test"} 0\n');
  for (const name of ["time_to_first_token_seconds", "time_per_output_token_seconds"]) {
    expect(after(`${name}_count`) - before(`${name}_count`)).toBe(1);
  }
});

test("a client who leaves is counted as one who left, and as no failure of a provider", async () => {
  const tenant = await plane.newTenant();
  const before = await scrape();
  upstream.answer(() => undefined);
  const client = tenant.rawChat();
  await until("the provider is asked", () => upstream.openCount > 0);
  client[Symbol.dispose]();
  await until("the provider is left", () => upstream.openCount === 0);
  await tenant.booksAgree(1);
  const after = await scrape();
  const gone = { type: "caller_disconnected", provider: "test" };
  expect(after("errors_total", gone) - before("errors_total", gone)).toBe(1);
  expect(after("requests_total", { tenant: tenant.id, code: "499" })).toBe(1);
  const canceled = { provider: "test", outcome: "canceled" };
  const name = "upstream_duration_seconds_count";
  expect(after(name, canceled) - before(name, canceled)).toBe(1);
});

test("what is refused before a model is asked counts too, by what it was refused for", async () => {
  const before = await scrape();
  const tenant = await plane.newTenant();
  const wrongKey = { authorization: "Bearer sk-wrong" };
  await drained(gateway.post("/v1/chat/completions", chatBody(), wrongKey));
  await drained(tenant.post("/v1/chat/completions", { model: "m", messages: "none" }));
  await drained(tenant.chat({ model: "no-such-model" }));
  await drained(fetch(`${gateway.url}/v1/models`, { headers: wrongKey }));
  await drained(fetch(`${gateway.url}/wp-login.php`));
  const after = await scrape();
  const grew = (name: string, labels: Record<string, string>): number =>
    after(name, labels) - before(name, labels);
  const none = { provider: "_none" };
  expect(grew("errors_total", { ...none, type: "caller_unauthenticated" })).toBe(2);
  expect(grew("errors_total", { ...none, type: "caller_invalid_request" })).toBe(1);
  expect(grew("errors_total", { ...none, type: "caller_not_found" })).toBe(2);
  const unknown = { model: "_unknown", provider: "_none" };
  expect(grew("requests_total", { ...unknown, tenant: "_none", route: "chat", code: "401" })).toBe(
    1,
  );
  expect(grew("requests_total", { tenant: tenant.id, route: "chat", code: "400" })).toBe(1);
  expect(grew("requests_total", { ...unknown, tenant: tenant.id, code: "404" })).toBe(1);
  expect(grew("requests_total", { tenant: "_none", route: "models", code: "401" })).toBe(1);
  expect(grew("requests_total", { tenant: "_none", route: "other", code: "404" })).toBe(1);
});

test("limits that refuse are named, and what is left of a budget is shown", async () => {
  upstream.answer(whole(completion("Hello", { usage })));
  const limits = { requests_per_minute: 1 };
  const budgets = [{ period: "month", limit_usd: "5", kind: "hard" }];
  const tenant = await plane.newTenant({ policy: { limits, budgets } });
  await drained(tenant.chat({ max_tokens: 40 }));
  expect((await drained(tenant.chat({ max_tokens: 40 }))).status).toBe(429);
  await tenant.booksAgree(2);
  const figure = await scrape();
  const own = { tenant: tenant.id };
  expect(figure("ratelimit_rejections_total", { ...own, limit: "requests" })).toBe(1);
  expect(figure("budget_limit_usd", { ...own, period: "month" })).toBe(5);
  expect(figure("budget_remaining_usd", { ...own, period: "month" })).toBeCloseTo(
    5 - callNanoUsd / 1e9,
    12,
  );
});

test("an open circuit and the journal can be seen", async () => {
  upstream.answer((response) => void response.writeHead(500).end());
  const tenant = await plane.newTenant();
  for (let count = 0; count < 10; count++) await drained(tenant.chat());
  const figure = await scrape();
  expect(figure("circuit_state", { target: "test/m", state: "open" })).toBe(1);
  expect(figure("circuit_state", { target: "test/m", state: "closed" })).toBe(0);
  expect(figure("journal_disk_bytes")).toBeGreaterThan(1_000);
  expect(figure("degraded", { part: "journal" })).toBe(0);
  expect(
    figure("store_duration_seconds_count", { store: "tenants", op: "findKey" }),
  ).toBeGreaterThan(0);
});

test("no metric holds a key, a prompt or an answer", async () => {
  const tenant = await plane.newTenant();
  upstream.answer(stream([chatChunk({ content: "a-secret-answer" }, "stop"), done]));
  const content = "a-secret-question";
  await drained(tenant.chat({ stream: true, messages: [{ role: "user", content }] }));
  const pages = ["/metrics", "/metrics/prometheus"];
  for (const page of pages) {
    const text = await (await fetch(gateway.url + page, asPlatform(gateway))).text();
    expect(text).not.toMatch(/a-secret-|sk-|sentinel-admin/);
    expect(text).not.toContain(tenant.key);
    expect(text).not.toContain(tenant.keyId);
  }
});
