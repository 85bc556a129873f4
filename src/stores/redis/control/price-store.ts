import { z } from "zod";

import type { PriceName, PriceStore, StoredPrice } from "../../../tenants/price-store.ts";
import { asText, asTexts, runScript, withFailures } from "./commands.ts";
import type { RedisCommands } from "./commands.ts";
import { keys } from "./keys.ts";
import { replace } from "./tenant-scripts.ts";

/** Stored prices in Redis. Its calls reject with `store_unavailable` where Redis does not answer. */
export function redisPriceStore(inner: RedisCommands): PriceStore {
  const redis = withFailures(inner);
  const read = async (name: PriceName): Promise<string | undefined> =>
    asText(await redis.call("HGET", keys.prices, fieldOf(name)));
  return {
    async listPrices() {
      const texts = asTexts(await redis.call("HVALS", keys.prices));
      return texts.map((text) => toPrice(text ?? "")).sort(byName);
    },
    async getPrice(name) {
      const text = await read(name);
      return text === undefined ? undefined : toPrice(text);
    },
    async putPrice(price, { pricesMax }) {
      const field = fieldOf(price);
      for (;;) {
        const before = await read(price);
        if (before === undefined) {
          const made = [field, JSON.stringify(price), pricesMax];
          const outcome = await runScript(redis, createScript, [keys.prices], made);
          if (outcome === 1) return "created";
          if (outcome === -1) return "full";
          continue; // Someone else made it a moment ago: theirs is replaced.
        }
        const known = toPrice(before);
        // Two changes are told apart by their time, which may not stand still.
        const updatedAtMs = Math.max(price.updatedAtMs, known.updatedAtMs + 1);
        const next = JSON.stringify({ ...price, updatedAtMs, createdAtMs: known.createdAtMs });
        if ((await runScript(redis, replace, [keys.prices], [field, before, next])) === 1) {
          return "replaced";
        }
      }
    },
    async deletePrice(name) {
      return (await redis.call("HDEL", keys.prices, fieldOf(name))) === 1;
    },
  };
}

/** KEYS: the prices. ARGV: field, JSON, how many there may be. 0: it is there already, -1: there is no room. */
const createScript = `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return -1 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`;

const fieldOf = ({ provider, model }: PriceName): string => JSON.stringify([provider, model]);

function byName(left: StoredPrice, right: StoredPrice): number {
  if (left.provider !== right.provider) return left.provider < right.provider ? -1 : 1;
  return left.model < right.model ? -1 : 1;
}

const priceJson = z.object({
  provider: z.string(),
  model: z.string(),
  settings: z.record(z.string(), z.unknown()),
  createdAtMs: z.number(),
  updatedAtMs: z.number(),
});

const toPrice = (text: string): StoredPrice => priceJson.parse(JSON.parse(text));
