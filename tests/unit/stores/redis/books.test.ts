import { hash } from "node:crypto";

import fc from "fast-check";
import { expect, test } from "vitest";

import type { AuditEntry } from "../../../../src/pipeline/audit/entry.ts";
import { indexMember, memberFilter } from "../../../../src/stores/redis/books/index-member.ts";
import { bookKeys, isTenantId, startOf } from "../../../../src/stores/redis/books/keys.ts";
import { leaseNoteOf } from "../../../../src/stores/redis/books/lease-note.ts";
import { namePart, nameOfPart, tagPart } from "../../../../src/stores/redis/books/name-part.ts";
import { packRecord, unpackRecord } from "../../../../src/stores/redis/books/record-codec.ts";
import { countsOf } from "../../../../src/stores/redis/books/record-counts.ts";
import { auditWindow } from "../../../../src/stores/redis/books/window.ts";
import { slotOf } from "../../../../src/stores/redis/slot.ts";
import { anEntry, anOldCacheEntry } from "../../../support/audit-builders.ts";

/** Anything that JSON can hold, with the signs that divide parts more often than by chance. */
const anyName = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ unit: fc.constantFrom("|", "%", "=", "a", "7", "c", "\0", "~"), maxLength: 30 }),
);

test("a name becomes one part, and comes back from it unless it is very long", () => {
  fc.assert(
    fc.property(anyName, (name) => {
      const part = namePart(name);
      expect(part).not.toMatch(/[|=\0\n]/);
      expect(Buffer.byteLength(part)).toBeLessThanOrEqual(480);
      if (name.length <= 160) expect(nameOfPart(part)).toBe(name);
    }),
  );
});

test("different names have different parts, also where they differ at their ends only", () => {
  fc.assert(
    fc.property(anyName, anyName, (left, right) => {
      fc.pre(left !== right);
      expect(namePart(left)).not.toBe(namePart(right));
    }),
  );
  const long = "m".repeat(10_000);
  expect(namePart(`${long}a`)).not.toBe(namePart(`${long}b`));
  expect(namePart(`${long}a`)).toBe(namePart(`${long}a`));
  expect(tagPart("a=b", "c")).not.toBe(tagPart("a", "b=c"));
});

test("a record comes back as it was hashed, to the byte", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat(), (text, seq) => {
      const record = { text: JSON.stringify({ text }), writer: "W", seq, prevHash: "", hash: "h" };
      expect(unpackRecord(packRecord(record))).toEqual(record);
    }),
  );
});

test("a record that an older version packed is read to the byte", () => {
  const packed =
    "ATMw9HZ0CzFzh/gVAcLDFcwV0AVJ5SskJlEGuRBlN1ZXOjqSXKQbhIBLagJFOpIqC0MjlCI9MTk3FV6eZ6dWGuIt04tzE4tAKRdbmU7bghxuM4mlOaHym9qFEc6yCFSCYSuMTDEKI+xlkRFJhRFGWQQtjKhRFqEUQZBMiqUEgRVyuAoQUAsGay6IAqVP9ILFnLiCBdpuQzTwqFXSkFpWoKvHKKkA";
  const found = unpackRecord(Buffer.from(packed, "base64"));
  expect(found).toMatchObject({
    writer: "01KAFT6G0000000000000000WW",
    seq: 7,
    hash: "ab".repeat(32),
  });
  const text = found?.text ?? "";
  expect(hash("sha256", text)).toBe(
    "5dd94de11098ee32f7b0351acfa2ceea34dc2bec59a38bb958ff2a28b1519d71",
  );
  const entry = JSON.parse(text) as AuditEntry;
  expect(entry.cache).toEqual(
    anOldCacheEntry({ outcome: "exact", from: "01KAFT6G0000000000000000ZZ", saved_nano_usd: 7 }),
  );
  expect(countsOf(entry).sums).toContainEqual(["saved_nano_usd", 7]);
});

