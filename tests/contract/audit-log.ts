import { ulid } from "ulid";
import { describe, expect, test } from "vitest";

import type { AuditLog, AuditQuery } from "../../src/pipeline/audit/audit-log.ts";
import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import { anAmendment, anEntry, aWriter, takeRecords } from "../support/audit-builders.ts";
import { dayMs, hourMs, yesterdayMs } from "./open-books.ts";
import type { OpenBooks } from "./open-books.ts";

/** What every store of audit records shows of what its sink has taken. */
export function auditLogContract(name: string, openBooks: OpenBooks): void {
  describe(`the audit log in ${name}`, () => {
    test("a record is found by its id, with its text as it was hashed and its place in the chain", async () => {
      await using books = await openBooks();
      const writer = aWriter();
      const line = writer.line(anEntry(yesterdayMs(), { tags: { team: "a", grüße: "'; DROP" } }));
      await books.sink.take(writer.batch([line]));
      const { chain, text, record } = line;
      expect(await books.auditLog.get("acme", record.id)).toEqual({
        id: record.id,
        text,
        ...chain,
        amendments: [],
      });
    });

    test("records come newest start first, whatever the order in which they ended", async () => {
      await using books = await openBooks();
      const starts = [3, 1, 4, 0, 2].map((hour) => yesterdayMs() + hour * hourMs);
      const entries = starts.map((startedMs) => anEntry(startedMs));
      await takeRecords(books.sink, entries);
      expect(await idsOf(books.auditLog, {})).toEqual(newestFirst(entries));
    });

    test("a tenant sees its own, and nothing of another by any call", async () => {
      await using books = await openBooks();
      const mine = anEntry(yesterdayMs());
      const theirs = anEntry(yesterdayMs(), { tenant: "zeta" });
      const writer = aWriter();
      const lines = writer.lines([mine, theirs, anAmendment(theirs)]);
      const payload = { id: theirs.id, tenant: "zeta", prompt: "p", answer: "a", cut: false };
      await books.sink.take(writer.batch([...lines, writer.payload(payload)]));
      expect(await idsOf(books.auditLog, {})).toEqual([mine.id]);
      expect(await idsOf(books.auditLog, { tenantId: "zeta" })).toEqual([theirs.id]);
      for (const tenantId of ["acme", "", "%", "ZETA", "zeta\0", "*"]) {
        expect(await books.auditLog.get(tenantId, theirs.id)).toBeUndefined();
        expect(await books.auditLog.payload(tenantId, theirs.id)).toBeUndefined();
        expect(await books.auditLog.erasePayload(tenantId, theirs.id)).toBe(false);
      }
      expect(await books.auditLog.payload("zeta", theirs.id)).toMatchObject({ prompt: "p" });
      expect(await idsOf(books.auditLog, { after: theirs.id, tenantId: "acme" })).not.toContain(
        theirs.id,
      );
    });

    test("an id that is none, or that nobody has, is not found", async () => {
      await using books = await openBooks();
      await takeRecords(books.sink, [anEntry(yesterdayMs())]);
      const hostile = [
        "",
        "x",
        "../../etc/passwd",
        "%",
        "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "\0",
        "0".repeat(26),
      ];
      for (const id of [...hostile, ulid(yesterdayMs()), ulid(0), "Ü".repeat(26), "9".repeat(26)]) {
        expect(await books.auditLog.get("acme", id)).toBeUndefined();
        expect(await books.auditLog.payload("acme", id)).toBeUndefined();
        expect(await books.auditLog.erasePayload("acme", id)).toBe(false);
      }
    });

    test("each filter, and any two together, show what matches and nothing else", async () => {
      await using books = await openBooks();
      const entries = someOfEverything();
      await takeRecords(books.sink, entries);
      const names = Object.keys(filters) as (keyof typeof filters)[];
      for (const one of names) {
        for (const other of names) {
          const query = { ...filters[one].query, ...filters[other].query };
          const wanted = entries.filter((entry) => matches(entry, query));
          const found = await idsOf(books.auditLog, query);
          expect(found, `${one} and ${other}`).toEqual(newestFirst(wanted));
        }
        const matching = entries.filter(filters[one].isMatch);
        expect(matching.length, one).toBeGreaterThan(0);
        expect(matching.length, one).toBeLessThan(entries.length);
        expect(await idsOf(books.auditLog, filters[one].query)).toEqual(newestFirst(matching));
      }
    });

    test("only starts from the first instant to before the last are shown", async () => {
      await using books = await openBooks();
      const [fromMs, toMs] = [yesterdayMs() + hourMs, yesterdayMs() + 2 * hourMs];
      const inside = [anEntry(fromMs), anEntry(toMs - 1)];
      await takeRecords(books.sink, [anEntry(fromMs - 1), ...inside, anEntry(toMs)]);
      expect(await idsOf(books.auditLog, { fromMs, toMs })).toEqual(newestFirst(inside));
      expect(await idsOf(books.auditLog, { fromMs: toMs, toMs: fromMs })).toEqual([]);
      const ever = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
      expect(await idsOf(books.auditLog, ever)).toHaveLength(4);
    });

    test("pages follow each other over several days, without a gap and without a repetition", async () => {
      await using books = await openBooks();
      const entries = Array.from({ length: 57 }, (_, index) =>
        anEntry(yesterdayMs() - dayMs + index * 2_700_000, { key: `key${index % 2}` }),
      );
      await takeRecords(books.sink, entries);
      for (const limit of [1, 7, 19, 57, 100]) {
        expect(await idsByPage(books.auditLog, { limit })).toEqual(newestFirst(entries));
      }
      const ofKey1 = entries.filter(({ key }) => key === "key1");
      const paged = await idsByPage(books.auditLog, { limit: 4, keyId: "key1" });
      expect(paged).toEqual(newestFirst(ofKey1));
    });

    test("a page holds no more than its limit, and one that says that nothing follows is right", async () => {
      await using books = await openBooks();
      await takeRecords(
        books.sink,
        [1, 2, 3].map((hour) => anEntry(yesterdayMs() + hour * hourMs)),
      );
      const first = await books.auditLog.list({ ...everything(), limit: 2 });
      expect(first.records).toHaveLength(2);
      expect(first.next).toBeDefined();
      const all = await books.auditLog.list({ ...everything(), limit: 4 });
      expect(all.records).toHaveLength(3);
      expect(await idsByPage(books.auditLog, { limit: 3 })).toHaveLength(3);
    });

    test("a page stays where it was while newer and older records come in", async () => {
      await using books = await openBooks();
      const at = (hour: number) => anEntry(yesterdayMs() + hour * hourMs);
      const [five, four, three, two] = [at(5), at(4), at(3), at(2)];
      await takeRecords(books.sink, [five, four, two]);
      const first = await books.auditLog.list({ ...everything(), limit: 2 });
      expect(first.records.map(({ id }) => id)).toEqual([five.id, four.id]);
      await takeRecords(books.sink, [at(6), three]);
      expect(await idsOf(books.auditLog, { after: first.next })).toEqual([three.id, two.id]);
    });

    test("amendments are joined to their request, the oldest first, and listed nowhere else", async () => {
      await using books = await openBooks();
      const entry = anEntry(yesterdayMs());
      const [first, second] = [0, 1].map((hour) =>
        anAmendment(entry, { id: ulid(yesterdayMs() + dayMs + hour * hourMs), data: { hour } }),
      );
      const foreign = anAmendment(entry, { tenant: "zeta", kind: "forged" });
      if (first === undefined || second === undefined) throw new Error("there are two");
      expect((await takeRecords(books.sink, [second, first, foreign])).added).toBe(3);
      expect(await idsOf(books.auditLog, {})).toEqual([]);
      await takeRecords(books.sink, [entry]);
      const wanted = [first, second].map((each) => JSON.stringify(each));
      expect((await books.auditLog.get("acme", entry.id))?.amendments).toEqual(wanted);
      const { records } = await books.auditLog.list({ ...everything(), limit: 9 });
      expect(records.map(({ amendments }) => amendments)).toEqual([wanted]);
      expect(await books.auditLog.get("acme", first.id)).toBeUndefined();
    });

    test("a payload is there until it is erased, and does not come back with a replay", async () => {
      await using books = await openBooks();
      const writer = aWriter();
      const entry = anEntry(yesterdayMs());
      const payload = {
        id: entry.id,
        tenant: "acme",
        prompt: "a\0b ü 😀",
        answer: "'%_",
        cut: true,
      };
      const lines = [writer.line(entry), writer.payload(payload)];
      await books.sink.take(writer.batch(lines));
      const { prompt, answer, cut } = payload;
      expect(await books.auditLog.payload("acme", entry.id)).toEqual({ prompt, answer, cut });
      expect(await books.auditLog.erasePayload("acme", entry.id)).toBe(true);
      expect(await books.auditLog.payload("acme", entry.id)).toBeUndefined();
      expect(await books.auditLog.erasePayload("acme", entry.id)).toBe(false);
      await books.sink.take(writer.batch(lines));
      expect(await books.auditLog.payload("acme", entry.id)).toBeUndefined();
      expect((await books.auditLog.get("acme", entry.id))?.text).toBe(JSON.stringify(entry));
    });

    test("strings with quotes, wildcards, NUL and letters of several bytes are kept and found", async () => {
      await using books = await openBooks();
      const entries = hostileTexts.map((text) =>
        anEntry(yesterdayMs(), {
          key: text,
          model: text,
          served_model: text,
          provider: text,
          outcome: text,
          tags: { [text]: text },
        }),
      );
      await takeRecords(books.sink, entries);
      for (const [index, text] of hostileTexts.entries()) {
        const tag = { name: text, value: text };
        for (const query of [{ keyId: text }, { model: text }, { outcome: text }, { tag }]) {
          expect(await idsOf(books.auditLog, query)).toEqual([entries[index]?.id]);
        }
      }
      const found = await books.auditLog.list({ ...everything(), limit: 100 });
      const texts = found.records.map(({ text }) => text).sort();
      expect(texts).toEqual(entries.map((entry) => JSON.stringify(entry)).sort());
    });
  });
}

