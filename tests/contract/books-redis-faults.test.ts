import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { ulid } from "ulid";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { systemClock } from "../../src/lib/clock.ts";
import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import { periodIdOf } from "../../src/pipeline/limits/budget-periods.ts";
import { bookKeys } from "../../src/stores/redis/books/keys.ts";
import { keysOf } from "../../src/stores/redis/limits/keys.ts";
import { redisLimitStore } from "../../src/stores/redis/limits/limit-store.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import { anAmendment, anEntry, aWriter } from "../support/audit-builders.ts";
import type { TestWriter } from "../support/audit-builders.ts";
import { anEvaluation } from "../support/judge-builders.ts";
import { startRedis, startRedisCluster, startRedisPair, untilTrue } from "../support/redis.ts";
import { dayMs, hourMs } from "./open-books.ts";
import { openRedisBooks } from "./redis-books.ts";
import type { TestRedisBooks } from "./redis-books.ts";

/** What the sink of the journal does when Redis restarts, forgets, is full, or holds something else. */

let resources: AsyncDisposableStack;
beforeEach(() => {
  resources = new AsyncDisposableStack();
});
afterEach(() => resources.disposeAsync());

const tenants = ["acme", "zeta", "t3", "t4", "t5", "t6", "t7", "t8"];

/** Twenty requests of today, each of one more nano-dollar than the one before. */
const twenty = (of: readonly string[] = ["acme"]): AuditEntry[] =>
  Array.from({ length: 20 }, (_, index) =>
    anEntry(Date.now() - 5_000 + index, {
      cost_nano_usd: index + 1,
      tenant: of[index % of.length] ?? "acme",
    }),
  );

/** What ledger, budgets and audit have come to, which is the same. */
async function totals({ ledger, auditLog }: TestRedisBooks, of: readonly string[] = ["acme"]) {
  await untilTrue("the readers have their connection back", () =>
    ledger.budgetsSpent(Date.now()).then(
      () => true,
      () => false,
    ),
  );
  const [fromMs, toMs] = [Date.now() - dayMs, Date.now() + dayMs];
  const sums = { requests: 0n, cost: 0n, spent: 0n, audited: 0n };
  const spent = await ledger.budgetsSpent(Date.now());
  for (const tenantId of of) {
    const [row] = await ledger.usage({ tenantId, fromMs, toMs, groupBy: [] });
    sums.requests += row?.sums.requests ?? 0n;
    sums.cost += row?.sums.exact_nano_usd ?? 0n;
    const page = await auditLog.list({ tenantId, fromMs, toMs, limit: 1_000 });
    for (const { text } of page.records) {
      sums.audited += BigInt((JSON.parse(text) as AuditEntry).cost_nano_usd);
    }
    for (const each of spent) {
      const isTotal = each.periodId === "t" && each.keyId === undefined;
      if (each.tenantId === tenantId && isTotal) sums.spent += each.spentNanoUsd;
    }
  }
  return sums;
}

const allTwenty = { requests: 20n, cost: 210n, spent: 210n, audited: 210n };

/** As the feeder does: again, until it is taken. */
async function takeAtLast(
  books: TestRedisBooks,
  writer: TestWriter,
  entries: readonly AuditEntry[],
) {
  const batch = writer.batch(writer.lines(entries));
  await untilTrue("the batch is taken", () =>
    books.sink.take(batch).then(
      () => true,
      () => false,
    ),
  );
  return batch;
}

