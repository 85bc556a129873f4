import { describe, expect, test } from "vitest";

import { periodIdsOf } from "../../src/pipeline/limits/budget-periods.ts";
import { aHit, anAmendment, anEntry, aWriter, takeRecords } from "../support/audit-builders.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { dayMs, hourMs, yesterdayMs } from "./open-books.ts";
import type { OpenBooks, TestBooks } from "./open-books.ts";

/** What every store that is fed from the journal does with lines that come, come again, and come in any order. */
export function journalSinkContract(name: string, openBooks: OpenBooks): void {
  describe(`a sink of the journal in ${name}`, () => {
    test("a writer that it has seen nothing of has no mark; a taken batch's mark is its mark", async () => {
      await using books = await openBooks();
      const writer = aWriter();
      expect(await books.sink.mark(writer.writer)).toBeUndefined();
      const first = writer.batch(writer.lines([anEntry(yesterdayMs())]));
      await books.sink.take(first);
      expect(await books.sink.mark(writer.writer)).toEqual(first.mark);
      const second = writer.batch(writer.lines([anEntry(yesterdayMs())]));
      await books.sink.take(second);
      expect(await books.sink.mark(writer.writer)).toEqual(second.mark);
      expect(await books.sink.mark(aWriter().writer)).toBeUndefined();
    });

    test("a batch without a mark leaves the mark where it was", async () => {
      await using books = await openBooks();
      const writer = aWriter();
      const unwritten = {
        ...writer.batch(writer.lines([anEntry(yesterdayMs())])),
        mark: undefined,
      };
      expect((await books.sink.take(unwritten)).added).toBe(1);
      expect(await books.sink.mark(writer.writer)).toBeUndefined();
      const marked = writer.batch(unwritten.lines);
      expect((await books.sink.take(marked)).added).toBe(0);
      expect(await books.sink.mark(writer.writer)).toEqual(marked.mark);
    });

    test("the same lines again add nothing, in one batch or in many", async () => {
      await using books = await openBooks();
      const writer = aWriter();
      const lines = writer.lines(aDayOfEntries());
      expect((await books.sink.take(writer.batch([...lines, ...lines]))).added).toBe(lines.length);
      const once = await whatIsThere(books);
      for (const line of lines) expect((await books.sink.take(writer.batch([line]))).added).toBe(0);
      expect((await books.sink.take(writer.batch(lines.toReversed()))).added).toBe(0);
      expect(await whatIsThere(books)).toEqual(once);
    });

    test("any order and division of the lines comes to the same", async () => {
      const writers = [aWriter(), aWriter()];
      const all = aDayOfEntries().map((entry, index) => writers[index % 2]?.line(entry));
      const lines = all.filter((line) => line !== undefined);
      const random = seededRandom(20_261_121);
      const takeShuffled = async () => {
        await using books = await openBooks();
        const rest = lines
          .concat(lines.filter(() => random() < 0.3))
          .map((line) => ({ line, place: random() }))
          .sort((left, right) => left.place - right.place)
          .map(({ line }) => line);
        while (rest.length > 0) {
          const some = rest.splice(0, 1 + Math.floor(random() * 7));
          for (const writer of writers) {
            const its = some.filter(({ chain }) => chain.writer === writer.writer);
            if (its.length > 0) await books.sink.take(writer.batch(its));
          }
        }
        return await whatIsThere(books);
      };
      const first = await takeShuffled();
      expect(first.records).toHaveLength(lines.length);
      expect(await takeShuffled()).toEqual(first);
    });

    test("what the budgets of a batch have come to is told, for the tenant and the key", async () => {
      await using books = await openBooks();
      const startedMs = yesterdayMs() + hourMs;
      await takeRecords(books.sink, [anEntry(startedMs, { cost_nano_usd: 1_000 })]);
      const { spent } = await takeRecords(books.sink, [
        anEntry(startedMs, { cost_nano_usd: 20 }),
        anEntry(startedMs, { cost_nano_usd: 3, key: "key2" }),
      ]);
      for (const periodId of periodIdsOf(startedMs)) {
        const of = (keyId: string | undefined, spentNanoUsd: bigint) =>
          expect.objectContaining({ tenantId: "acme", keyId, periodId, spentNanoUsd }) as unknown;
        expect(spent).toContainEqual(of(undefined, 1_023n));
        expect(spent).toContainEqual(of("key1", 1_020n));
        expect(spent).toContainEqual(of("key2", 3n));
      }
    });

    test("amounts stay exact where a double would round them", async () => {
      await using books = await openBooks();
      const startedMs = yesterdayMs();
      const cost_nano_usd = Number.MAX_SAFE_INTEGER;
      const dear = () => anEntry(startedMs, { cost_nano_usd });
      const { spent } = await takeRecords(books.sink, [dear(), dear(), dear()]);
      const whole = 3n * BigInt(Number.MAX_SAFE_INTEGER);
      expect(spent.map(({ spentNanoUsd }) => spentNanoUsd)).toEqual(spent.map(() => whole));
      const more = await takeRecords(books.sink, [anEntry(startedMs, { cost_nano_usd: 1 })]);
      expect(more.spent[0]?.spentNanoUsd).toBe(whole + 1n);
      const [row] = await books.ledger.usage(wholeDay());
      expect(row?.sums.exact_nano_usd).toBe(whole + 1n);
    });

    test("amendments and lines of other kinds count as no request", async () => {
      await using books = await openBooks();
      const entry = anEntry(yesterdayMs());
      const writer = aWriter();
      const lines = writer.lines([entry, anAmendment(entry)]);
      const payload = { id: entry.id, tenant: "acme", prompt: "p", answer: "a", cut: false };
      await books.sink.take(writer.batch([...lines, writer.payload(payload), aStart(entry.id)]));
      const [row] = await books.ledger.usage(wholeDay());
      expect(row?.sums.requests).toBe(1n);
    });

    test("a line that can never be taken is refused with a reason, and the others are taken", async () => {
      await using books = await openBooks();
      const writer = aWriter();
      const good = writer.line(anEntry(yesterdayMs()));
      const bad = [
        writer.line(anEntry(yesterdayMs(), { id: "not an id" })),
        writer.line(anEntry(yesterdayMs(), { cost_nano_usd: -5, cost_usd: "-0.000000005" })),
        writer.line(anEntry(yesterdayMs(), { usage: { input_tokens: "7" } as never })),
        writer.line(aHit(yesterdayMs(), { saved_input_tokens: -1 })),
        writer.line(aHit(yesterdayMs(), { saved_output_tokens: 0.5 })),
      ];
      const batch = writer.batch([...bad, good]);
      const { added, refused } = await books.sink.take(batch);
      expect(added).toBe(1);
      expect(refused.map(({ line }) => line)).toEqual(bad);
      for (const { reason } of refused) expect(reason).not.toBe("");
      expect(await books.sink.mark(writer.writer)).toEqual(batch.mark);
    });

    test("a request that two writers have a record of counts once, as it was told first", async () => {
      await using books = await openBooks();
      const entry = anEntry(yesterdayMs(), { cost_nano_usd: 7 });
      const guess = { ...entry, outcome: "interrupted", cost_nano_usd: 9, cost_usd: "0.000000009" };
      expect((await takeRecords(books.sink, [entry])).added).toBe(1);
      expect((await takeRecords(books.sink, [guess])).added).toBe(0);
      const found = await books.auditLog.get("acme", entry.id);
      expect(found?.text).toBe(JSON.stringify(entry));
      const [row] = await books.ledger.usage(wholeDay());
      expect(row?.sums).toMatchObject({ requests: 1n, exact_nano_usd: 7n, failed_requests: 0n });
    });

    test("an empty batch only moves the mark", async () => {
      await using books = await openBooks();
      const writer = aWriter();
      const batch = { writer: writer.writer, lines: [], mark: { segment: 3, offset: 99 } };
      expect(await books.sink.take(batch)).toEqual({ added: 0, spent: [], refused: [] });
      expect(await books.sink.mark(writer.writer)).toEqual({ segment: 3, offset: 99 });
    });
  });
}