/** No two are equal, also where letters are compared without their case or as patterns. */
const hostileTexts = [
  "'; DROP TABLE records; --",
  '"quoted"',
  "%",
  "_",
  "a%",
  "a_b",
  "a\0b",
  "a",
  "a=b",
  "a|b:c{d}*",
  "\\",
  "naïve 東京 😀",
  "A",
  " ",
  "\r\n\t",
];

const everything = () => ({
  tenantId: "acme",
  fromMs: yesterdayMs() - 5 * dayMs,
  toMs: yesterdayMs() + 2 * dayMs,
});

const newestFirst = (entries: readonly { readonly id: string }[]): string[] =>
  entries
    .map(({ id }) => id)
    .sort()
    .reverse();

const idsOf = (auditLog: AuditLog, query: Partial<AuditQuery>): Promise<string[]> =>
  idsByPage(auditLog, { limit: 100, ...query });

/** Reads to the end. A page may be short, so only `next` says where that is. */
async function idsByPage(auditLog: AuditLog, query: Partial<AuditQuery>): Promise<string[]> {
  const ids: string[] = [];
  let after = query.after;
  for (let pages = 0; pages < 1_000; pages += 1) {
    const page = await auditLog.list({ ...everything(), limit: 100, ...query, after });
    ids.push(...page.records.map(({ id }) => id));
    if (page.next === undefined) return ids;
    after = page.next;
  }
  throw new Error("the pages do not end");
}

