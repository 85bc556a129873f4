import { expect, test } from "vitest";

import { gatewayConfigSchema, normaliseGateway } from "../../../../src/config/gateway-config.ts";
import type { GatewayConfig } from "../../../../src/config/gateway-config.ts";
import type { ConfiguredPrice } from "../../../../src/config/price-config.ts";
import { priceListFor, RouteTable } from "../../../../src/wiring-routes.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const configOf = (input: unknown): GatewayConfig =>
  normaliseGateway(gatewayConfigSchema.parse(input), []);

const providers = { openai: { type: "openai" }, home: { type: "ollama" } };
const usd = (input: number, output: number) => ({
  input_per_million_usd: input,
  output_per_million_usd: output,
});
const stored: ConfiguredPrice = {
  provider: "home",
  model: "llama",
  version: "2026-11-21T00:00:00.000Z",
  source: "admin",
  amounts: { inputPicoUsd: 1, outputPicoUsd: 1 },
};

async function tableOf(input: unknown, storedPrices: readonly ConfiguredPrice[] = []) {
  const config = configOf(input);
  const priced = { config, listedPrice: await priceListFor(config), storedPrices };
  const table = new RouteTable(priced, manualClock(), () => undefined);
  return Object.assign(table, { [Symbol.asyncDispose]: () => table.destroy() });
}

test("the price that stands with a target counts under every name, then the file's, then the stored, then the list's", async () => {
  const target = { provider: "openai", model: "gpt-5", price: usd(9, 9) };
  const models = { mine: { strategy: "priority", targets: [target] } };
  const prices = { openai: { "gpt-*": usd(5, 5) }, home: { llama: usd(1, 1) } };
  await using table = await tableOf({ providers, models, prices }, [
    { ...stored, provider: "openai", model: "o3" },
    stored,
  ]);
  const inputOf = (provider: string, model: string) =>
    table.quoteOf(provider, model)?.price.steps[0].inputPicoUsd;
  expect(inputOf("openai", "gpt-5")).toBe(9_000_000);
  expect(inputOf("openai", "gpt-4o")).toBe(5_000_000);
  expect(inputOf("openai", "o3")).toBe(1);
  expect(inputOf("openai", "o4-mini")).toBe(1_100_000);
  expect(inputOf("home", "llama")).toBe(1_000_000);
  expect(table.quoteOf("home", "qwen")).toBeUndefined();
  expect(table.warnings).toEqual([]);
});

test("a new configuration has its own prices at once", async () => {
  const config = configOf({ providers });
  await using table = await tableOf({ providers });
  expect(table.quoteOf("home", "llama")).toBeUndefined();
  const listedPrice = await priceListFor(config);
  table.replace({ config, listedPrice, storedPrices: [stored] });
  expect(table.quoteOf("home", "llama")?.version).toBe(stored.version);
  table.replace({ config, listedPrice });
  expect(table.quoteOf("home", "llama")).toBeUndefined();
});

test("the operator hears of prices for nobody, of two for one model, and of a missing one where it matters", async () => {
  const targetAt = (price: object) => ({ provider: "home", model: "llama", price });
  const models = {
    first: { targets: [targetAt(usd(1, 1))] },
    same: { targets: [targetAt(usd(1, 1))] },
    other: { targets: [targetAt(usd(2, 2))] },
    cheap: {
      strategy: "least-cost",
      targets: [targetAt(usd(1, 1)), { provider: "home", model: "qwen" }],
    },
  };
  const prices = { opnai: { "gpt-5": usd(1, 1) } };
  await using table = await tableOf({ providers, models, prices }, [
    { ...stored, provider: "gone" },
  ]);
  expect(table.warnings).toEqual([
    "models.cheap: the price of home/qwen is not known, so it is asked last; give the target a price.",
    "models.other: home/llama has another price in models.first, which is the one that counts; make them the same.",
    'prices.opnai: there is no provider "opnai", so the price of gpt-5 is for nobody.',
    'The stored prices: there is no provider "gone", so the price of llama is for nobody.',
  ]);
});

test("the list is not loaded where nobody has a list price", async () => {
  const atHome = configOf({ providers: { home: { type: "ollama" } } });
  const listedPrice = await priceListFor(atHome);
  const openai = { type: "openai", baseUrl: "https://api.openai.com/v1" } as const;
  expect(listedPrice(openai, "gpt-5", 0)).toBeUndefined();
  const loaded = await priceListFor(configOf({ providers }));
  expect(loaded(openai, "gpt-5", Date.parse("2026-11-21"))).toBeDefined();
});
