import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import type { UsageQuery, UsageRow, UsageSum } from "../../src/pipeline/cost/usage-ledger.ts";
import { otherTag, tagsPerDayMax, unknownModel } from "../../src/pipeline/cost/usage-ledger.ts";
import { periodIdOf } from "../../src/pipeline/limits/budget-periods.ts";
import {
  aCacheEntry,
  aHit,
  anEntry,
  anOldCacheEntry,
  aUsage,
  takeRecords,
} from "../support/audit-builders.ts";
import { dayMs, hourMs, yesterdayMs } from "./open-books.ts";
import type { OpenBooks, TestBooks } from "./open-books.ts";

/** What every ledger sums up of what its sink has taken. */
export function usageLedgerContract(name: string, openBooks: OpenBooks): void {
  describe(`the usage ledger in ${name}`, () => {
    test("every sum is that of the records", async () => {
      await using books = await openBooks();
      const cache = aCacheEntry({
        outcome: "semantic",
        similarity: 0.9,
        saved_nano_usd: 77,
        saved_input_tokens: 11,
        saved_output_tokens: 13,
      });
      await takeRecords(books.sink, [
        anEntry(yesterdayMs(), { cost_nano_usd: 5, usage: aUsage({ input_tokens: 1_000 }) }),
        anEntry(yesterdayMs(), { cost_nano_usd: 7, cost_status: "estimated", outcome: "x" }),
        anEntry(yesterdayMs(), { cost_nano_usd: 0, cost_status: "unpriced", usage: null, cache }),
      ]);
      expect((await usage(books, {}))[0]?.sums).toEqual({
        requests: 3n,
        failed_requests: 1n,
        input_tokens: 1_100n,
        cached_input_tokens: 20n,
        cache_write_tokens: 10n,
        output_tokens: 100n,
        reasoning_tokens: 40n,
        exact_nano_usd: 5n,
        estimated_nano_usd: 7n,
        exact_requests: 1n,
        estimated_requests: 1n,
        unpriced_requests: 1n,
        cache_hits: 1n,
        saved_nano_usd: 77n,
        saved_input_tokens: 11n,
        saved_output_tokens: 13n,
      } satisfies Record<UsageSum, bigint>);
    });

    test("what hits saved is summed up by every dimension, and neither used nor spent", async () => {
      await using books = await openBooks();
      const tags = { team: "a" };
      const asked = anEntry(yesterdayMs(), { tags, cost_nano_usd: 50, usage: aUsage() });
      const saved = { saved_nano_usd: 50, saved_input_tokens: 100, saved_output_tokens: 50 };
      const hits = ["exact", "semantic"] as const;
      const { spent } = await takeRecords(books.sink, [
        asked,
        ...hits.map((outcome) =>
          aHit(yesterdayMs() + hourMs, { outcome, from: asked.id, ...saved }, { tags }),
        ),
      ]);
      const savings = {
        cache_hits: 2n,
        saved_nano_usd: 100n,
        saved_input_tokens: 200n,
        saved_output_tokens: 100n,
      };
      const used = { requests: 3n, input_tokens: 100n, exact_nano_usd: 50n, exact_requests: 3n };
      for (const groupBy of [[], ["day"], ["model"], ["key"], ["tag"]] as const) {
        expect((await usage(books, { groupBy })).map(({ sums }) => sums)).toMatchObject([
          { ...savings, ...used },
        ]);
      }
      const [first, second] = await usage(books, { groupBy: ["hour"] });
      expect(first?.sums).toMatchObject({ requests: 1n, cache_hits: 0n, saved_input_tokens: 0n });
      expect(second?.sums).toMatchObject({ requests: 2n, input_tokens: 0n, ...savings });
      for (const each of spent) expect(each.spentNanoUsd).toBe(50n);
    });

    test("records of older versions, which do not say what tokens a hit saved, count beside newer ones", async () => {
      await using books = await openBooks();
      const old = anOldCacheEntry({ outcome: "exact", saved_nano_usd: 7 });
      const oldHit = aHit(yesterdayMs(), {}, { cache: old });
      const saved = { saved_nano_usd: 3, saved_input_tokens: 20, saved_output_tokens: 10 };
      await takeRecords(books.sink, [oldHit, anEntry(yesterdayMs(), { cache: anOldCacheEntry() })]);
      const total = async () => (await usage(books, {}))[0]?.sums;
      expect(await total()).toMatchObject({
        requests: 2n,
        cache_hits: 1n,
        saved_nano_usd: 7n,
        saved_input_tokens: 0n,
        saved_output_tokens: 0n,
      });
      const again = await takeRecords(books.sink, [oldHit, aHit(yesterdayMs(), saved)]);
      expect(again).toMatchObject({ added: 1, refused: [] });
      expect(await total()).toMatchObject({
        requests: 3n,
        cache_hits: 2n,
        saved_nano_usd: 10n,
        saved_input_tokens: 20n,
        saved_output_tokens: 10n,
      });
      const shownText = (await books.auditLog.get("acme", oldHit.id))?.text;
      expect(JSON.parse(shownText ?? "{}")).toEqual(oldHit);
    });

    test("what is known of the cost of a request that is unpriced in part counts as estimated", async () => {
      await using books = await openBooks();
      const part = { cost_nano_usd: 9, cost_status: "unpriced" } as const;
      const { spent } = await takeRecords(books.sink, [anEntry(yesterdayMs(), part)]);
      const [row] = await usage(books, {});
      expect(row?.sums).toMatchObject({ estimated_nano_usd: 9n, estimated_requests: 0n });
      expect(spent[0]?.spentNanoUsd).toBe(9n);
    });

    test("rows are grouped by any dimensions, in the order of their values as asked for", async () => {
      await using books = await openBooks();
      const at = (hour: number, key: string, model: string) =>
        anEntry(yesterdayMs() + hour * hourMs, { key, model });
      await takeRecords(books.sink, [
        at(10, "b", "m"),
        at(9, "b", "n"),
        at(9, "a", "n"),
        at(9, "a", "n"),
      ]);
      const day = new Date(yesterdayMs()).toISOString().slice(0, 10);
      expect(shown(await usage(books, { groupBy: ["key", "hour"] }))).toEqual([
        [{ key: "a", hour: `${day}T09:00:00Z` }, 2n],
        [{ key: "b", hour: `${day}T09:00:00Z` }, 1n],
        [{ key: "b", hour: `${day}T10:00:00Z` }, 1n],
      ]);
      expect(shown(await usage(books, { groupBy: ["model", "key"] }))).toEqual([
        [{ model: "m", key: "b" }, 1n],
        [{ model: "n", key: "a" }, 2n],
        [{ model: "n", key: "b" }, 1n],
      ]);
      expect(shown(await usage(books, { groupBy: ["day", "provider", "served_model"] }))).toEqual([
        [{ day, provider: "openai", served_model: "gpt-5" }, 4n],
      ]);
    });

    test("hours that begin in the range count, at both ends, over several days", async () => {
      await using books = await openBooks();
      const starts = [-25, -24, -1, 0, 5, 23, 24].map((hour) => yesterdayMs() + hour * hourMs);
      await takeRecords(
        books.sink,
        starts.map((startedMs) => anEntry(startedMs + 1_234_567)),
      );
      const count = async (fromHour: number, toHour: number, moreMs = 0) => {
        const fromMs = yesterdayMs() + fromHour * hourMs + moreMs;
        const rows = await usage(books, { fromMs, toMs: yesterdayMs() + toHour * hourMs + moreMs });
        return rows[0]?.sums.requests ?? 0n;
      };
      expect(await count(-100, 100)).toBe(7n);
      expect(await count(-25, 24)).toBe(6n);
      expect(await count(-24, 23)).toBe(4n);
      expect(await count(0, 5)).toBe(1n);
      expect(await count(0, 6)).toBe(2n);
      expect(await count(-24, 24)).toBe(5n);
      expect(await count(0, 5, 1)).toBe(1n);
      expect(await count(5, 0)).toBe(0n);
    });

    test("a request belongs to the hour and the day of its start, at their last millisecond too", async () => {
      await using books = await openBooks();
      await takeRecords(books.sink, [anEntry(yesterdayMs() + dayMs - 1), anEntry(yesterdayMs())]);
      const rows = await usage(books, { groupBy: ["hour"] });
      expect(rows.map(({ group }) => group.hour?.slice(11))).toEqual(["00:00:00Z", "23:00:00Z"]);
      expect(await usage(books, { groupBy: ["day"] })).toHaveLength(1);
    });

    test("requests without a route are those of the unknown model, and of no provider", async () => {
      await using books = await openBooks();
      const nowhere = {
        route: null,
        served_model: null,
        provider: null,
        outcome: "model_not_found",
      };
      await takeRecords(
        books.sink,
        ["made-up-1", "made-up-2"].map((model) => anEntry(yesterdayMs(), { model, ...nowhere })),
      );
      const groupBy = ["model", "served_model", "provider"] as const;
      expect(shown(await usage(books, { groupBy }))).toEqual([
        [{ model: unknownModel, served_model: "", provider: "" }, 2n],
      ]);
    });

    test("a request with two tags is in the row of each; one without is in none", async () => {
      await using books = await openBooks();
      await takeRecords(books.sink, [
        anEntry(yesterdayMs(), { tags: { team: "a", feature: "x" }, model: "m" }),
        anEntry(yesterdayMs(), { tags: { team: "a" }, model: "n" }),
        anEntry(yesterdayMs()),
      ]);
      expect(shown(await usage(books, { groupBy: ["tag"] }))).toEqual([
        [{ tag: "feature=x" }, 1n],
        [{ tag: "team=a" }, 2n],
      ]);
      const day = new Date(yesterdayMs()).toISOString().slice(0, 10);
      expect(shown(await usage(books, { groupBy: ["day", "tag", "model"] }))).toEqual([
        [{ day, tag: "feature=x", model: "m" }, 1n],
        [{ day, tag: "team=a", model: "m" }, 1n],
        [{ day, tag: "team=a", model: "n" }, 1n],
      ]);
    });

    test("after a hundred tags of a tenant's day the others are counted together, each request once", async () => {
      await using books = await openBooks();
      const tagged = (index: number, tenant = "acme") =>
        anEntry(yesterdayMs() + index, { tags: { user: `u${index}` }, tenant });
      const first = Array.from({ length: tagsPerDayMax }, (_, index) => tagged(index));
      await takeRecords(books.sink, first.slice(0, 60));
      await takeRecords(books.sink, first.slice(60));
      const two = anEntry(yesterdayMs(), { tags: { user: "late", team: "late" } });
      await takeRecords(books.sink, [tagged(500), two, tagged(3)]);
      await takeRecords(books.sink, [tagged(501, "zeta")]);
      const rows = await usage(books, { groupBy: ["tag"] });
      expect(rows).toHaveLength(tagsPerDayMax + 1);
      const of = (tag: string) => rows.find(({ group }) => group.tag === tag)?.sums.requests;
      expect(of(otherTag)).toBe(2n);
      expect(of("user=u3")).toBe(2n);
      expect(of("user=u500")).toBeUndefined();
      expect(await usage(books, { groupBy: ["tag"], tenantId: "zeta" })).toHaveLength(1);
      await takeRecords(books.sink, [anEntry(yesterdayMs() - 1, { tags: { user: "new" } })]);
      const before = { fromMs: yesterdayMs() - dayMs, toMs: yesterdayMs() };
      expect(shown(await usage(books, { groupBy: ["tag"], ...before }))).toEqual([
        [{ tag: "user=new" }, 1n],
      ]);
    });

    test("budgets' spent is that of the periods that hold now, by tenant and key", async () => {
      await using books = await openBooks();
      const nowMs = Date.now();
      const dayBefore = anEntry(nowMs - dayMs, { cost_nano_usd: 100 });
      const today = anEntry(nowMs, { cost_nano_usd: 1, key: "key2" });
      await takeRecords(books.sink, [
        dayBefore,
        today,
        anEntry(nowMs, { tenant: "zeta", cost_nano_usd: 5 }),
      ]);
      const spent = await books.ledger.budgetsSpent(nowMs);
      const of = (tenantId: string, keyId: string | undefined, periodId: string) =>
        spent.find(
          (each) =>
            each.tenantId === tenantId && each.keyId === keyId && each.periodId === periodId,
        )?.spentNanoUsd;
      expect(of("acme", undefined, "t")).toBe(101n);
      expect(of("acme", "key1", "t")).toBe(100n);
      expect(of("acme", "key2", periodIdOf("day", nowMs))).toBe(1n);
      expect(of("acme", undefined, periodIdOf("day", nowMs))).toBe(1n);
      expect(of("acme", "key1", periodIdOf("day", nowMs))).toBeUndefined();
      expect(of("zeta", undefined, periodIdOf("month", nowMs))).toBe(5n);
      const isSameWeek = periodIdOf("week", nowMs) === periodIdOf("week", nowMs - dayMs);
      expect(of("acme", undefined, periodIdOf("week", nowMs))).toBe(isSameWeek ? 101n : 1n);
      const current = ["day", "week", "month", "total"] as const;
      const ids = new Set(current.map((kind) => periodIdOf(kind, nowMs)));
      expect(spent.filter(({ periodId }) => !ids.has(periodId))).toEqual([]);
    });

    test("a tenant's rows are its own", async () => {
      await using books = await openBooks();
      await takeRecords(books.sink, [anEntry(yesterdayMs(), { tags: { a: "b" } })]);
      for (const tenantId of ["zeta", "", "%", "acm", "acme\0", "ACME", "*"]) {
        for (const groupBy of [[], ["key"], ["hour"], ["tag"]] as const) {
          expect(await usage(books, { tenantId, groupBy })).toEqual([]);
        }
      }
    });

    test("names with quotes, separators, NUL and letters of several bytes make rows of their own", async () => {
      await using books = await openBooks();
      const names = [
        "'",
        '"',
        "a|b",
        "a",
        "b",
        "a\0",
        "a\0b",
        ":",
        "%",
        "東京 😀",
        "\\",
        "a\tb",
        "A",
      ];
      const entries = names.map((text) =>
        anEntry(yesterdayMs(), { key: text, model: text, served_model: text, provider: text }),
      );
      await takeRecords(books.sink, entries);
      const groupBy = ["key", "model", "served_model", "provider"] as const;
      const rows = await usage(books, { groupBy });
      const wanted = names.map((text) => ({
        key: text,
        model: text,
        served_model: text,
        provider: text,
      }));
      expect(rows.map(({ group }) => group)).toHaveLength(names.length);
      expect(rows.map(({ group }) => group)).toEqual(expect.arrayContaining(wanted));
    });

    test("sums of any records equal those that are added up by hand", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyRecord, { minLength: 1, maxLength: 30 }), async (some) => {
          await using books = await openBooks();
          const entries = some.map(({ minute, ...fields }) =>
            anEntry(yesterdayMs() + minute * 60_000, fields),
          );
          const half = entries.length / 2;
          await takeRecords(books.sink, entries.slice(0, half));
          await takeRecords(books.sink, entries.slice(half));
          const rows = await usage(books, { groupBy: ["model"] });
          const total = (sum: UsageSum) => rows.reduce((all, { sums }) => all + sums[sum], 0n);
          const amount = entries.reduce((all, each) => all + BigInt(each.cost_nano_usd), 0n);
          expect(total("exact_nano_usd") + total("estimated_nano_usd")).toBe(amount);
          expect(total("requests")).toBe(BigInt(entries.length));
          for (const sum of [
            "saved_nano_usd",
            "saved_input_tokens",
            "saved_output_tokens",
          ] as const)
            expect(total(sum)).toBe(
              entries.reduce((all, { cache }) => all + BigInt(cache[sum] ?? 0), 0n),
            );
          const isHit = ({ cache: { outcome } }: AuditEntry) =>
            outcome === "exact" || outcome === "semantic";
          expect(total("cache_hits")).toBe(BigInt(entries.filter(isHit).length));
          const tenantTotal = await books.ledger.budgetsSpent(yesterdayMs());
          const spent = tenantTotal.find(
            ({ keyId, periodId }) => keyId === undefined && periodId === "t",
          );
          expect(spent?.spentNanoUsd ?? 0n).toBe(amount);
        }),
        { numRuns: 10 },
      );
    });
  });
}

