import { describe, expect, test } from "vitest";

import type { CapLimit, DayCaps } from "../../src/jobs/day-caps.ts";

/** Opens a store without caps, over two connections, as two workers have it. */
export type OpenDayCaps = () => Promise<
  { readonly stores: readonly [DayCaps, DayCaps] } & AsyncDisposable
>;

const today = "2026-11-21";
const tomorrow = "2026-11-22";

const cap = (id: string, limit: Partial<CapLimit> = {}) => ({
  id,
  limit: { nanoUsd: undefined, tokens: undefined, ...limit },
});

/** What every store of daily caps does. */
export function dayCapsContract(name: string, open: OpenDayCaps): void {
  describe(`daily caps in ${name}`, () => {
    test("a cap is filled to the last nano-dollar and token, and never beyond", async () => {
      await using run = await open();
      const [caps] = run.stores;
      const acme = cap("acme", { nanoUsd: 100, tokens: 10 });
      expect(await caps.reserve(today, [acme], { nanoUsd: 101, tokens: 0 })).toBe(0);
      expect(await caps.spent(today)).toEqual([]);
      expect(await caps.reserve(today, [acme], { nanoUsd: 60, tokens: 4 })).toBeUndefined();
      expect(await caps.reserve(today, [acme], { nanoUsd: 41, tokens: 1 })).toBe(0);
      expect(await caps.reserve(today, [acme], { nanoUsd: 1, tokens: 7 })).toBe(0);
      expect(await caps.reserve(today, [acme], { nanoUsd: 40, tokens: 6 })).toBeUndefined();
      expect(await caps.reserve(today, [acme], { nanoUsd: 0, tokens: 0 })).toBeUndefined();
      expect(await caps.spent(today)).toEqual([{ id: "acme", nanoUsd: 100, tokens: 10 }]);
    });

    test("under several caps it is all or nothing, and the first without room is named", async () => {
      await using run = await open();
      const [caps] = run.stores;
      const both = [cap("acme", { nanoUsd: 1_000 }), cap("platform", { tokens: 50 })];
      expect(await caps.reserve(today, both, { nanoUsd: 10, tokens: 30 })).toBeUndefined();
      expect(await caps.reserve(today, both, { nanoUsd: 10, tokens: 30 })).toBe(1);
      expect(await caps.reserve(today, both, { nanoUsd: 2_000, tokens: 30 })).toBe(0);
      expect(await caps.reserve(today, [], { nanoUsd: 1, tokens: 1 })).toBeUndefined();
      expect(await caps.spent(today)).toEqual([
        { id: "acme", nanoUsd: 10, tokens: 30 },
        { id: "platform", nanoUsd: 10, tokens: 30 },
      ]);
    });

    test("what was used takes the place of what was reserved, also where it was more", async () => {
      await using run = await open();
      const [caps, others] = run.stores;
      const acme = [cap("acme", { nanoUsd: 100 })];
      await caps.reserve(today, acme, { nanoUsd: 90, tokens: 900 });
      await caps.settle(
        today,
        ["acme"],
        { nanoUsd: 90, tokens: 900 },
        { nanoUsd: 20, tokens: 950 },
      );
      expect(await others.spent(today)).toEqual([{ id: "acme", nanoUsd: 20, tokens: 950 }]);
      expect(await others.reserve(today, acme, { nanoUsd: 80, tokens: 1 })).toBeUndefined();
    });

    test("days know nothing of each other", async () => {
      await using run = await open();
      const [caps] = run.stores;
      const acme = [cap("acme", { nanoUsd: 5 })];
      expect(await caps.reserve(today, acme, { nanoUsd: 5, tokens: 1 })).toBeUndefined();
      expect(await caps.reserve(tomorrow, acme, { nanoUsd: 5, tokens: 1 })).toBeUndefined();
      expect(await caps.reserve(today, acme, { nanoUsd: 1, tokens: 1 })).toBe(0);
      expect(await caps.spent("2026-11-23")).toEqual([]);
    });

    test("where the store lost what was reserved, what was used last counts, and nothing is below zero", async () => {
      await using run = await open();
      const [caps] = run.stores;
      await caps.settle(today, ["acme"], { nanoUsd: 90, tokens: 9 }, { nanoUsd: 20, tokens: 2 });
      expect(await caps.spent(today)).toEqual([{ id: "acme", nanoUsd: 20, tokens: 2 }]);
      await caps.settle(today, ["acme"], { nanoUsd: 90, tokens: 9 }, { nanoUsd: 30, tokens: 1 });
      expect(await caps.spent(today)).toEqual([{ id: "acme", nanoUsd: 30, tokens: 1 }]);
    });

    test("amounts of sixteen digits stay exact", async () => {
      await using run = await open();
      const [caps] = run.stores;
      const nanoUsd = 9_007_199_254_740_990;
      const acme = [cap("acme", { nanoUsd })];
      const most = { nanoUsd: nanoUsd - 1, tokens: 123_456_789_012_345 };
      expect(await caps.reserve(today, acme, most)).toBeUndefined();
      expect(await caps.reserve(today, acme, { nanoUsd: 2, tokens: 0 })).toBe(0);
      expect(await caps.reserve(today, acme, { nanoUsd: 1, tokens: 0 })).toBeUndefined();
      expect(await caps.spent(today)).toEqual([{ id: "acme", ...most, nanoUsd }]);
      await caps.settle(today, ["acme"], most, { nanoUsd: 7, tokens: 1 });
      expect(await caps.spent(today)).toEqual([{ id: "acme", nanoUsd: 8, tokens: 1 }]);
    });

    test("of many who reserve at once, as many succeed as have room", async () => {
      await using run = await open();
      const acme = [cap("platform"), cap("acme", { tokens: 20 })];
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, at) =>
          run.stores[at % 2 === 0 ? 0 : 1].reserve(today, acme, { nanoUsd: 3, tokens: 1 }),
        ),
      );
      expect(answers.filter((answer) => answer === undefined)).toHaveLength(20);
      expect(answers.filter((answer) => answer === 1)).toHaveLength(40);
      expect(await run.stores[0].spent(today)).toEqual([
        { id: "acme", nanoUsd: 60, tokens: 20 },
        { id: "platform", nanoUsd: 60, tokens: 20 },
      ]);
    });
  });
}
