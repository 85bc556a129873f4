import { expect, test } from "vitest";

import type { Purge } from "../../src/pipeline/cache/cache-store.ts";
import type { SemanticEntry, SemanticStore } from "../../src/pipeline/cache/semantic-store.ts";
import { anAlias, aPair, aVector } from "../support/semantic-entries.ts";
import { found, idsOf, later, shardEntriesMax } from "../support/semantic-run.ts";
import type { OpenSemanticStore } from "../support/semantic-run.ts";

/** The part of the suite that is about purges. */
export function semanticPurges(open: OpenSemanticStore): void {
  purgesWhatWasKept(open);
  purgesWhatIsUnderWay(open);
}

/** Two answers of each model and team, each with an alias. */
async function fill(store: SemanticStore): Promise<readonly SemanticEntry[]> {
  const entries: SemanticEntry[] = [];
  for (const tenantId of ["acme", "zeta"]) {
    for (const model of ["gpt-5", "gpt-5-mini"]) {
      for (const tags of [{}, { team: "search" }, { team: "ads", search: "team" }]) {
        const { entry, answer } = aPair({ tenantId, model, tags });
        const alias = anAlias(answer, later(5));
        await store.put(entry, answer);
        await store.put(alias, undefined);
        entries.push(entry, alias);
      }
    }
  }
  return entries;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

function purgesWhatWasKept(open: OpenSemanticStore): void {
  test("a purge forgets what it is about with all aliases, says how many that were, and leaves the rest", async () => {
    const search = { name: "team", value: "search" };
    const cases: readonly (readonly [Purge, readonly number[]])[] = [
      [{ tenantId: "acme" }, range(0, 12)],
      [{ tenantId: "acme", model: "gpt-5" }, range(0, 6)],
      [{ tenantId: "acme", tag: search }, [2, 3, 8, 9]],
      [{ tenantId: "acme", model: "gpt-5", tag: search }, [2, 3]],
      [{ tenantId: "acme", model: "gpt" }, []],
      [{ tenantId: "acme", tag: { name: "team", value: "sear" } }, []],
      [{ tenantId: "nobody" }, []],
    ];
    for (const [what, meant] of cases) {
      await using run = await open();
      const entries = await fill(run.store);
      expect(await run.store.purge(what)).toBe(meant.length);
      const left = range(0, 24).filter((index) => !meant.includes(index));
      expect(await found(run.store, entries)).toEqual(left);
      expect((await idsOf(run.store)).length).toBe(12 - meant.length);
      expect(await run.store.purge(what)).toBe(0);
    }
  });

  test("a purge by request takes an alias alone, and an answer with all that have it", async () => {
    await using run = await open();
    const { entry, answer } = aPair();
    const aliases = [1, 2, 3].map((ms) => anAlias(answer, later(ms)));
    const other = aPair(later(9));
    await run.store.put(entry, answer);
    for (const alias of aliases) await run.store.put(alias, undefined);
    await run.store.put(other.entry, other.answer);
    const all = [entry, ...aliases, other.entry];
    const requestId = aliases[0]?.id ?? "";
    expect(await run.store.purge({ tenantId: "zeta", requestId })).toBe(0);
    expect(await run.store.purge({ tenantId: "acme", requestId, model: "another" })).toBe(0);
    expect(await found(run.store, all)).toEqual([0, 1, 2, 3, 4]);
    expect(await run.store.purge({ tenantId: "acme", requestId })).toBe(1);
    expect(await found(run.store, all)).toEqual([0, 2, 3, 4]);
    expect(await run.store.purge({ tenantId: "acme", requestId: entry.id })).toBe(3);
    expect(await found(run.store, all)).toEqual([4]);
  });

  test("an answer whose own entry was too old is purged with its aliases all the same", async () => {
    await using run = await open();
    const { entry, answer } = aPair();
    await run.store.put(entry, answer);
    const aliases = Array.from({ length: shardEntriesMax }, (_, index) =>
      anAlias(answer, later(1 + index)),
    );
    await Promise.all(aliases.map((alias) => run.store.put(alias, undefined)));
    expect(await run.store.answerOf(entry)).toBeUndefined();
    const requestId = entry.id;
    expect(await run.store.purge({ tenantId: "acme", requestId })).toBe(shardEntriesMax);
    expect(await found(run.store, aliases)).toEqual([]);
  });

  test("a purge of more than fit into one call forgets them all", async () => {
    await using run = await open();
    const pairs = Array.from({ length: 1_300 }, (_, index) =>
      aPair({}, { shard: `s${index % 60}`, vector: aVector(index, 8) }),
    );
    for (let from = 0; from < pairs.length; from += 650) {
      const some = pairs.slice(from, from + 650);
      await Promise.all(some.map(({ entry, answer }) => run.store.put(entry, answer)));
    }
    expect(await run.store.purge({ tenantId: "acme", model: "gpt-5" })).toBe(1_300);
    expect(
      await found(
        run.store,
        pairs.slice(0, 500).map(({ entry }) => entry),
      ),
    ).toEqual([]);
    expect(await run.store.purge({ tenantId: "acme" })).toBe(0);
  });

  test("texts with every kind of character are told apart", async () => {
    const odd = ["a|m:b|", "a", "a=b", "=", "%7C", "|", "ü\u0000", "*", "^", "'; --", "a\nb"];
    await using run = await open();
    const pairs = odd.map((text) =>
      aPair({ model: `m${text}`, tags: { [`t${text}`]: text } }, { shard: `s${text}` }),
    );
    for (const { entry, answer } of pairs) await run.store.put(entry, answer);
    for (const [index, text] of odd.entries()) {
      const tag = { name: `t${text}`, value: text };
      const what = index % 2 === 0 ? { model: `m${text}` } : { tag };
      expect(await run.store.purge({ tenantId: "acme", ...what })).toBe(1);
    }
    expect(
      await found(
        run.store,
        pairs.map(({ entry }) => entry),
      ),
    ).toEqual([]);
  });
}

function purgesWhatIsUnderWay(open: OpenSemanticStore): void {
  test("what began before a purge does not come back, be it an answer or an alias; what came later is kept", async () => {
    const search = { name: "team", value: "search" };
    for (const what of [{}, { model: "gpt-5" }, { tag: search }]) {
      await using run = await open();
      const before = aPair();
      const underWay = aPair(later(1_000));
      await run.store.put(before.entry, before.answer);
      run.clock.advance(5_000);
      expect(await run.store.purge({ tenantId: "acme", ...what })).toBe(1);
      run.clock.advance(5_000);
      const alias = anAlias(before.answer, later(6_000));
      await run.store.put(alias, undefined);
      await run.store.put(before.entry, before.answer);
      await run.store.put(underWay.entry, underWay.answer);
      await run.store.put(anAlias(before.answer, later(7_000)), before.answer);
      expect(await idsOf(run.store)).toEqual([]);
      const after = aPair(later(5_001));
      await run.store.put(after.entry, after.answer);
      expect(await run.store.answerOf(after.entry)).toBeDefined();
    }
  });

  test("an alias whose request was purged while it was under way is not kept", async () => {
    await using run = await open();
    const { entry, answer } = aPair();
    await run.store.put(entry, answer);
    const alias = anAlias(answer, later(1_000));
    run.clock.advance(5_000);
    expect(await run.store.purge({ tenantId: "acme", requestId: alias.id })).toBe(0);
    await run.store.put(alias, undefined);
    expect(await run.store.answerOf(alias)).toBeUndefined();
    expect(await run.store.answerOf(entry)).toBeDefined();
  });

  test("puts that are not done when a purge begins are purged", async () => {
    await using run = await open();
    const pairs = Array.from({ length: 20 }, () => aPair());
    const puts = pairs.map(({ entry, answer }) => run.store.put(entry, answer));
    const aliases = pairs.map(({ answer }) => anAlias(answer, later(0)));
    const aliasPuts = aliases.map((alias) => run.store.put(alias, undefined));
    await Promise.all([...puts, ...aliasPuts, run.store.purge({ tenantId: "acme" })]);
    expect(await found(run.store, [...pairs.map(({ entry }) => entry), ...aliases])).toEqual([]);
    expect(await idsOf(run.store)).toEqual([]);
  });
}