const anyAmount = { saved_nano_usd: fc.maxSafeNat() };
const anyTokens = { saved_input_tokens: fc.maxSafeNat(), saved_output_tokens: fc.maxSafeNat() };
const anyHit = { outcome: fc.constantFrom("exact", "semantic"), ...anyAmount } as const;
/** Of this version, or of an older one. */
const anyCache = fc.oneof(
  fc.constant(aCacheEntry({ outcome: "miss" })),
  fc.record({ ...anyHit, ...anyTokens }).map(aCacheEntry),
  fc.record(anyHit).map(anOldCacheEntry),
);

const anyRecord = fc.record({
  minute: fc.nat(1_439),
  model: fc.constantFrom("m", "n", "o"),
  key: fc.constantFrom("a", "b"),
  cost_nano_usd: fc.maxSafeNat(),
  cost_status: fc.constantFrom("exact", "estimated", "unpriced"),
  cache: anyCache,
} satisfies { [Field in keyof AuditEntry | "minute"]?: unknown });

const usage = (books: TestBooks, query: Partial<UsageQuery>): Promise<readonly UsageRow[]> =>
  books.ledger.usage({
    tenantId: "acme",
    fromMs: yesterdayMs() - 5 * dayMs,
    toMs: yesterdayMs() + 2 * dayMs,
    groupBy: [],
    ...query,
  });

const shown = (rows: readonly UsageRow[]) => rows.map(({ group, sums }) => [group, sums.requests]);