test("a packed record has a third of its size", () => {
  const text = JSON.stringify(anEntry(Date.now()));
  const hash = "0123456789abcdef".repeat(4);
  const packed = packRecord({ text, writer: "W".repeat(26), seq: 1, prevHash: hash, hash });
  expect(packed.length).toBeLessThan(text.length / 3);
});

test("what has another version, or holds a place only, is no record", () => {
  expect(unpackRecord(Buffer.from(""))).toBeUndefined();
  expect(unpackRecord(Buffer.from([2, 1, 2, 3]))).toBeUndefined();
});

test("a filter finds what has the name, whatever the name is", () => {
  fc.assert(
    fc.property(anyName, anyName, (name, other) => {
      fc.pre(name !== other);
      const fields = { key: name, model: name, provider: name, outcome: name };
      const member = indexMember(anEntry(Date.now(), { ...fields, tags: { [name]: name } }));
      const base = { tenantId: "acme", fromMs: 0, toMs: 1, limit: 1 };
      const finds = (text: string) =>
        [
          { keyId: text },
          { model: text },
          { provider: text },
          { outcome: text },
          { tag: { name: text, value: text } },
        ].map((filter) => memberFilter({ ...base, ...filter })(member));
      expect(finds(name)).toEqual([true, true, true, true, true]);
      // The served model is another name that a filter for models finds.
      if (other !== "gpt-5") expect(finds(other)).toEqual([false, false, false, false, false]);
    }),
  );
});

test("an index member is bounded, whatever a client sent", () => {
  const huge = "😀".repeat(10_000);
  const tags = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`${huge}${at}`, huge]));
  const names = { key: huge, model: huge, served_model: huge, provider: huge, outcome: huge };
  const member = indexMember(anEntry(Date.now(), { ...names, tags }));
  expect(Buffer.byteLength(member)).toBeLessThan(70 * 1_024);
});

test("a tenant's keys of any hour are in one slot of a cluster", () => {
  const slots = [0, Date.now()].flatMap((at) => Object.values(bookKeys("acme", at)).map(slotOf));
  expect(new Set(slots).size).toBe(1);
});

test("what is no tenant's id, or no request's, has no place", () => {
  for (const tenant of ["", "a}b", "{a}", "*", "a b", "a\0", "é", "a".repeat(65)]) {
    expect(isTenantId(tenant)).toBe(false);
  }
  expect(isTenantId("acme_2-x")).toBe(true);
  for (const id of ["", "x", "8".repeat(26), "0".repeat(25), "i".repeat(26), "0".repeat(27)]) {
    expect(startOf(id)).toBeUndefined();
  }
  expect(startOf("0".repeat(26))).toBe(0);
});

test("a lease that could stop the script half way is left out", () => {
  const note = JSON.stringify({ a: 1.5, k: "key1", t: 100, r: [1_000, 0] });
  expect(leaseNoteOf(note)).toBe(note);
  const broken = ["", "null", "1", "{}", "[", '{"a":1}', '{"a":"1","k":"","t":1,"r":[1,2]}'];
  for (const lease of [...broken, '{"a":1,"k":"","t":1,"r":[1]}', undefined]) {
    expect(leaseNoteOf(lease)).toBe("");
  }
});

test("records outlive their use as a guard, and prompts are never kept longer than records", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_160 }),
      fc.integer({ min: 1, max: 90 }),
      (hours, days) => {
        const window = auditWindow(hours, () => days);
        const nowMs = Date.now();
        expect(window.guardEnd(nowMs)).toBeLessThan(window.recordsExpiry(nowMs));
        expect(window.guardEnd(nowMs) * 1_000).toBeGreaterThanOrEqual(nowMs + hours * 3_600_000);
        expect(window.payloadsExpiry(nowMs, "acme")).toBeLessThanOrEqual(window.guardEnd(nowMs));
        const keptMs = window.payloadsExpiry(nowMs, "acme") * 1_000 - nowMs;
        expect(keptMs).toBeLessThanOrEqual(days * 86_400_000);
        expect(window.recordsExpiry(window.oldestHourMs(nowMs))).toBeLessThan(nowMs / 1_000);
      },
    ),
  );
});
