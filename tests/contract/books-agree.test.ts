import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import { usageSums } from "../../src/pipeline/cost/usage-ledger.ts";
import type { UsageQuery, UsageRow } from "../../src/pipeline/cost/usage-ledger.ts";
import type { JudgeQuery } from "../../src/pipeline/judge/scores/judge-sums.ts";
import { aCacheEntry, aHit, anEntry, anOldCacheEntry, aWriter } from "../support/audit-builders.ts";
import { aFeedback, anEvaluation, judgedBefore } from "../support/judge-builders.ts";
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

/** Some of them say different things under one id, as workers do that judge twice. */
const anyAmendment = fc
  .record({
    of: fc.nat(4),
    evaluator: fc.constantFrom("relevance", "toxicity", "a|b"),
    round: fc.integer({ min: 1, max: 2 }),
    score: fc.integer({ min: 0, max: 1_000_000 }).map((value) => value / 1e6),
    answer_characters: fc.nat(100_000),
    cost_nano_usd: fc.maxSafeNat(),
    judge_model: fc.constantFrom("judge-1", "judge-2"),
    isFeedback: fc.boolean(),
  })
  .map(({ of, isFeedback, ...different }) => (entries: readonly AuditEntry[]) => {
    const entry = entries[of % entries.length] ?? anEntry(yesterdayMs());
    const { evaluator, score } = different;
    if (!isFeedback) return anEvaluation(entry, different);
    return aFeedback(entry, { evaluator, score, judged: judgedBefore(0.5) });
  });

const judgeGroupings: readonly JudgeQuery["groupBy"][] = [
  [],
  ["day", "evaluator"],
  ["key", "model", "served_model", "provider"],
  ["evaluator", "evaluator_version", "judge_model"],
];

async function judgeReportsOf({ ledger }: TestBooks) {
  const span = { tenantId: "acme", fromMs: yesterdayMs() - dayMs, toMs: yesterdayMs() + dayMs };
  return Promise.all(judgeGroupings.map((groupBy) => ledger.judge({ ...span, groupBy })));
}

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

test("SQLite and Redis come to the same sums of what was said later, and show the same of each request", async () => {
  const records = fc.array(anyRecord, { minLength: 1, maxLength: 5 });
  const said = fc.array(anyAmendment, { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(records, said, async (entries, amendments) => {
      await using sqlite = await openSqliteBooks();
      await using redis = await openRedisBooks([server.url]);
      const writers = [aWriter(), aWriter()];
      const all = [...entries, ...amendments.map((make) => make(entries))];
      const batches = writers.map((writer) => ({
        writer: writer.writer,
        lines: writer.lines(writer === writers[0] ? all : all.toReversed()),
        mark: undefined,
      }));
      for (const { sink } of [sqlite, redis]) for (const batch of batches) await sink.take(batch);
      const [left, right] = [await judgeReportsOf(sqlite), await judgeReportsOf(redis)];
      expect(right).toEqual(left);
      const ids = new Set(all.flatMap((one) => (one.object === "audit.amendment" ? one.id : [])));
      const [whole] = left[0] ?? [];
      expect(BigInt(ids.size)).toBe((whole?.sums.scored ?? 0n) + (whole?.sums.feedback ?? 0n));
      for (const { id } of entries) {
        const [one, other] = await Promise.all(
          [sqlite, redis].map(({ auditLog }) => auditLog.get("acme", id)),
        );
        expect(other?.amendments).toEqual(one?.amendments);
      }
    }),
    { numRuns: 6, endOnFailure: true },
  );
});
