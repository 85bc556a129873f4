import { expect, test } from "vitest";

import { fileVersion } from "../../../src/config/price-config.ts";
import type { ConfiguredPrice } from "../../../src/config/price-config.ts";
import { pricesMax } from "../../../src/http/routes/admin/prices.ts";
import { loadStoredPrices } from "../../../src/tenants/stored-prices.ts";
import { adminApp } from "../../support/admin-app.ts";

const amounts = { inputPicoUsd: 150_000, outputPicoUsd: 600_000 };
const fixed: ConfiguredPrice = {
  provider: "openai",
  model: "gpt-4o-mini",
  version: fileVersion(amounts),
  source: "file",
  amounts,
};
const body = { input_per_million_usd: "1.25", output_per_million_usd: 10 };

test("a price is set, shown, used and deleted, and each change is told", async () => {
  await using app = await adminApp();
  const made = await app.platform("PUT /prices/openai/gpt-5", {
    ...body,
    cached_input_per_million_usd: 0.125,
    web_search_usd: "0.01",
    multipliers: { flex: 0.5, priority: "2" },
  });
  expect(made.status).toBe(201);
  expect(made.body).toEqual({
    object: "price",
    provider: "openai",
    model: "gpt-5",
    source: "admin",
    version: new Date(app.clock.epochMs()).toISOString(),
    input_per_million_usd: "1.250000",
    output_per_million_usd: "10.000000",
    cached_input_per_million_usd: "0.125000",
    web_search_usd: "0.010000000",
    multipliers: { flex: 0.5, priority: 2 },
    created_at: Math.floor(app.clock.epochMs() / 1_000),
    updated_at: Math.floor(app.clock.epochMs() / 1_000),
  });
  expect((await app.platform("GET /prices/openai/gpt-5")).body).toEqual(made.body);
  expect((await app.platform("GET /prices")).body["data"]).toEqual([made.body]);

  const loaded = await loadStoredPrices(app.prices);
  expect(loaded.problems).toEqual([]);
  expect(loaded.prices).toMatchObject([
    {
      provider: "openai",
      model: "gpt-5",
      amounts: {
        inputPicoUsd: 1_250_000,
        cachedInputPicoUsd: 125_000,
        webSearchPicoUsd: 10_000_000_000,
        multiplierMillionths: { flex: 500_000, priority: 2_000_000 },
      },
    },
  ]);

  const gone = await app.platform("DELETE /prices/openai/gpt-5");
  expect(gone.body).toEqual({
    object: "price.deleted",
    provider: "openai",
    model: "gpt-5",
    deleted: true,
  });
  expect((await app.platform("GET /prices/openai/gpt-5")).status).toBe(404);
  expect((await app.platform("DELETE /prices/openai/gpt-5")).status).toBe(404);
  expect(app.reloads()).toBe(2);
  expect(app.changes).toEqual([
    { action: "price.set", by: "platform", subject: "openai/gpt-5" },
    { action: "price.deleted", by: "platform", subject: "openai/gpt-5" },
  ]);
});

test("to set a price again replaces it as a whole, and gives it another version", async () => {
  await using app = await adminApp();
  const first = await app.platform("PUT /prices/openai/gpt-5", { ...body, request_usd: 1 });
  const second = await app.platform("PUT /prices/openai/gpt-5", body);
  expect(second.status).toBe(200);
  expect(second.body["request_usd"]).toBeUndefined();
  expect(second.body["version"]).not.toBe(first.body["version"]);
  expect(second.body["created_at"]).toBe(first.body["created_at"]);
});

test("a model's name may have slashes, in the path or written for it, and a star at its end", async () => {
  await using app = await adminApp();
  await app.platform("PUT /prices/together/meta-llama/Llama-4*", body);
  await app.platform("PUT /prices/together/openai%2Fgpt-oss-120b", body);
  const { prices } = await loadStoredPrices(app.prices);
  expect(prices.map(({ model }) => model)).toEqual(["meta-llama/Llama-4*", "openai/gpt-oss-120b"]);
});

test("the file's prices are shown, and changed in the file", async () => {
  await using app = await adminApp({ fixedPrices: [fixed] });
  const shown = await app.platform("GET /prices/openai/gpt-4o-mini");
  expect(shown.body).toEqual({
    object: "price",
    provider: "openai",
    model: "gpt-4o-mini",
    source: "file",
    version: expect.stringMatching(/^sentinel\.yaml [0-9a-f]{8}$/) as string,
    input_per_million_usd: "0.150000",
    output_per_million_usd: "0.600000",
  });
  for (const what of ["PUT", "DELETE"]) {
    const refused = await app.platform(`${what} /prices/openai/gpt-4o-mini`, body);
    expect(refused.status).toBe(409);
    expect(refused.text).toContain("configuration file");
  }
  const stored = { provider: "openai", model: "gpt-4o-mini", settings: body };
  await app.prices.putPrice({ ...stored, createdAtMs: 1, updatedAtMs: 1 }, { pricesMax });
  expect((await app.platform("GET /prices")).body["data"]).toHaveLength(1);
});

test.each([
  [{ output_per_million_usd: 1 }, "input_per_million_usd"],
  [{ ...body, input_per_million_usd: -1 }, "input_per_million_usd"],
  [{ ...body, input_per_million_usd: "0.0000001" }, "input_per_million_usd"],
  [{ ...body, request_usd: 1_001 }, "request_usd"],
  [{ ...body, multipliers: { flex: 1_001 } }, "multipliers.flex"],
  [{ ...body, cached_input_per_milion_usd: 1 }, "cached_input_per_milion_usd"],
])("%j is refused, and the field is named", async (asked, param) => {
  await using app = await adminApp();
  const refused = await app.platform("PUT /prices/openai/gpt-5", asked);
  expect(refused.status).toBe(400);
  expect(refused.body).toMatchObject({ error: { param } });
  expect(await app.prices.listPrices()).toEqual([]);
  expect(app.reloads()).toBe(0);
});

test.each([
  "PUT /prices/openai/gpt-*-mini",
  "PUT /prices/-openai/gpt",
  "PUT /prices/openai/%20gpt",
])("%s names nothing that could have a price", async (what) => {
  await using app = await adminApp();
  expect((await app.platform(what, body)).status).toBe(400);
});

test("prices are the platform's: no tenant's key sees or sets one", async () => {
  await using app = await adminApp({ fixedPrices: [fixed] });
  const asks = [
    "GET /prices",
    "GET /prices/openai/gpt-4o-mini",
    "PUT /prices/openai/x",
    "DELETE /prices/openai/x",
  ];
  for (const role of ["admin", "viewer", "inference"] as const) {
    const ask = await app.as(role, "acme");
    for (const what of asks) {
      const refused = await ask(what, what.startsWith("GET") ? undefined : body);
      expect(refused.status, `${role}: ${what}`).toBe(403);
    }
  }
  expect(await app.prices.listPrices()).toEqual([]);
});

test("a price that this version cannot read is shown with what to do, and keeps no other from use", async () => {
  await using app = await adminApp();
  const settings = { from_the_future: 1 };
  const strange = { provider: "a", model: "m", settings, createdAtMs: 1, updatedAtMs: 1 };
  await app.prices.putPrice(strange, { pricesMax });
  await app.platform("PUT /prices/openai/gpt-5", body);
  const { prices, problems } = await loadStoredPrices(app.prices);
  expect(prices).toHaveLength(1);
  expect(problems).toEqual(["This version cannot read the stored price of a/m. Set it again."]);
  expect((await app.platform("GET /prices/a/m")).body["problem"]).toBe(problems[0]);
});
