import type { SemanticEntry, Shard, Tally } from "../../../pipeline/cache/semantic-store.ts";
import { decodeEntry } from "../../answers/entry-codec.ts";
import type { RedisConnection } from "../open.ts";
import { semanticKeys } from "./keys.ts";

/** So many are read by one command, 2 kB each: Redis serves others in between. */
const entriesAtOnce = 100;

/** The newest entries of a shard, the oldest of them first, and what checks have found of their answers. */
export async function readShard(
  { client }: Pick<RedisConnection, "client">,
  { tenantId, shard }: { readonly tenantId: string; readonly shard: string },
  { entriesMax, nowEpochMs }: { readonly entriesMax: number; readonly nowEpochMs: number },
): Promise<Shard> {
  const keys = semanticKeys(tenantId);
  const newest = await client.zrevrange(keys.entries(shard), 0, entriesMax - 1);
  const ids = newest.map((member) => decodeURIComponent(member.slice(0, member.indexOf("|"))));
  const entries: SemanticEntry[] = [];
  for (let from = 0; from < ids.length; from += entriesAtOnce) {
    const some = ids.slice(from, from + entriesAtOnce);
    const values = await client.mgetBuffer(some.map(keys.entry));
    for (const [at, id] of some.entries()) {
      const value = values[at] ?? undefined;
      if (value === undefined) continue;
      const entry = decodeEntry(value.subarray(value.indexOf("\n") + 1), { tenantId, id });
      if (entry?.shard === shard && entry.expiresAtEpochMs > nowEpochMs) entries.push(entry);
    }
  }
  const counts = entries.length === 0 ? {} : await client.hgetall(keys.tallies(shard));
  return { entries: entries.toReversed(), tallies: talliesOf(counts, entries) };
}

function talliesOf(
  counts: Readonly<Record<string, string>>,
  entries: readonly SemanticEntry[],
): Tally[] {
  const tallies: Tally[] = [];
  for (const answerId of new Set(entries.map((entry) => entry.answerId))) {
    const name = encodeURIComponent(answerId);
    const confirmations = Number(counts[`${name}:c`] ?? 0);
    const refutations = Number(counts[`${name}:r`] ?? 0);
    if (confirmations + refutations > 0) tallies.push({ answerId, confirmations, refutations });
  }
  return tallies;
}
