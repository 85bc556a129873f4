import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import { usageSums } from "../../src/pipeline/cost/usage-ledger.ts";
import type { UsageQuery, UsageRow } from "../../src/pipeline/cost/usage-ledger.ts";
import { aCacheEntry, aHit, anEntry, anOldCacheEntry, aWriter } from "../support/audit-builders.ts";
import { startRedis } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { dayMs, yesterdayMs } from "./open-books.ts";
import type { TestBooks } from "./open-books.ts";
import { openRedisBooks } from "./redis-books.ts";
import { openSqliteBooks } from "./sqlite-books.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server[Symbol.asyncDispose]());

const place = {
  minute: fc.nat(2 * 1_440 - 1),
  key: fc.constantFrom("a", "b|", ""),
  model: fc.constantFrom("m", "n"),
  tags: fc.constantFrom({}, { team: "a" }, { team: "a", feature: "x" }),
};
const tokens = { saved_input_tokens: fc.maxSafeNat(), saved_output_tokens: fc.maxSafeNat() };
const amount = { saved_nano_usd: fc.maxSafeNat() };
const outcome = fc.constantFrom("exact" as const, "semantic" as const);

/** Requests that a provider answered, hits, and hits that an older version wrote down. */
const anyRecord: fc.Arbitrary<AuditEntry> = fc
  .record({
    ...place,
    cost_nano_usd: fc.maxSafeNat(),
    cache: fc.oneof(
      fc.constant(undefined),
      fc.record({ outcome, ...amount, ...tokens }).map(aCacheEntry),
      fc.record({ outcome, ...amount }).map(anOldCacheEntry),
    ),
  })
  .map(({ minute, cost_nano_usd, cache, ...fields }) => {
    const startedMs = yesterdayMs() - dayMs + minute * 60_000;
    if (cache !== undefined) return aHit(startedMs, {}, { ...fields, cache });
    const missed = aCacheEntry({ outcome: "miss" });
    return anEntry(startedMs, { ...fields, cost_nano_usd, cache: missed });
  });

const groupings: readonly UsageQuery["groupBy"][] = [
  [],
  ["hour"],
  ["day", "model"],
  ["key", "served_model", "provider"],
  ["tag"],
  ["day", "tag"],
];

async function reportsOf({ ledger }: TestBooks): Promise<readonly (readonly UsageRow[])[]> {
  const span = { tenantId: "acme", fromMs: yesterdayMs() - dayMs, toMs: yesterdayMs() + dayMs };
  return Promise.all(groupings.map((groupBy) => ledger.usage({ ...span, groupBy })));
}

test("SQLite and Redis come to the same sums of the same records, in every report", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRecord, { minLength: 1, maxLength: 30 }), async (records) => {
      await using sqlite = await openSqliteBooks();
      await using redis = await openRedisBooks([server.url]);
      const writer = aWriter();
      const lines = writer.lines(records);
      for (const { sink } of [sqlite, redis]) {
        // Some of them twice, as after a crash.
        await sink.take({ writer: writer.writer, lines: lines.slice(0, 20), mark: undefined });
        await sink.take({ writer: writer.writer, lines: lines.slice(10), mark: undefined });
      }
      const [left, right] = [await reportsOf(sqlite), await reportsOf(redis)];
      expect(right).toEqual(left);
      const [whole] = left[0] ?? [];
      expect(Object.keys(whole?.sums ?? {}).sort()).toEqual([...usageSums].sort());
      const saved = records.map(({ cache }) => BigInt(cache.saved_output_tokens ?? 0));
      expect(whole?.sums.saved_output_tokens).toBe(saved.reduce((sum, more) => sum + more, 0n));
    }),
    { numRuns: 15 },
  );
});
