import { describe, expect, test } from "vitest";

import type { PriceStore, StoredPrice } from "../../src/tenants/price-store.ts";

/** Opens an empty store. */
type OpenStore = () => Promise<{ readonly prices: PriceStore } & AsyncDisposable>;

const aPrice = (fields: Partial<StoredPrice> = {}): StoredPrice => ({
  provider: "openai",
  model: "gpt-5",
  settings: { input_per_million_usd: "1.25", multipliers: { flex: 0.5 } },
  createdAtMs: 1_000,
  updatedAtMs: 1_000,
  ...fields,
});

const many = { pricesMax: 100 };

/** What every store of prices does. */
export function priceStoreContract(name: string, openStore: OpenStore): void {
  describe(`prices in ${name}`, () => {
    test("a price is found again as it was given, by its very name", async () => {
      await using store = await openStore();
      const slashed = aPrice({ provider: "together", model: "meta-llama/Llama-4*" });
      expect(await store.prices.putPrice(aPrice(), many)).toBe("created");
      expect(await store.prices.putPrice(slashed, many)).toBe("created");
      expect(await store.prices.getPrice(aPrice())).toEqual(aPrice());
      expect(await store.prices.getPrice(slashed)).toEqual(slashed);
      expect(await store.prices.getPrice(aPrice({ model: "gpt" }))).toBeUndefined();
      expect(await store.prices.getPrice(aPrice({ provider: "azure" }))).toBeUndefined();
    });

    test("a list is all of them, by provider and model", async () => {
      await using store = await openStore();
      const names = [
        ["b", "2"],
        ["a", "9"],
        ["b", "1"],
      ] as const;
      for (const [provider, model] of names) {
        await store.prices.putPrice(aPrice({ provider, model }), many);
      }
      const listed = (await store.prices.listPrices()).map(
        ({ provider, model }) => provider + model,
      );
      expect(listed).toEqual(["a9", "b1", "b2"]);
    });

    test("another price takes the place of the first, whose age stays", async () => {
      await using store = await openStore();
      await store.prices.putPrice(aPrice(), many);
      const next = aPrice({
        settings: { input_per_million_usd: 2 },
        createdAtMs: 5_000,
        updatedAtMs: 5_000,
      });
      expect(await store.prices.putPrice(next, many)).toBe("replaced");
      expect(await store.prices.getPrice(next)).toEqual({ ...next, createdAtMs: 1_000 });
    });

    test("the time of the last change moves on even if the clock does not", async () => {
      await using store = await openStore();
      await store.prices.putPrice(aPrice(), many);
      await store.prices.putPrice(aPrice(), many);
      await store.prices.putPrice(aPrice({ updatedAtMs: 10 }), many);
      expect((await store.prices.getPrice(aPrice()))?.updatedAtMs).toBe(1_002);
    });

    test("one more than may be kept is not, and those that there are can still be changed", async () => {
      await using store = await openStore();
      const limit = { pricesMax: 2 };
      for (const model of ["a", "b"]) await store.prices.putPrice(aPrice({ model }), limit);
      expect(await store.prices.putPrice(aPrice({ model: "c" }), limit)).toBe("full");
      expect(await store.prices.putPrice(aPrice({ model: "a" }), limit)).toBe("replaced");
      expect(await store.prices.listPrices()).toHaveLength(2);
    });

    test("what is deleted is gone, once, and nothing else is", async () => {
      await using store = await openStore();
      await store.prices.putPrice(aPrice(), many);
      await store.prices.putPrice(aPrice({ model: "gpt-5-mini" }), many);
      expect(await store.prices.deletePrice(aPrice())).toBe(true);
      expect(await store.prices.deletePrice(aPrice())).toBe(false);
      expect(await store.prices.listPrices()).toHaveLength(1);
    });

    test("two who set the same price at once leave one", async () => {
      await using store = await openStore();
      const outcomes = await Promise.all(
        [1, 2, 3].map(() => store.prices.putPrice(aPrice(), many)),
      );
      expect(outcomes).not.toContain("full");
      expect(await store.prices.listPrices()).toHaveLength(1);
    });
  });
}