const wholeDay = () => ({
  tenantId: "acme",
  fromMs: yesterdayMs(),
  toMs: yesterdayMs() + dayMs,
  groupBy: [],
});

/** Forty requests of a few keys and models over a day. */
function aDayOfEntries() {
  return Array.from({ length: 40 }, (_, index) =>
    anEntry(yesterdayMs() + index * 2_000_000, {
      key: `key${index % 3}`,
      model: `model${index % 2}`,
      cost_nano_usd: 10 ** (index % 9),
      outcome: index % 5 === 0 ? "upstream_error" : "ok",
      tags: index % 4 === 0 ? { team: `t${index % 3}` } : {},
    }),
  );
}

async function whatIsThere({ auditLog, ledger }: TestBooks) {
  const [fromMs, toMs] = [yesterdayMs(), yesterdayMs() + dayMs];
  const { records } = await auditLog.list({ tenantId: "acme", fromMs, toMs, limit: 1_000 });
  const spent = await ledger.budgetsSpent(fromMs);
  const groupBy = ["hour", "key", "model", "served_model", "provider"] as const;
  return {
    records,
    usage: await ledger.usage({ tenantId: "acme", fromMs, toMs, groupBy }),
    byTag: await ledger.usage({ tenantId: "acme", fromMs, toMs, groupBy: ["tag", "model"] }),
    spent: spent.map((each) => `${each.keyId ?? ""} ${each.periodId} ${each.spentNanoUsd}`).sort(),
  };
}

const aStart = (id: string) => ({
  kind: "start" as const,
  start: {
    id,
    tenant: "acme",
    key: "key1",
    endpoint: "chat" as const,
    model: "smart",
    stream: false,
    route: null,
    tags: {},
    client_request_id: null,
    input_tokens: 1,
    input_nano_usd: 1,
    cost_status: "estimated" as const,
    lease: null,
  },
});
