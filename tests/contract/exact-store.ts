import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { ExactStore, Purge, StoredAnswer } from "../../src/pipeline/cache/cache-store.ts";
import { isPurgedBy } from "../../src/stores/answers/purge-times.ts";
import type { ManualClock } from "../support/manual-clock.ts";
import { anAnswer, comparable, startEpochMs, wholeBody } from "../support/stored-answers.ts";

export interface ExactStoreRun extends AsyncDisposable {
  readonly store: ExactStore;
  /** The store's; it stands at `startEpochMs`. */
  readonly clock: ManualClock;
}

/** Opens an empty store that keeps answers of up to 64 kB. */
export type OpenExactStore = () => Promise<ExactStoreRun>;

export const answerBytesMax = 64 * 1024;

const purges: readonly { readonly by: string; readonly what: Purge }[] = [
  { by: "tenant", what: { tenantId: "acme" } },
  { by: "model", what: { tenantId: "acme", model: "gpt-5" } },
  { by: "tag", what: { tenantId: "acme", tag: { name: "team", value: "search" } } },
  {
    by: "model and tag",
    what: { tenantId: "acme", model: "gpt-5", tag: { name: "team", value: "search" } },
  },
];

/** What every store of the exact tier does. */
export function exactStoreContract(name: string, open: OpenExactStore): void {
  describe(`exact store in ${name}`, () => {
    keepsAnswers(open);
    forgetsWhatIsOver(open);
    purgesWhatWasKept(open);
    purgesWhatIsUnderWay(open);
    test("any order of puts, look-ups, purges and time gives what a plain list gives", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
          await using run = await open();
          await compareWithList(run, steps);
        }),
        { numRuns: 15 },
      );
    }, 60_000);
  });
}

function keepsAnswers(open: OpenExactStore): void {
  test("an answer is found again with every byte, its chunks' boundaries and all that is known of it", async () => {
    await using run = await open();
    await fc.assert(
      fc.asyncProperty(
        anyAnswer,
        fc.string({ minLength: 1, maxLength: 64 }),
        async (answer, key) => {
          await run.store.put(key, answer);
          const found = await run.store.get(answer.tenantId, key);
          expect(comparable(found)).toEqual(comparable(answer));
        },
      ),
      { numRuns: 100 },
    );
  });

  test("it is found by nobody else, and by no other key", async () => {
    await using run = await open();
    await run.store.put("k1", anAnswer());
    for (const [tenantId, key] of [
      ["zeta", "k1"],
      ["acme", "k2"],
      ["acm", "ek1"],
      ["acme:x", "k1"],
      ["ACME", "k1"],
      ["acme", "K1"],
    ] as const) {
      expect(await run.store.get(tenantId, key)).toBeUndefined();
    }
  });

  test("a later answer takes the place of the one before", async () => {
    await using run = await open();
    await run.store.put("k", anAnswer({ body: wholeBody("first") }));
    const later = anAnswer({ body: wholeBody("second"), begunEpochMs: startEpochMs + 1 });
    await run.store.put("k", later);
    expect(comparable(await run.store.get("acme", "k"))).toEqual(comparable(later));
  });

  test("what is too large is not kept, which fails nothing", async () => {
    await using run = await open();
    const bytes = Buffer.alloc(answerBytesMax + 1, "it repeats itself. ");
    await run.store.put("k", anAnswer({ body: { kind: "whole", bytes } }));
    expect(await run.store.get("acme", "k")).toBeUndefined();
  });

  test("what its caller does with the bytes afterwards changes nothing", async () => {
    await using run = await open();
    const bytes = Buffer.from("as it was");
    await run.store.put("k", anAnswer({ body: { kind: "whole", bytes } }));
    bytes.fill(0);
    const found = await run.store.get("acme", "k");
    expect(comparable(found)).toMatchObject({ body: Buffer.from("as it was").toString("hex") });
  });
}

function forgetsWhatIsOver(open: OpenExactStore): void {
  test("an answer is found until it is over, and not from then on", async () => {
    await using run = await open();
    await run.store.put("k", anAnswer({ expiresAtEpochMs: startEpochMs + 30_000 }));
    run.clock.advance(29_999);
    expect(await run.store.get("acme", "k")).toBeDefined();
    run.clock.advance(1);
    expect(await run.store.get("acme", "k")).toBeUndefined();
  });

  test("one that is over already is not kept", async () => {
    await using run = await open();
    await run.store.put("k", anAnswer({ expiresAtEpochMs: startEpochMs }));
    expect(await run.store.get("acme", "k")).toBeUndefined();
    expect(await run.store.purge({ tenantId: "acme" })).toBe(0);
  });
}

