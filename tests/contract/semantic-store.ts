import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  SemanticPolicy,
  semanticPolicyDefaults,
} from "../../src/pipeline/cache/semantic-policy.ts";
import type { StoredAnswer } from "../../src/pipeline/cache/cache-store.ts";
import type { SemanticEntry } from "../../src/pipeline/cache/semantic-store.ts";
import { seededRandom } from "../support/seeded-random.ts";
import {
  answerBytesMax,
  found,
  idsOf,
  later,
  shardEntriesMax,
  where,
} from "../support/semantic-run.ts";
import type { OpenSemanticStore } from "../support/semantic-run.ts";
import { anAlias, anEntry, aPair } from "../support/semantic-entries.ts";
import { anAnswer, comparable, startEpochMs } from "../support/stored-answers.ts";
import { semanticPurges } from "./semantic-store-purges.ts";

/** What every store of the semantic tier does. */
export function semanticStoreContract(name: string, open: OpenSemanticStore): void {
  describe(`semantic store in ${name}`, () => {
    keepsEntries(open);
    keepsBounds(open);
    forgetsWhatIsOver(open);
    tallies(open);
    semanticPurges(open);
    keepsTenantsApart(open);
    keepsPolicies(open);
  });
}

function keepsEntries(open: OpenSemanticStore): void {
  test("an entry is loaded with its text, every number of its vector and all that is known of it", async () => {
    await using run = await open();
    const fields = fc.record({
      text: fc.string({ unit: "grapheme", maxLength: 300 }),
      normalForm: fc.option(fc.string({ maxLength: 40 }), { nil: undefined }),
      shard: fc.string({ minLength: 1, maxLength: 64 }),
      vector: fc.option(fc.float32Array({ minLength: 1, maxLength: 400, noNaN: true }), {
        nil: undefined,
      }),
      embedderId: fc.option(fc.string({ maxLength: 20 }), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fields, async (entryFields) => {
        const { entry, answer } = aPair({}, entryFields);
        await run.store.put(entry, answer);
        const { entries } = await run.store.loadShard(entry, 1_000);
        expect(entries.find(({ id }) => id === entry.id)).toEqual(entry);
        expect(comparable(await run.store.answerOf(entry))).toEqual(comparable(answer));
      }),
      { numRuns: 60 },
    );
  });

  test("a shard gives its newest entries, the oldest of them first", async () => {
    await using run = await open();
    const pairs = Array.from({ length: 10 }, (_, index) => aPair(later(index)));
    for (const { entry, answer } of pairs) await run.store.put(entry, answer);
    const { entries } = await run.store.loadShard(where, 4);
    expect(entries.map(({ id }) => id)).toEqual(pairs.slice(6).map(({ entry }) => entry.id));
    expect(await idsOf(run.store, { ...where, shard: "another" })).toEqual([]);
  });

  test("an alias gives the answer that it names, and one of no answer is not kept", async () => {
    await using run = await open();
    const { entry, answer } = aPair();
    const alias = anAlias(answer, later(10));
    await run.store.put(alias, undefined);
    expect(await run.store.answerOf(alias)).toBeUndefined();
    await run.store.put(entry, answer);
    expect(await run.store.answerOf(alias)).toBeUndefined();
    await run.store.put(alias, undefined);
    expect(comparable(await run.store.answerOf(alias))).toEqual(comparable(answer));
    expect(await run.store.answerOf({ ...alias, answerId: anAnswer().requestId })).toBeUndefined();
    const elsewhere = anAlias(answer, { ...later(20), shard: "another" });
    await run.store.put(elsewhere, undefined);
    expect(await run.store.answerOf(elsewhere)).toBeUndefined();
  });

  test("the first entry of an answer may be of another request than the answer", async () => {
    await using run = await open();
    const answer = anAnswer();
    const first = anAlias(answer, later(10));
    await run.store.put(first, answer);
    expect(comparable(await run.store.answerOf(first))).toEqual(comparable(answer));
    expect(await run.store.purge({ tenantId: "acme", requestId: answer.requestId })).toBe(1);
    expect(await run.store.answerOf(first)).toBeUndefined();
  });

  test("what is put twice is there once", async () => {
    await using run = await open();
    const { entry, answer } = aPair();
    await Promise.all([run.store.put(entry, answer), run.store.put(entry, answer)]);
    await run.store.put(entry, answer);
    expect(await idsOf(run.store)).toEqual([entry.id]);
    expect(await run.store.purge({ tenantId: "acme" })).toBe(1);
  });

  test("an entry that is put in another one's place is there alone, and only with it goes the other one", async () => {
    await using run = await open();
    const old = aPair();
    await run.store.put(old.entry, old.answer);
    const alias = anAlias(old.answer, later(10));
    await run.store.put(alias, undefined);
    await run.store.put(...anotherTenants(), old.entry.id);
    const elsewhere = aPair(later(15), { shard: "another" });
    await run.store.put(elsewhere.entry, elsewhere.answer, old.entry.id);
    const refused = anAlias(anAnswer(), later(17));
    await run.store.put(refused, undefined, old.entry.id);
    expect(await idsOf(run.store)).toEqual([old.entry.id, alias.id]);
    const fresh = aPair(later(20));
    await run.store.put(fresh.entry, fresh.answer, old.entry.id);
    expect(await idsOf(run.store)).toEqual([alias.id, fresh.entry.id]);
    expect(await run.store.answerOf(old.entry)).toBeUndefined();
    expect(comparable(await run.store.answerOf(alias))).toEqual(comparable(old.answer));
    const fresher = aPair(later(30));
    await run.store.put(fresher.entry, fresher.answer, alias.id);
    expect(await idsOf(run.store)).toEqual([fresh.entry.id, fresher.entry.id]);
    const orphan = anAlias(old.answer, later(40));
    await run.store.put(orphan, undefined);
    expect(await run.store.answerOf(orphan)).toBeUndefined();
    await run.store.put(fresher.entry, fresher.answer, fresher.entry.id);
    expect(await run.store.purge({ tenantId: "acme" })).toBe(3);
  });

  test("what is too large is not kept, which fails nothing", async () => {
    await using run = await open();
    const bytes = Buffer.alloc(answerBytesMax + 1, "it repeats itself. ");
    const large = aPair({ body: { kind: "whole", bytes } });
    await run.store.put(large.entry, large.answer);
    const wordy = aPair({}, { text: "why? ".repeat(20_000) });
    await run.store.put(wordy.entry, wordy.answer);
    expect(await idsOf(run.store)).toEqual([]);
  });
}

function anotherTenants(): [SemanticEntry, StoredAnswer] {
  const { entry, answer } = aPair({ ...later(12), tenantId: "zeta" });
  return [entry, answer];
}

function keepsBounds(open: OpenSemanticStore): void {
  test("a shard keeps its newest entries, and an answer as long as one of them has it", async () => {
    await using run = await open();
    const popular = aPair();
    await run.store.put(popular.entry, popular.answer);
    const alias = anAlias(popular.answer, later(1_000));
    await run.store.put(alias, undefined);
    const others = Array.from({ length: shardEntriesMax - 1 }, (_, index) =>
      aPair(later(2_000 + index)),
    );
    await Promise.all(others.map(({ entry, answer }) => run.store.put(entry, answer)));
    const elsewhere = aPair({}, { shard: "another" });
    await run.store.put(elsewhere.entry, elsewhere.answer);
    expect((await idsOf(run.store)).length).toBe(shardEntriesMax);
    expect(await run.store.answerOf(popular.entry)).toBeUndefined();
    expect(await run.store.answerOf(alias)).toBeDefined();
    const last = aPair(later(9_000));
    await run.store.put(last.entry, last.answer);
    expect(await run.store.answerOf(alias)).toBeUndefined();
    expect(await run.store.answerOf(last.entry)).toBeDefined();
    expect(await run.store.answerOf(elsewhere.entry)).toBeDefined();
    const again = anAlias(popular.answer, later(9_100));
    await run.store.put(again, undefined);
    expect(await run.store.answerOf(again)).toBeUndefined();
  });
}

function forgetsWhatIsOver(open: OpenSemanticStore): void {
  test("an entry is there until it is over or its answer is, and not from then on", async () => {
    await using run = await open();
    const short = aPair({}, { expiresAtEpochMs: startEpochMs + 30_000 });
    await run.store.put(short.entry, short.answer);
    const brief = aPair(
      { expiresAtEpochMs: startEpochMs + 60_000 },
      {
        expiresAtEpochMs: startEpochMs + 3_000_000,
      },
    );
    await run.store.put(brief.entry, brief.answer);
    run.clock.advance(29_999);
    expect(await run.store.answerOf(short.entry)).toBeDefined();
    run.clock.advance(1);
    expect(await run.store.answerOf(short.entry)).toBeUndefined();
    expect(await idsOf(run.store)).not.toContain(short.entry.id);
    expect(await run.store.answerOf(brief.entry)).toBeDefined();
    run.clock.advance(30_000);
    expect(await run.store.answerOf(brief.entry)).toBeUndefined();
  });

  test("one that is over already is not kept", async () => {
    await using run = await open();
    const { entry, answer } = aPair({ expiresAtEpochMs: startEpochMs });
    await run.store.put(entry, answer);
    expect(await run.store.answerOf(entry)).toBeUndefined();
    expect(await run.store.purge({ tenantId: "acme" })).toBe(0);
  });
}

function tallies(open: OpenSemanticStore): void {
  test("what checks found of an answer is loaded with its shard, and forgotten with it", async () => {
    await using run = await open();
    const { entry, answer } = aPair();
    const { answerId } = entry;
    await run.store.tally({ ...where, answerId }, true);
    await run.store.put(entry, answer);
    const other = aPair(later(1));
    await run.store.put(other.entry, other.answer);
    const checks = [true, true, false, true];
    await Promise.all(checks.map((isRight) => run.store.tally({ ...where, answerId }, isRight)));
    await run.store.tally({ ...where, tenantId: "zeta", answerId }, true);
    const loaded = await run.store.loadShard(where, 1_000);
    expect(loaded.tallies).toEqual([{ answerId, confirmations: 3, refutations: 1 }]);
    await run.store.purge({ tenantId: "acme", requestId: answerId });
    expect((await run.store.loadShard(where, 1_000)).tallies).toEqual([]);
  });
}

function keepsTenantsApart(open: OpenSemanticStore): void {
  test("ten thousand probes across tenants find nothing", async () => {
    await using run = await open();
    const tenants = ["acme", "zeta", "acme:s", "ac", "ACME", "{acme}", "a%7Cb", "a|b"];
    const shards = ["s1", "s2", "s:1", "e:s1"];
    const kept: SemanticEntry[] = [];
    for (const tenantId of tenants) {
      for (const shard of shards) {
        const { entry, answer } = aPair({ tenantId }, { shard });
        await run.store.put(entry, answer);
        kept.push(entry);
      }
    }
    const random = seededRandom(6);
    const pick = <Each>(from: readonly Each[]): Each => {
      const each = from[Math.floor(random() * from.length)];
      if (each === undefined) throw new Error("nothing to pick from");
      return each;
    };
    let leaks = 0;
    for (let batch = 0; batch < 100; batch += 1) {
      const probes = Array.from({ length: 100 }, async () => {
        const asked = pick(kept);
        const tenantId = pick(tenants.filter((each) => each !== asked.tenantId));
        if (random() < 0.9) {
          const answerId = random() < 0.5 ? asked.answerId : pick(kept).answerId;
          const answer = await run.store.answerOf({ id: asked.id, answerId, tenantId });
          if (answer !== undefined) leaks += 1;
          return;
        }
        const shard = await run.store.loadShard({ tenantId, shard: asked.shard }, 100);
        if (shard.entries.some((entry) => entry.tenantId !== tenantId)) leaks += 1;
        if (shard.entries.length !== 1) leaks += 1;
      });
      await Promise.all(probes);
    }
    expect(leaks).toBe(0);
    expect((await found(run.store, kept)).length).toBe(kept.length);
  }, 60_000);
}

function keepsPolicies(open: OpenSemanticStore): void {
  test("what a policy has learnt is loaded again, for its tenant and embedder alone", async () => {
    await using run = await open();
    const place = { tenantId: "acme", embedderId: "local/mini" };
    const policy = (embedderId: string) =>
      new SemanticPolicy({ ...semanticPolicyDefaults, embedderId, random: () => 0.5 }).toJSON();
    expect(await run.store.loadPolicy(place)).toBeUndefined();
    await run.store.savePolicy(place, { ...policy("local/mini"), stops: 1 });
    await run.store.savePolicy(place, { ...policy("local/mini"), stops: 2 });
    await run.store.savePolicy({ ...place, embedderId: "other" }, policy("other"));
    expect(await run.store.loadPolicy(place)).toEqual({ ...policy("local/mini"), stops: 2 });
    expect(await run.store.loadPolicy({ ...place, tenantId: "zeta" })).toBeUndefined();
    await run.store.purge({ tenantId: "acme" });
    expect(await run.store.loadPolicy(place)).toMatchObject({ stops: 2 });
  });

  test("one that is larger than any is refused", async () => {
    await using run = await open();
    const place = { tenantId: "acme", embedderId: "x".repeat(2_000_000) };
    const options = { ...semanticPolicyDefaults, ...place, random: () => 0.5 };
    await expect(
      run.store.savePolicy({ ...place, embedderId: "x" }, new SemanticPolicy(options).toJSON()),
    ).rejects.toThrow("too large");
  });

  test("an entry without an answer of its own tenant or name is not kept", async () => {
    await using run = await open();
    const answer = anAnswer({ tenantId: "zeta" });
    const stranger = anEntry(answer, { tenantId: "acme" });
    await run.store.put(stranger, answer);
    expect(await run.store.answerOf(stranger)).toBeUndefined();
    const misnamed = anEntry(anAnswer());
    await run.store.put(misnamed, anAnswer());
    expect(await run.store.answerOf(misnamed)).toBeUndefined();
  });
}
