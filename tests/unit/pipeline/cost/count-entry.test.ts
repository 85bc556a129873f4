import fc from "fast-check";
import { expect, test } from "vitest";

import type { AuditEntry } from "../../../../src/pipeline/audit/entry.ts";
import { countEntry, entryFault } from "../../../../src/pipeline/cost/count-entry.ts";
import { usageSums } from "../../../../src/pipeline/cost/usage-ledger.ts";
import { countsOf, UncountableRecord } from "../../../../src/stores/redis/books/record-counts.ts";
import {
  aCacheEntry,
  aHit,
  anEntry,
  anOldCacheEntry,
  aUsage,
} from "../../../support/audit-builders.ts";

const startedMs = Date.UTC(2026, 10, 20);
const saved = { saved_nano_usd: 1_500, saved_input_tokens: 120, saved_output_tokens: 45 };

test("a hit counts what it saved, and nothing as used or paid", () => {
  for (const outcome of ["exact", "semantic"] as const) {
    expect(countEntry(aHit(startedMs, { outcome, ...saved })).sums).toEqual({
      ...Object.fromEntries(usageSums.map((sum) => [sum, 0])),
      requests: 1,
      exact_requests: 1,
      cache_hits: 1,
      ...saved,
    });
  }
});

test("what was not in the cache saved nothing, and counts as it always did", () => {
  for (const outcome of ["miss", "bypass"] as const) {
    const cache = aCacheEntry({ outcome, reason: outcome === "bypass" ? "temperature" : null });
    const { sums } = countEntry(anEntry(startedMs, { cache, usage: aUsage() }));
    expect(sums).toMatchObject({ cache_hits: 0, saved_nano_usd: 0, saved_input_tokens: 0 });
    expect(sums).toMatchObject({ input_tokens: 100, output_tokens: 50, exact_nano_usd: 123_450 });
  }
});

test("a record of an older version counts the money it names, and no tokens", () => {
  const cache = anOldCacheEntry({ outcome: "exact", saved_nano_usd: 7 });
  const entry = JSON.parse(JSON.stringify(aHit(startedMs, {}, { cache }))) as AuditEntry;
  expect(entryFault(entry)).toBeUndefined();
  expect(countEntry(entry).sums).toMatchObject({
    cache_hits: 1,
    saved_nano_usd: 7,
    saved_input_tokens: 0,
    saved_output_tokens: 0,
  });
});

test("savings that are no counts make a record that can never be counted, whichever store is asked", () => {
  const names = ["saved_nano_usd", "saved_input_tokens", "saved_output_tokens"] as const;
  for (const name of names) {
    for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN, "7", {}]) {
      const entry = aHit(startedMs, { [name]: wrong });
      expect(entryFault(entry)).toBe(`${name} is no count`);
      expect(() => countsOf(entry)).toThrow(UncountableRecord);
    }
  }
});

test("requests come first, and every sum is there once", () => {
  const anyAmount = fc.maxSafeNat();
  fc.assert(
    fc.property(anyAmount, anyAmount, anyAmount, (nanoUsd, input, output) => {
      const cache = {
        saved_nano_usd: nanoUsd,
        saved_input_tokens: input,
        saved_output_tokens: output,
      };
      const { sums } = countEntry(aHit(startedMs, cache));
      expect(Object.keys(sums)[0]).toBe("requests");
      expect(Object.keys(sums).sort()).toEqual([...usageSums].sort());
      expect(sums).toMatchObject(cache);
    }),
  );
});