function purgesWhatWasKept(open: OpenExactStore): void {
  test("a purge forgets what it is about, says how many that were, and leaves the rest", async () => {
    for (const what of [
      ...purges.map((purge) => purge.what),
      { tenantId: "acme", tag: { name: "team", value: "sear" } },
      { tenantId: "acme", model: "gpt" },
      { tenantId: "nobody" },
    ]) {
      await using run = await open();
      const kept = answersOfAllKinds();
      for (const [key, answer] of kept) await run.store.put(key, answer);
      const meant = kept.filter(([, answer]) => isPurgedBy(what, answer));
      expect(await run.store.purge(what)).toBe(meant.length);
      for (const [key, answer] of kept) {
        const found = await run.store.get(answer.tenantId, key);
        expect(found === undefined).toBe(isPurgedBy(what, answer));
      }
    }
  });

  test("a purge by request forgets that request's answer alone", async () => {
    await using run = await open();
    const [first, second] = [anAnswer(), anAnswer()];
    await run.store.put("k1", first);
    await run.store.put("k2", second);
    const { requestId } = first;
    expect(await run.store.purge({ tenantId: "zeta", requestId })).toBe(0);
    expect(await run.store.purge({ tenantId: "acme", requestId, model: "another" })).toBe(0);
    expect(await run.store.get("acme", "k1")).toBeDefined();
    expect(await run.store.purge({ tenantId: "acme", requestId })).toBe(1);
    expect(await run.store.get("acme", "k1")).toBeUndefined();
    expect(await run.store.get("acme", "k2")).toBeDefined();
  });

  test("a purge of more than fit into one call forgets them all", async () => {
    await using run = await open();
    const keys = Array.from({ length: 1_700 }, (_, index) => `k${index}`);
    await Promise.all(keys.slice(0, 850).map((key) => run.store.put(key, anAnswer())));
    const others = { expiresAtEpochMs: startEpochMs + 7_200_000 };
    await Promise.all(keys.slice(850).map((key) => run.store.put(key, anAnswer(others))));
    expect(await run.store.purge({ tenantId: "acme", model: "gpt-5" })).toBe(1_700);
    for (const key of keys) expect(await run.store.get("acme", key)).toBeUndefined();
    expect(await run.store.purge({ tenantId: "acme" })).toBe(0);
  });

  test("texts with every kind of character are told apart", async () => {
    const odd = ["a|m:b|", "a", "a=b", "=", "%7C", "|", "", "ü\u0000", "*", "^", "'; --"];
    await using run = await open();
    for (const [index, text] of odd.entries()) {
      const tags = { [`t${text}`]: text };
      await run.store.put(`k${index}`, anAnswer({ model: `m${text}`, tags }));
    }
    for (const [index, text] of odd.entries()) {
      const tag = { name: `t${text}`, value: text };
      const what = index % 2 === 0 ? { model: `m${text}` } : { tag };
      expect(await run.store.purge({ tenantId: "acme", ...what })).toBe(1);
      expect(await run.store.get("acme", `k${index}`)).toBeUndefined();
    }
  });
}

function purgesWhatIsUnderWay(open: OpenExactStore): void {
  test("an answer whose request began before a purge does not come back; a later one is kept", async () => {
    for (const { what } of [
      ...purges,
      { what: { tenantId: "acme", requestId: anAnswer().requestId } },
    ]) {
      await using run = await open();
      const requestId = what.requestId === undefined ? {} : { requestId: what.requestId };
      const before = anAnswer(requestId);
      run.clock.advance(5_000);
      await run.store.purge(what);
      run.clock.advance(5_000);
      await run.store.put("k", { ...before, storedAtEpochMs: startEpochMs + 9_000 });
      expect(await run.store.get("acme", "k")).toBeUndefined();
      const after = anAnswer({ begunEpochMs: startEpochMs + 5_001 });
      await run.store.put("k", after);
      expect(comparable(await run.store.get("acme", "k"))).toEqual(comparable(after));
    }
  });

  test("a put that is not done when the purge begins is purged", async () => {
    await using run = await open();
    const puts = Array.from({ length: 20 }, (_, index) => run.store.put(`k${index}`, anAnswer()));
    const purged = run.store.purge({ tenantId: "acme" });
    await Promise.all([...puts, purged]);
    const found = await Promise.all(puts.map((_, index) => run.store.get("acme", `k${index}`)));
    expect(found.filter((answer) => answer !== undefined)).toEqual([]);
  });

  test("what a purge is not about may be under way", async () => {
    await using run = await open();
    const mine = anAnswer({ model: "o5", tags: { team: "ads" } });
    const theirs = anAnswer({ tenantId: "zeta" });
    run.clock.advance(1_000);
    await run.store.purge({ tenantId: "acme", model: "gpt-5" });
    await run.store.purge({ tenantId: "acme", tag: { name: "team", value: "search" } });
    await run.store.put("k", mine);
    await run.store.put("k", theirs);
    expect(await run.store.get("acme", "k")).toBeDefined();
    expect(await run.store.get("zeta", "k")).toBeDefined();
  });

  test("however many purges follow, the first still holds", async () => {
    await using run = await open();
    const before = anAnswer({ model: "first" });
    run.clock.advance(1_000);
    await run.store.purge({ tenantId: "acme", model: "first" });
    run.clock.advance(1_000);
    const later = Array.from({ length: 300 }, (_, index) => ({ model: `m${index}` }));
    await Promise.all(later.map((what) => run.store.purge({ tenantId: "acme", ...what })));
    await run.store.put("k", before);
    expect(await run.store.get("acme", "k")).toBeUndefined();
    run.clock.advance(1_000);
    await run.store.put("k", anAnswer({ model: "first", begunEpochMs: startEpochMs + 3_000 }));
    expect(await run.store.get("acme", "k")).toBeDefined();
  });
}