describe("a Redis that was restarted", () => {
  test("and has lost everything is told of, and the journal's lines make it whole again", async () => {
    const server = resources.use(await startRedis());
    const books = resources.use(await openRedisBooks([server.url]));
    const rewinds: unknown[] = [];
    books.sink.onRewind((since) => rewinds.push(since));
    const writer = aWriter();
    const entries = twenty();
    await takeAtLast(books, writer, entries.slice(0, 12));
    await server.restart();
    await takeAtLast(books, writer, entries.slice(12));
    expect(rewinds).toEqual(["all"]);
    expect(books.losses).toEqual(["emptied"]);
    expect(books.notices.join()).toContain("Redis is empty");
    expect(await books.sink.mark(writer.writer)).toBeUndefined();
    await takeAtLast(books, writer, entries);
    expect(await totals(books)).toEqual(allTwenty);
  });

  test("and has what it wrote to disk is given the last minute again, which changes nothing", async () => {
    const server = resources.use(
      await startRedis({ appendOnly: true, args: ["--appendfsync", "always"] }),
    );
    const books = resources.use(await openRedisBooks([server.url]));
    const rewinds: ("all" | { epochMs: number })[] = [];
    books.sink.onRewind((since) => rewinds.push(since));
    const writer = aWriter();
    const entries = twenty();
    const beforeMs = Date.now();
    await takeAtLast(books, writer, entries.slice(0, 12));
    const afterMs = Date.now();
    await server.restart();
    await takeAtLast(books, writer, entries);
    expect(books.losses).toEqual(["restarted"]);
    const [since] = rewinds;
    if (since === undefined || since === "all") throw new Error("not the last minute");
    expect(since.epochMs).toBeGreaterThanOrEqual(beforeMs - 60_000);
    expect(since.epochMs).toBeLessThanOrEqual(afterMs - 60_000);
    expect(await totals(books)).toEqual(allTwenty);
  });

  test("while the gateway was down has a mark from a minute before", async () => {
    const server = resources.use(
      await startRedis({ appendOnly: true, args: ["--appendfsync", "always"] }),
    );
    let nowMs = Date.now();
    const clock = { epochMs: () => nowMs, tickMs: () => 0 };
    const books = resources.use(await openRedisBooks([server.url], { clock }));
    const writer = aWriter();
    await mkdir(join(books.dataDir, "journal", writer.writer), { recursive: true });
    const marks: unknown[] = [];
    for (const entry of twenty()) {
      marks.push((await takeAtLast(books, writer, [entry])).mark);
      nowMs += 10_000;
    }
    await books.sink[Symbol.asyncDispose]();
    const folder = join(books.dataDir, "marks", "redis");
    for (const name of await readdir(folder)) {
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    }
    const same = await books.openAnotherSink();
    expect(await same.mark(writer.writer)).toEqual(marks.at(-1));
    await same[Symbol.asyncDispose]();
    await server.restart();
    let mark: unknown;
    await untilTrue("Redis is back", async () => {
      try {
        mark = await (await books.openAnotherSink()).mark(writer.writer);
        return true;
      } catch {
        return false;
      }
    });
    expect(mark).toEqual(marks.at(-7));
  });
});

describe("a Redis that was emptied", () => {
  test("while it ran is noticed with the next batch a second later, and made whole again", async () => {
    const server = resources.use(await startRedis());
    const books = resources.use(await openRedisBooks([server.url]));
    const writer = aWriter();
    const entries = twenty();
    await takeAtLast(books, writer, entries);
    await server.command("FLUSHALL");
    await untilTrue("it is noticed", async () => {
      await takeAtLast(books, writer, []);
      return books.losses.includes("emptied");
    });
    expect(await books.sink.mark(writer.writer)).toBeUndefined();
    await takeAtLast(books, writer, entries);
    expect(await totals(books)).toEqual(allTwenty);
    expect(books.losses).toEqual(["emptied"]);
  });

  test("while the gateway was down is noticed at its start", async () => {
    const server = resources.use(await startRedis());
    const books = resources.use(await openRedisBooks([server.url]));
    const writer = aWriter();
    await takeAtLast(books, writer, twenty());
    await books.sink[Symbol.asyncDispose]();
    await server.command("FLUSHALL");
    const later = await books.openAnotherSink();
    expect(books.losses).toEqual(["emptied"]);
    expect(await later.mark(writer.writer)).toBeUndefined();
    await later[Symbol.asyncDispose]();
    await books.openAnotherSink();
    expect(books.losses).toEqual(["emptied"]);
  });

  test("in one server of a cluster is noticed like a whole one", async () => {
    const cluster = resources.use(await startRedisCluster());
    const books = resources.use(await openRedisBooks(cluster.urls));
    const writer = aWriter();
    const entries = twenty(tenants);
    await takeAtLast(books, writer, entries);
    await cluster.nodes[1]?.command("FLUSHALL");
    await untilTrue("it is noticed", async () => {
      await takeAtLast(books, writer, []);
      return books.losses.includes("emptied");
    });
    await takeAtLast(books, writer, entries);
    expect(await totals(books, tenants)).toEqual(allTwenty);
  });
});

test("scripts that a server has forgotten are given to it again", async () => {
  const server = resources.use(await startRedis());
  const books = resources.use(await openRedisBooks([server.url]));
  const writer = aWriter();
  for (const entry of twenty()) {
    await server.command("SCRIPT", "FLUSH");
    const { added } = await books.sink.take(writer.batch([writer.line(entry)]));
    expect(added).toBe(1);
  }
  await server.command("SCRIPT", "FLUSH");
  const amended = writer.lines([anAmendment(anEntry(Date.now())), ...twenty()]);
  expect((await books.sink.take(writer.batch(amended))).added).toBe(21);
});

