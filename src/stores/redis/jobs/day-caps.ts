import type { DayCaps } from "../../../jobs/day-caps.ts";
import { orUnavailable } from "../books/store-failure.ts";
import type { RedisConnection } from "../open.ts";
import { readScript } from "../script.ts";
import { jobKeys } from "./keys.ts";

/** After its last change: nobody asks for what an older day has cost. */
const keptMs = 4 * 86_400_000;

const reserveScript = readScript(new URL("reserve-caps.lua", import.meta.url));
const settleScript = readScript(new URL("settle-caps.lua", import.meta.url));

/** Daily caps in Redis, for all replicas. Its calls reject with `store_unavailable` where it does not answer. */
export function redisDayCaps(redis: RedisConnection): DayCaps {
  redis.preload([reserveScript, settleScript]);
  return {
    reserve: (day, caps, { nanoUsd, tokens }) =>
      orUnavailable(async () => {
        const each = caps.flatMap(({ id, limit }) => [id, limit.nanoUsd ?? "", limit.tokens ?? ""]);
        const args = [nanoUsd, tokens, keptMs, ...each];
        const full = Number(await redis.run(reserveScript, [jobKeys.caps(day)], args));
        return full === 0 ? undefined : full - 1;
      }),
    settle: (day, ids, reserved, used) =>
      orUnavailable(async () => {
        const change = [used.nanoUsd - reserved.nanoUsd, used.tokens - reserved.tokens];
        const args = [used.nanoUsd, used.tokens, ...change, keptMs, ...ids];
        await redis.run(settleScript, [jobKeys.caps(day)], args);
        return undefined;
      }),
    spent: (day) =>
      orUnavailable(async () => {
        const sums = await redis.client.hgetall(jobKeys.caps(day));
        const ids = Object.keys(sums).flatMap((field) =>
          field.startsWith("n:") ? [field.slice(2)] : [],
        );
        return ids.sort().map((id) => ({
          id,
          nanoUsd: Number(sums[`n:${id}`] ?? 0),
          tokens: Number(sums[`t:${id}`] ?? 0),
        }));
      }),
  };
}
