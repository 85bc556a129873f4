import { z } from "zod";

import type { ProviderStore, StoredProvider } from "../../../tenants/tenant-store.ts";
import { asText, asTexts, runScript, withFailures } from "./commands.ts";
import type { RedisCommands } from "./commands.ts";
import { keys } from "./keys.ts";
import { replace } from "./tenant-scripts.ts";

/** Stored providers in Redis. Its calls reject with `store_unavailable` where Redis does not answer. */
export function redisProviderStore(inner: RedisCommands): ProviderStore {
  const redis = withFailures(inner);
  return {
    async listProviders() {
      const texts = asTexts(await redis.call("HVALS", keys.providers));
      return texts
        .map((text) => toProvider(text ?? ""))
        .sort((left, right) => (left.name < right.name ? -1 : 1));
    },
    async getProvider(name) {
      const text = asText(await redis.call("HGET", keys.providers, name));
      return text === undefined ? undefined : toProvider(text);
    },
    async createProvider(provider) {
      const json = JSON.stringify(provider);
      const made = await redis.call("HSETNX", keys.providers, provider.name, json);
      return made === 1 ? "created" : "taken";
    },
    async replaceProvider(provider, { updatedAtMs }) {
      const before = asText(await redis.call("HGET", keys.providers, provider.name));
      const known = before === undefined ? undefined : toProvider(before);
      if (before === undefined || known?.updatedAtMs !== updatedAtMs) return "stale";
      const next = JSON.stringify({ ...provider, createdAtMs: known.createdAtMs });
      const values = [provider.name, before, next];
      const isReplaced = await runScript(redis, replace, [keys.providers], values);
      return isReplaced === 1 ? "replaced" : "stale";
    },
    async deleteProvider(name) {
      return (await redis.call("HDEL", keys.providers, name)) === 1;
    },
  };
}

const providerJson = z.object({
  name: z.string(),
  settings: z.record(z.string(), z.unknown()),
  sealed: z.record(z.string(), z.string()),
  maskedKeys: z.array(z.string()),
  createdAtMs: z.number(),
  updatedAtMs: z.number(),
});

const toProvider = (text: string): StoredProvider => providerJson.parse(JSON.parse(text));