test("a full Redis takes nothing by halves, and everything once there is room", async () => {
  const server = resources.use(await startRedis());
  const books = resources.use(await openRedisBooks([server.url]));
  const writer = aWriter();
  const entries = twenty();
  await takeAtLast(books, writer, entries.slice(0, 5));
  await server.command("CONFIG", "SET", "maxmemory", "1mb");
  const batch = writer.batch(writer.lines(entries));
  await expect(books.sink.take(batch)).rejects.toThrow("OOM");
  expect(await totals(books)).toEqual({ requests: 5n, cost: 15n, spent: 15n, audited: 15n });
  await server.command("CONFIG", "SET", "maxmemory", "0");
  expect((await books.sink.take(batch)).added).toBe(15);
  expect(await totals(books)).toEqual(allTwenty);
});

test("a failover that loses what the master had acknowledged is made good by the last minute again", async () => {
  const pair = resources.use(await startRedisPair());
  const books = resources.use(await openRedisBooks([pair.url]));
  const rewinds: unknown[] = [];
  books.sink.onRewind((since) => rewinds.push(since));
  const writer = aWriter();
  const entries = twenty();
  await takeAtLast(books, writer, entries.slice(0, 8));
  await untilTrue(
    "the replica has them",
    async () => Number(await pair.replica.command("EXISTS", keysOf("acme").budget("t"))) === 1,
  );
  pair.replica.pause();
  await pair.master.command("CLIENT", "KILL", "TYPE", "replica");
  await takeAtLast(books, writer, entries.slice(8, 14));
  await pair.master.kill();
  pair.replica.resume();
  await takeAtLast(books, writer, entries.slice(14));
  const reading = resources.use(await openRedisBooks([pair.url], { keepsData: true }));
  expect((await totals(reading)).requests).toBe(14n);
  expect(rewinds).toHaveLength(1);
  await takeAtLast(books, writer, entries);
  expect(await totals(reading)).toEqual(allTwenty);
});

test("one server of a cluster that is away holds up its own tenants only, and nothing is counted twice", async () => {
  const cluster = resources.use(await startRedisCluster());
  const books = resources.use(await openRedisBooks(cluster.urls));
  const writer = aWriter();
  const entries = twenty(tenants);
  const acmesNode = await cluster.nodeOf("{acme}:x");
  acmesNode.pause();
  const batch = writer.batch(writer.lines(entries));
  const taking = books.sink.take(batch);
  const others: string[] = [];
  for (const tenant of tenants) {
    if ((await cluster.nodeOf(`{${tenant}}:x`)) !== acmesNode) others.push(tenant);
  }
  expect(others.length).toBeGreaterThan(0);
  for (const tenant of others) {
    const node = await cluster.nodeOf(`{${tenant}}:x`);
    await untilTrue(`${tenant} is counted`, async () =>
      Boolean(await node.command("EXISTS", keysOf(tenant).budget("t"))),
    );
  }
  acmesNode.resume();
  await taking.catch(() => undefined);
  await takeAtLast(books, writer, entries);
  expect(await totals(books, tenants)).toEqual(allTwenty);
});

test("somebody else's data at a tenant's place stops nobody else's lines", async () => {
  const server = resources.use(await startRedis());
  const books = resources.use(await openRedisBooks([server.url]));
  const [mine, theirs] = [anEntry(Date.now()), anEntry(Date.now(), { tenant: "zeta" })];
  await server.command("SET", bookKeys("acme", Date.now()).records, "not ours");
  const writer = aWriter();
  const lines = writer.lines([mine, theirs]);
  const { added, refused } = await books.sink.take(writer.batch(lines));
  expect(added).toBe(1);
  expect(refused.map(({ line }) => line)).toEqual(lines.slice(0, 1));
  expect(refused[0]?.reason).toContain("WRONGTYPE");
});

test("the first word of an id counts also where the server has forgotten the scripts", async () => {
  const server = resources.use(await startRedis());
  const books = resources.use(await openRedisBooks([server.url]));
  const entry = anEntry(Date.now());
  const said = [0.25, 0.5, 1].map((score) => anEvaluation(entry, { score }));
  const writer = aWriter();
  await server.command("SCRIPT", "FLUSH");
  await books.sink.take(writer.batch(writer.lines([entry, ...said])));
  const found = await books.auditLog.get("acme", entry.id);
  expect(found?.amendments).toEqual([JSON.stringify(said[0])]);
});

