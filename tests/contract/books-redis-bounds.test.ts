import { afterEach, beforeEach, expect, test } from "vitest";

import { payloadBytesPerHourMax } from "../../src/stores/redis/books/batch-calls.ts";
import { bookKeys } from "../../src/stores/redis/books/keys.ts";
import { anEntry, aWriter } from "../support/audit-builders.ts";
import { startRedis, untilTrue } from "../support/redis.ts";
import { dayMs, hourMs } from "./open-books.ts";
import { openRedisBooks } from "./redis-books.ts";

/** What the books in Redis do where there is too much. */

let resources: AsyncDisposableStack;
beforeEach(() => {
  resources = new AsyncDisposableStack();
});
afterEach(() => resources.disposeAsync());

test("a tenant's shorter retention deletes whole hours of it, and nobody else's", async () => {
  const server = resources.use(await startRedis());
  const books = resources.use(await openRedisBooks([server.url]));
  const writer = aWriter();
  const at = (days: number, tenant: string) => anEntry(Date.now() - days * dayMs, { tenant });
  const [old, young, theirs] = [at(3, "acme"), at(1, "acme"), at(3, "zeta")];
  await books.sink.take(writer.batch(writer.lines([old, young, theirs])));
  books.sink.keepFor([{ tenantId: "acme", auditDays: 2, payloadDays: undefined }]);
  await untilTrue(
    "the old one is gone",
    async () => (await books.auditLog.get("acme", old.id)) === undefined,
  );
  expect(await books.auditLog.get("acme", young.id)).toBeDefined();
  expect(await books.auditLog.get("zeta", theirs.id)).toBeDefined();
  const { refused } = await books.sink.take(writer.batch(writer.lines([old])));
  expect(refused).toHaveLength(1);
});

test("an hour with too many models counts the rest of them together, and loses nothing of the sums", async () => {
  const server = resources.use(await startRedis());
  const books = resources.use(await openRedisBooks([server.url]));
  const writer = aWriter();
  const hourStartMs = Math.floor(Date.now() / hourMs) * hourMs - hourMs;
  const entries = Array.from({ length: 3_000 }, (_, index) =>
    anEntry(hourStartMs + index, { model: `made-up-${index}`, cost_nano_usd: 2 }),
  );
  for (const batch of [entries, entries.slice(0, 100)]) {
    await books.sink.take(writer.batch(writer.lines(batch)));
  }
  const rows = await books.ledger.usage({
    tenantId: "acme",
    fromMs: hourStartMs,
    toMs: hourStartMs + hourMs,
    groupBy: ["model"],
  });
  const of = (model: string) => rows.find(({ group }) => group.model === model)?.sums.requests;
  expect(rows.length).toBeLessThan(2_600);
  expect(of("made-up-0")).toBe(1n);
  expect(of("_other")).toBe(3_000n - BigInt(rows.length - 1));
  expect(rows.reduce((sum, { sums }) => sum + sums.exact_nano_usd, 0n)).toBe(6_000n);
});

test("prompts and answers for which an hour has no room are dropped, told of, and nothing else is", async () => {
  const server = resources.use(await startRedis());
  const books = resources.use(await openRedisBooks([server.url]));
  const writer = aWriter();
  const entry = anEntry(Date.now());
  await server.command("HSET", bookKeys("acme", Date.now()).payloads, "#", payloadBytesPerHourMax);
  const payload = { id: entry.id, tenant: "acme", prompt: "p", answer: "a", cut: false };
  const batch = writer.batch([writer.line(entry), writer.payload(payload)]);
  expect(await books.sink.take(batch)).toMatchObject({ added: 1, refused: [] });
  expect(await books.auditLog.payload("acme", entry.id)).toBeUndefined();
  expect(books.notices.join()).toContain("no room");
});