function answersOfAllKinds(): (readonly [string, StoredAnswer])[] {
  const found: (readonly [string, StoredAnswer])[] = [];
  for (const tenantId of ["acme", "zeta"]) {
    for (const model of ["gpt-5", "gpt-5-mini"]) {
      for (const tags of [{}, { team: "search" }, { team: "ads", search: "team" }]) {
        found.push([`k${found.length}`, anAnswer({ tenantId, model, tags })]);
      }
    }
  }
  return found;
}

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 3_000 }),
  fc.string({ unit: "grapheme", maxLength: 500 }).map((text) => Buffer.from(text.repeat(12))),
);

const anyAnswer: fc.Arbitrary<StoredAnswer> = fc
  .record({
    tenantId: fc.constantFrom("acme", "zeta"),
    model: fc.string({ unit: "grapheme", maxLength: 40 }),
    contentType: fc.constantFrom("application/json", "text/event-stream"),
    body: fc.oneof(
      anyBytes.map((bytes) => ({ kind: "whole" as const, bytes })),
      fc.array(anyBytes, { maxLength: 8 }).map((chunks) => ({ kind: "events" as const, chunks })),
    ),
    usage: fc.constantFrom(undefined, anAnswer().usage),
    nanoUsd: fc.nat(),
    costStatus: fc.constantFrom("exact" as const, "unpriced" as const),
    tags: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.string({ maxLength: 8 }), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  })
  .map((fields) => anAnswer(fields));

type Step =
  | {
      readonly kind: "put";
      readonly key: string;
      readonly fields: Partial<StoredAnswer>;
      readonly agoMs: number;
      readonly ttlMs: number;
    }
  | { readonly kind: "purge"; readonly what: Purge }
  | { readonly kind: "pass"; readonly ms: number };

const tenantId = fc.constantFrom("acme", "zeta");
const model = fc.constantFrom("a", "b");
const team = fc.constantFrom("x", "y");

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      key: fc.constantFrom("k1", "k2", "k3"),
      fields: fc.record({ tenantId, model, tags: team.map((value) => ({ team: value })) }),
      agoMs: fc.constantFrom(0, 10, 5_000),
      ttlMs: fc.constantFrom(30_000, 60_000, 10_000_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("purge" as const),
      what: fc.oneof(
        fc.record({ tenantId }),
        fc.record({ tenantId, model }),
        fc.record({ tenantId, tag: fc.record({ name: fc.constant("team"), value: team }) }),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.constantFrom(1, 20, 1_000, 100_000),
    }),
  },
);

async function compareWithList(run: ExactStoreRun, steps: readonly Step[]): Promise<void> {
  const kept = new Map<string, StoredAnswer>();
  const noted: { readonly what: Purge; readonly atMs: number }[] = [];
  for (const each of steps) {
    const nowMs = run.clock.epochMs();
    if (each.kind === "pass") run.clock.advance(each.ms);
    if (each.kind === "purge") {
      const meant = [...kept].filter(([, answer]) => isPurgedBy(each.what, answer));
      const alive = meant.filter(([, { expiresAtEpochMs }]) => expiresAtEpochMs > nowMs);
      for (const [name] of meant) kept.delete(name);
      noted.push({ what: each.what, atMs: nowMs });
      // One that is over may still be there: Redis forgets it by a clock of its own.
      const count = await run.store.purge(each.what);
      expect(count).toBeGreaterThanOrEqual(alive.length);
      expect(count).toBeLessThanOrEqual(meant.length);
    }
    if (each.kind === "put") {
      const begunEpochMs = nowMs - each.agoMs;
      const expiresAtEpochMs = nowMs + each.ttlMs;
      const answer = anAnswer({
        ...each.fields,
        begunEpochMs,
        storedAtEpochMs: nowMs,
        expiresAtEpochMs,
      });
      const isPurged = noted.some(
        ({ what, atMs }) => begunEpochMs <= atMs && isPurgedBy(what, answer),
      );
      if (!isPurged) kept.set(`${answer.tenantId} ${each.key}`, answer);
      await run.store.put(each.key, answer);
    }
    await expectSame(run, kept);
  }
}

async function expectSame(
  run: ExactStoreRun,
  kept: ReadonlyMap<string, StoredAnswer>,
): Promise<void> {
  for (const each of ["acme", "zeta"]) {
    for (const key of ["k1", "k2", "k3"]) {
      const known = kept.get(`${each} ${key}`);
      const isOver = known === undefined || known.expiresAtEpochMs <= run.clock.epochMs();
      const expected = isOver ? undefined : comparable(known);
      expect(comparable(await run.store.get(each, key))).toEqual(expected);
    }
  }
}