describe("a record that comes too late", () => {
  test("is refused when its hour's window has passed, and counted nowhere", async () => {
    const server = resources.use(await startRedis());
    const books = resources.use(await openRedisBooks([server.url], { auditHours: 2 }));
    const writer = aWriter();
    const hour = (count: number) => anEntry(Date.now() - count * hourMs);
    const lines = writer.lines([hour(2), hour(3.01), hour(400)]);
    const { added, refused } = await books.sink.take(writer.batch(lines));
    expect(added).toBe(1);
    expect(refused.map(({ line }) => line)).toEqual(lines.slice(1));
    expect(refused[0]?.reason).toContain("SENTINEL_AUDIT_REDIS_HOURS");
    expect((await totals(books)).requests).toBe(1n);
  });

  test("is refused when its hour's records are gone, also when the window was made longer since", async () => {
    const server = resources.use(await startRedis());
    const books = resources.use(await openRedisBooks([server.url], { auditHours: 2 }));
    const writer = aWriter();
    const entry = anEntry(Date.now() - 2 * hourMs);
    await books.sink.take(writer.batch([writer.line(entry)]));
    await server.command("DEL", bookKeys("acme", Date.now() - 2 * hourMs).records);
    const longer = await books.openAnotherSink({ auditHours: 100 });
    const { added, refused } = await longer.take(writer.batch([writer.line(entry)]));
    expect([added, refused.length]).toEqual([0, 1]);
    expect((await totals(books)).requests).toBe(1n);
    expect(await server.command("EXISTS", bookKeys("acme", Date.now() - 2 * hourMs).records)).toBe(
      0,
    );
  });

  test.for([
    ["", false],
    [" that is amended before its first record", true],
  ] as const)(
    "expires with its hour%s; usage stays for more than a year, budgets a while, totals for ever",
    async ([, isAmendedFirst]) => {
      const server = resources.use(await startRedis());
      const books = resources.use(await openRedisBooks([server.url], { auditHours: 2 }));
      const writer = aWriter();
      const entry = anEntry(Date.now(), { tags: { a: "b" } });
      const payload = { id: entry.id, tenant: "acme", prompt: "p", answer: "a", cut: false };
      // Once after its record, once before it.
      const [later, first] = [anEntry(Date.now()), anEvaluation(entry)];
      const lines = writer.lines(isAmendedFirst ? [first, entry, later] : [entry, later, first]);
      await books.sink.take(writer.batch([...lines, writer.payload(payload)]));
      const hoursOf = async (key: string) => Number(await server.command("TTL", key)) / 3_600;
      const keys = bookKeys("acme", Date.now());
      for (const key of [keys.records, keys.index, keys.amendments, keys.payloads]) {
        expect(await hoursOf(key)).toBeGreaterThan(1.9);
        expect(await hoursOf(key)).toBeLessThan(3.3);
      }
      for (const key of [keys.usage, keys.tags, keys.judge]) {
        expect(await hoursOf(key)).toBeGreaterThan(399 * 24);
      }
      const { budget } = keysOf("acme");
      expect(await hoursOf(budget(periodIdOf("day", Date.now())))).toBeGreaterThan(9 * 24);
      expect(await hoursOf(budget("t"))).toBeLessThan(0);
    },
  );
});

test("what a request holds becomes what it spent, in one step with its record", async () => {
  const server = resources.use(await startRedis());
  const books = resources.use(await openRedisBooks([server.url]));
  const requests = resources.use(await openRedis({ urls: [server.url], purpose: "requests" }));
  const limits = resources.use(redisLimitStore({ redis: requests, clock: systemClock }));
  const [id, startedEpochMs] = [ulid(), Date.now()];
  const budgets = [{ period: "day" as const, limitNanoUsd: 1_000, isHard: true }];
  const none = { requestsPerMinute: undefined, concurrentRequests: undefined };
  const rules = [{ scope: "tenant" as const, ...none, tokensPerMinute: 1_000, budgets }];
  const reserve = { tokens: 100, nanoUsd: 900 };
  const call = { id, tenantId: "acme", keyId: "key1", startedEpochMs, rules, reserve };
  const admission = await limits.admit(call);
  if (admission.kind !== "admitted") throw new Error("refused");
  const budget = keysOf("acme").budget(periodIdOf("day", startedEpochMs));
  const amounts = () => server.command("HMGET", budget, "h:", "s:", "s:key1");
  expect(await amounts()).toEqual(["900", null, null]);

  const writer = aWriter();
  const entry = anEntry(startedEpochMs, { id, cost_nano_usd: 123 });
  const line = { ...writer.line(entry), lease: admission.lease.journalled };
  await books.sink.take(writer.batch([line]));
  expect(await amounts()).toEqual(["0", "123", "123"]);
  await books.sink.take(writer.batch([line]));
  expect(await amounts()).toEqual(["0", "123", "123"]);
  const broken = { ...writer.line(anEntry(startedEpochMs)), lease: '{"a":1}' };
  expect((await books.sink.take(writer.batch([broken]))).added).toBe(1);
});
