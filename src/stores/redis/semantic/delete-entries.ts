import type { Purge } from "../../../pipeline/cache/cache-store.ts";
import { purgeNeedles, requestPart } from "../cache/keys.ts";
import type { RedisConnection } from "../open.ts";
import { readScript } from "../script.ts";
import { semanticKeys } from "./keys.ts";

const lua = (name: string): URL => new URL(name, import.meta.url);
const fragments = [lua("forget-entry.lua")];
const entriesScript = readScript(lua("purge-entries.lua"), fragments);
const requestScript = readScript(lua("purge-request.lua"), fragments);

/** A call looks at so many entries, which takes Redis 2 ms where all of them go: it serves others in between. */
const purgedAtOnce = 200;

/** Deletes what a purge is about, and gives the ids of the entries that went, some at a time. */
export async function* deleteEntries(
  redis: RedisConnection,
  what: Purge,
): AsyncGenerator<readonly string[], void> {
  const keys = semanticKeys(what.tenantId);
  const needles = purgeNeedles(what);
  if (what.requestId !== undefined) {
    const names = [keys.entry(what.requestId), keys.answer(what.requestId)];
    const args = [keys.tier, requestPart(what.requestId), ...needles];
    yield idsOf(await redis.run(requestScript, names, args));
    return;
  }
  // Those that are put meanwhile are not looked for: there is an end.
  const [, to = ""] = await redis.client.zrevrange(keys.index, 0, 0, "WITHSCORES");
  let from = "-inf";
  while (to !== "") {
    const args = [keys.tier, from, to, purgedAtOnce, ...needles];
    const reply = await redis.run(entriesScript, [keys.index], args);
    const [last = "", ...gone] = reply as readonly string[];
    yield idsOf(gone);
    if (last === "") return;
    from = `(${last}`;
  }
}

const idsOf = (reply: unknown): string[] =>
  (reply as readonly string[]).map((id) => decodeURIComponent(id));