interface Filter {
  readonly query: Partial<AuditQuery>;
  readonly isMatch: (entry: AuditEntry) => boolean;
}

const filters = {
  modelAsked: {
    query: { model: "smart" },
    isMatch: ({ model, served_model }) => model === "smart" || served_model === "smart",
  },
  modelServed: {
    query: { model: "gpt-5" },
    isMatch: ({ model, served_model }) => model === "gpt-5" || served_model === "gpt-5",
  },
  provider: { query: { provider: "azure" }, isMatch: ({ provider }) => provider === "azure" },
  key: { query: { keyId: "key2" }, isMatch: ({ key }) => key === "key2" },
  status: { query: { status: 502 }, isMatch: ({ status }) => status === 502 },
  statusOk: { query: { status: 200 }, isMatch: ({ status }) => status === 200 },
  outcome: {
    query: { outcome: "upstream_error" },
    isMatch: ({ outcome }) => outcome === "upstream_error",
  },
  outcomeOk: { query: { outcome: "ok" }, isMatch: ({ outcome }) => outcome === "ok" },
  cache: { query: { cache: "exact" }, isMatch: ({ cache }) => cache.outcome === "exact" },
  cacheMiss: { query: { cache: "miss" }, isMatch: ({ cache }) => cache.outcome === "miss" },
  tag: {
    query: { tag: { name: "team", value: "a" } },
    isMatch: ({ tags }) => tags["team"] === "a",
  },
  cheap: {
    query: { minCostNanoUsd: 2_000 },
    isMatch: ({ cost_nano_usd }) => cost_nano_usd >= 2_000,
  },
  dear: {
    query: { minCostNanoUsd: 1_000_000_000 },
    isMatch: ({ cost_nano_usd }) => cost_nano_usd >= 1_000_000_000,
  },
} as const satisfies Record<string, Filter>;

/** By the fields of the query, for two filters together. */
function matches(entry: AuditEntry, query: Partial<AuditQuery>): boolean {
  return Object.values(filters as Record<string, Filter>).every((filter) => {
    const [[field, value] = []] = Object.entries(filter.query);
    const asked = query[field as keyof AuditQuery];
    const isAsked = asked !== undefined && JSON.stringify(asked) === JSON.stringify(value);
    return !isAsked || filter.isMatch(entry);
  });
}

/** Every combination of a few values, over three hours. */
function someOfEverything(): AuditEntry[] {
  const cacheOf = (outcome: "exact" | "miss" | "bypass") => ({
    outcome,
    similarity: null,
    from: null,
    saved_nano_usd: 0,
  });
  return Array.from({ length: 96 }, (_, index) => {
    const pick = <Value>(every: number, values: readonly Value[]) =>
      values[Math.floor(index / every) % values.length] as Value;
    return anEntry(yesterdayMs() + index * 100_000, {
      model: pick(1, ["smart", "fast", "gpt-5"]),
      served_model: pick(2, ["gpt-5", "smart-1", null]),
      provider: pick(3, ["openai", "azure", null]),
      key: pick(4, ["key1", "key2", "key3"]),
      ...pick(5, [
        { status: 200, outcome: "ok" },
        { status: 502, outcome: "upstream_error" },
        { status: 200, outcome: "interrupted" },
      ]),
      cache: cacheOf(pick(7, ["exact", "miss", "bypass"])),
      tags: pick<Record<string, string>>(6, [{}, { team: "a" }, { team: "b", x: "a" }]),
      cost_nano_usd: pick(1, [0, 1_999, 2_000, 1_000_000_000, 25_000_000_000, 3_500_000]),
    });
  });
}
