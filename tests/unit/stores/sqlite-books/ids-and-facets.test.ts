import fc from "fast-check";
import { ulid } from "ulid";
import { expect, test } from "vitest";

import {
  firstIdBytes,
  idBytes,
  idText,
  isUlid,
} from "../../../../src/stores/sqlite/books/id-bytes.ts";
import { facetsOf, facetsOfQuery, isMatch } from "../../../../src/stores/sqlite/books/facets.ts";
import type { AuditQuery } from "../../../../src/pipeline/audit/audit-log.ts";
import { anEntry } from "../../../support/audit-builders.ts";

const anyId = fc
  .tuple(fc.nat(2 ** 48 - 1), fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })))
  .map(([epochMs, random]) => ulid(epochMs, () => numberFrom(random)));

const numberFrom = (numbers: Iterator<number, undefined>): number => {
  const next: IteratorResult<number, undefined> = numbers.next();
  return next.value ?? 0;
};

test("every id comes back from its bytes, and bytes sort as ids do", () => {
  fc.assert(
    fc.property(anyId, anyId, (one, other) => {
      expect(idText(idBytes(one))).toBe(one);
      const order = one < other ? -1 : one > other ? 1 : 0;
      expect(Buffer.compare(idBytes(one), idBytes(other))).toBe(order);
    }),
  );
  expect(idText(idBytes("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"))).toBe("7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
  expect(idText(idBytes("0".repeat(26)))).toBe("0".repeat(26));
});

test("an instant's first id comes before all of that instant and after all before", () => {
  const epochMs = Date.UTC(2026, 10, 21);
  expect(Buffer.compare(firstIdBytes(epochMs), idBytes(ulid(epochMs)))).toBe(-1);
  expect(Buffer.compare(firstIdBytes(epochMs), idBytes(ulid(epochMs - 1, () => 0.9999)))).toBe(1);
  expect(idText(firstIdBytes(-5))).toBe("0".repeat(26));
  expect(isUlid(idText(firstIdBytes(Number.MAX_SAFE_INTEGER)))).toBe(true);
});

test.each([
  "",
  "x",
  "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
  "01arz3ndektsv4rrffq69g5fav",
  "I".repeat(26),
  7,
  null,
])("%j is no id", (text) => {
  expect(isUlid(text)).toBe(false);
});

test("what matches a question has every facet that the question looks for", () => {
  const anyText = fc.constantFrom("ok", "a");
  const anyEntry = fc.record({
    key: anyText,
    model: anyText,
    served_model: fc.option(anyText),
    provider: fc.option(anyText),
    outcome: anyText,
    status: fc.constantFrom(200, 429),
    cost_nano_usd: fc.constantFrom(0, 9_999_999, 10_000_000, 5_000_000_000),
    tags: fc.dictionary(anyText, anyText, { maxKeys: 2 }),
  });
  const anyQuery = fc.record(
    {
      keyId: anyText,
      model: anyText,
      provider: anyText,
      outcome: anyText,
      status: fc.constantFrom(200, 429),
      minCostNanoUsd: fc.constantFrom(0, 1, 10_000_000, 2_000_000_000),
      tag: fc.record({ name: anyText, value: anyText }),
    } satisfies { [Field in keyof AuditQuery]?: unknown },
    { requiredKeys: [] },
  );
  let matches = 0;
  fc.assert(
    fc.property(anyEntry, anyQuery, (fields, asked) => {
      const entry = anEntry(0, fields);
      const query = { tenantId: "acme", fromMs: 0, toMs: 1, limit: 1, ...asked };
      if (!isMatch(entry, query)) return;
      matches += 1;
      expect(facetsOf(entry)).toEqual(expect.arrayContaining(facetsOfQuery(query)));
    }),
    { numRuns: 10_000 },
  );
  expect(matches).toBeGreaterThan(100);
});
