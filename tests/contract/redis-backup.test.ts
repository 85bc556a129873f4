import { appendFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { exportRedis } from "../../src/stores/redis/backup.ts";
import { redisJudgeStore } from "../../src/stores/redis/control/judge-store.ts";
import { redisTenantStore } from "../../src/stores/redis/control/tenant-store.ts";
import { importRedis } from "../../src/stores/redis/restore.ts";
import { aCacheEntry, anEntry, aWriter } from "../support/audit-builders.ts";
import { aFeedback, anEvaluation } from "../support/judge-builders.ts";
import { startRedis, startRedisCluster } from "../support/redis.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { aTenant } from "../support/tenant-builders.ts";
import { dayMs, hourMs } from "./open-books.ts";
import { openRedisBooks } from "./redis-books.ts";
import type { TestRedisBooks } from "./redis-books.ts";

let resources: AsyncDisposableStack;
let folder: string;
beforeEach(async () => {
  resources = new AsyncDisposableStack();
  folder = resources.use(await tempFolder()).path;
});
afterEach(() => resources.disposeAsync());

const single = async () =>
  resources.use(await openRedisBooks([resources.use(await startRedis()).url]));
const cluster = async () =>
  resources.use(await openRedisBooks(resources.use(await startRedisCluster()).urls));

const tenants = ["acme", "zeta", "t3", "t4"];

/** What usage and budgets of all tenants are. */
async function books({ ledger }: TestRedisBooks) {
  const [fromMs, toMs] = [Date.now() - 5 * dayMs, Date.now() + dayMs];
  const groupBy = ["hour", "key", "model", "provider"] as const;
  const usage = [];
  for (const tenantId of tenants) {
    usage.push(await ledger.usage({ tenantId, fromMs, toMs, groupBy }));
    usage.push(await ledger.usage({ tenantId, fromMs, toMs, groupBy: ["day", "tag"] }));
    usage.push(await ledger.judge({ tenantId, fromMs, toMs, groupBy: ["day", "evaluator"] }));
  }
  const spent = await ledger.budgetsSpent(Date.now());
  return {
    usage,
    spent: spent
      .map((each) => `${each.tenantId} ${each.keyId ?? ""} ${each.periodId} ${each.spentNanoUsd}`)
      .sort(),
  };
}

const entries = () =>
  Array.from({ length: 40 }, (_, index) =>
    anEntry(Date.now() - index * 3 * hourMs, {
      tenant: tenants[index % 4] ?? "acme",
      key: `key|${index % 3} ü`,
      tags: { team: `t${index % 5}` },
      cost_nano_usd: Number.MAX_SAFE_INTEGER - index,
      cache: aCacheEntry({
        outcome: index % 2 === 0 ? "exact" : "semantic",
        saved_nano_usd: index,
        saved_input_tokens: 100 + index,
        saved_output_tokens: Number.MAX_SAFE_INTEGER - index,
      }),
    }),
  );

for (const [name, from, to] of [
  ["one server into a cluster", single, cluster],
  ["a cluster into one server", cluster, single],
] as const) {
  test(`a backup goes from ${name}, with every tenant, sum and budget`, async () => {
    const before = await from();
    const writer = aWriter();
    const said = entries().flatMap((entry) => [anEvaluation(entry), aFeedback(entry)]);
    await before.sink.take(writer.batch(writer.lines([...entries(), ...said])));
    await redisTenantStore(before.redis.client).createTenant(aTenant({ id: "acme" }));
    const path = join(folder, "backup.jsonl");
    const { keys } = await exportRedis({ redis: before.redis, path });
    expect((await stat(path)).mode & 0o777).toBe(0o600);

    const after = await to();
    expect(await importRedis({ redis: after.redis, path })).toEqual({ keys });
    expect(await books(after)).toEqual(await books(before));
    expect(await redisTenantStore(after.redis.client).getTenant("acme")).toEqual(
      await redisTenantStore(before.redis.client).getTenant("acme"),
    );
  });
}

test("evaluators, calibrations and their anchors go along with a backup", async () => {
  const before = await single();
  const judges = redisJudgeStore(before.redis.client);
  const evaluator = { name: "politeness", version: "0123456789ab", definition: {}, createdAtMs: 1 };
  const of = { evaluator: "politeness", version: "0123456789ab", model: "m" };
  const anchors = { count: 1, kappa: 0.5 };
  const run = { day: "2026-11-01", kappa: 0.25, n: 1, failed: 0 };
  await judges.putEvaluator(evaluator, { versionsMax: 1 });
  await judges.putCalibration({ ...of, id: "1", report: {}, anchors, createdAtMs: 1 }, ["text"]);
  await judges.putAnchorRun("1", run);
  const path = join(folder, "judges.jsonl");
  await exportRedis({ redis: before.redis, path });

  const after = await single();
  await importRedis({ redis: after.redis, path });
  const restored = redisJudgeStore(after.redis.client);
  expect(await restored.listEvaluators()).toEqual([{ ...evaluator, isCurrent: true }]);
  expect(await restored.listCalibrations()).toHaveLength(1);
  expect(await restored.getAnchors("1")).toEqual(["text"]);
  expect(await restored.listAnchorRuns(["1"])).toEqual([[run]]);
});

test("a journal that is replayed after a restore adds what came after the backup, and nothing twice", async () => {
  const before = await single();
  const writer = aWriter();
  const recent = Array.from({ length: 10 }, (_, at) => anEntry(Date.now() - at * 60_000));
  const lines = writer.lines(recent.flatMap((entry) => [entry, anEvaluation(entry)]));
  await before.sink.take(writer.batch(lines.slice(0, 13)));
  const path = join(folder, "backup.jsonl");
  await exportRedis({ redis: before.redis, path });
  await before.sink.take(writer.batch(lines.slice(13)));

  const after = await single();
  await importRedis({ redis: after.redis, path });
  const taken = await after.sink.take(writer.batch(lines));
  expect([taken.added, taken.refused]).toEqual([7, []]);
  expect(await books(after)).toEqual(await books(before));
  const all = { tenantId: "acme", fromMs: 0, toMs: Date.now() + dayMs, limit: 100 };
  expect((await after.auditLog.list(all)).records).toHaveLength(3);
  expect(await after.auditLog.get("acme", recent[0]?.id ?? "")).toBeUndefined();
});

test("a tenant that is called as our own keys are is backed up like any other", async () => {
  const before = await single();
  const writer = aWriter();
  const entry = anEntry(Date.now(), { tenant: "sentinel" });
  const [line] = writer.lines([entry]);
  if (line === undefined) throw new Error("there is a line");
  await before.sink.take(writer.batch([line]));
  await before.redis.client.hset("{sentinel}:b:t", "h:", "7");
  const path = join(folder, "backup.jsonl");
  await exportRedis({ redis: before.redis, path });

  const after = await single();
  await importRedis({ redis: after.redis, path });
  expect(await after.redis.client.hget("{sentinel}:b:t", "h:")).toBeNull();
  // Counted, and its record in the audit files alone.
  expect((await after.sink.take(writer.batch([line]))).added).toBe(0);
  expect(await after.auditLog.get("sentinel", entry.id)).toBeUndefined();
});

test("after a restore a replica does not say that Redis was emptied, and says it when it is", async () => {
  const books = await single();
  const writer = aWriter();
  await books.sink.take(writer.batch(writer.lines(entries())));
  const path = join(folder, "backup.jsonl");
  await exportRedis({ redis: books.redis, path });
  await books.sink[Symbol.asyncDispose]();
  await books.redis.client.flushall();
  await importRedis({ redis: books.redis, path });
  const restored = await books.openAnotherSink();
  expect(books.losses).toEqual([]);
  expect(await restored.mark(writer.writer)).toBeUndefined();
  await restored[Symbol.asyncDispose]();
  await books.redis.client.flushall();
  await books.openAnotherSink();
  expect(books.losses).toEqual(["emptied"]);
});

test("a backup never writes over a file, and is put only into an empty Redis", async () => {
  const before = await single();
  const writer = aWriter();
  await before.sink.take(writer.batch(writer.lines(entries())));
  const path = join(folder, "backup.jsonl");
  await exportRedis({ redis: before.redis, path });
  await expect(exportRedis({ redis: before.redis, path })).rejects.toThrow("EEXIST");
  await expect(importRedis({ redis: before.redis, path })).rejects.toThrow("Redis is not empty");
});

test("a backup that was cut short, changed or is none is refused before anything is written", async () => {
  const before = await single();
  const writer = aWriter();
  await before.sink.take(writer.batch(writer.lines(entries())));
  const path = join(folder, "backup.jsonl");
  await exportRedis({ redis: before.redis, path });
  const whole = await readFile(path, "utf8");
  const after = await single();
  const tryIt = async (name: string, content: string) => {
    const damaged = join(folder, name);
    await writeFile(damaged, content);
    return importRedis({ redis: after.redis, path: damaged });
  };
  const lines = whole.split("\n");
  await expect(tryIt("short", lines.slice(0, -2).join("\n"))).rejects.toThrow("cut short");
  await expect(tryIt("torn", whole.slice(0, -30))).rejects.toThrow("damaged");
  await expect(tryIt("less", lines.toSpliced(3, 1).join("\n"))).rejects.toThrow("damaged");
  await expect(tryIt("none", "hello\n")).rejects.toThrow("no backup");
  await expect(tryIt("empty", "")).rejects.toThrow("cut short");
  await appendFile(path, lines[2] ?? "");
  await expect(importRedis({ redis: after.redis, path })).rejects.toThrow("damaged");
  expect((await books(after)).spent).toEqual([]);
});
