import { createHash, createHmac, randomBytes } from "node:crypto";

import fc from "fast-check";
import { expect, test } from "vitest";

import {
  follows,
  linkOf,
  noHash,
  signCheckpoint,
  verifyCheckpoint,
  verifyLink,
} from "../../../../src/pipeline/audit/chain.ts";
import type { SealedRecord } from "../../../../src/pipeline/audit/chain.ts";

const key = Buffer.alloc(32, 7);
const writer = "01K00000000000000000000001";

interface Written {
  readonly link: SealedRecord;
  readonly text: string;
}

function chainOf(texts: readonly string[]): Written[] {
  let prevHash = noHash;
  return texts.map((text, at) => {
    const link = linkOf({ key, writer, seq: at + 1, prevHash, text });
    prevHash = link.hash;
    return { link, text };
  });
}

/** As a verifier reads it, that has a checkpoint of the chain's end. */
function isWhole(records: readonly Written[], last: SealedRecord): boolean {
  return (
    records.every(({ link, text }, at) => {
      const before = records[at - 1]?.link;
      const isNext =
        before === undefined ? link.prevHash === noHash && link.seq === 1 : follows(link, before);
      return isNext && verifyLink(key, link, text);
    }) && records.at(-1)?.link.hash === last.hash
  );
}

test("a hash is what HMAC-SHA-256 of the documented message gives, whatever is in it", () => {
  const anyKey = fc.uint8Array({ minLength: 1, maxLength: 130 });
  const anyText = fc.string({ unit: "binary", maxLength: 600 });
  fc.assert(
    fc.property(anyKey, anyText, anyText, fc.nat(), (keyBytes, text, name, seq) => {
      const digest = createHash("sha256").update(text).digest("hex");
      const message = `${noHash}\n${name}\n${seq}\n${digest}`;
      const expected = createHmac("sha256", keyBytes).update(message).digest("hex");
      const link = linkOf({
        key: Buffer.from(keyBytes),
        writer: name,
        seq,
        prevHash: noHash,
        text,
      });
      expect(link.hash).toBe(expected);
    }),
  );
});

test("two keys in turns do not mix", () => {
  const keys = [randomBytes(32), randomBytes(32)];
  const hashes = [0, 1, 0, 1].map((at) => {
    const each = keys[at] ?? key;
    return linkOf({ key: each, writer, seq: 1, prevHash: noHash, text: "{}" }).hash;
  });
  expect(hashes[0]).toBe(hashes[2]);
  expect(hashes[1]).toBe(hashes[3]);
  expect(hashes[0]).not.toBe(hashes[1]);
});

const texts = fc.array(fc.string({ minLength: 1, maxLength: 30 }), { minLength: 2, maxLength: 12 });

test("an untouched chain verifies", () => {
  fc.assert(
    fc.property(texts, (given) => {
      const chain = chainOf(given);
      expect(isWhole(chain, chain.at(-1)?.link ?? expect.fail())).toBe(true);
    }),
  );
});

test("a record that was changed, deleted, inserted, repeated or moved is detected", () => {
  fc.assert(
    fc.property(texts, fc.nat(), fc.nat(), fc.string(), (given, from, to, other) => {
      const chain = chainOf(given);
      const last = chain.at(-1)?.link ?? expect.fail();
      const at = from % chain.length;
      const chosen = chain[at] ?? expect.fail();

      if (other !== chosen.text) {
        expect(isWhole(chain.with(at, { ...chosen, text: other }), last)).toBe(false);
      }
      expect(isWhole(chain.toSpliced(at, 1), last)).toBe(false);
      expect(isWhole(chain.toSpliced(to % (chain.length + 1), 0, chosen), last)).toBe(false);

      const moved = chain.toSpliced(at, 1).toSpliced(to % chain.length, 0, chosen);
      expect(isWhole(moved, last)).toBe(to % chain.length === at);
    }),
  );
});

test("a change of any field of a link is detected", () => {
  const [first = expect.fail(), second = expect.fail()] = chainOf(["a", "b"]);
  const { link, text } = second;
  expect(verifyLink(key, link, text)).toBe(true);
  expect(verifyLink(key, { ...link, seq: 3 }, text)).toBe(false);
  expect(verifyLink(key, { ...link, seq: Number.NaN }, text)).toBe(false);
  expect(verifyLink(key, { ...link, writer: `${writer}x` }, text)).toBe(false);
  expect(verifyLink(key, { ...link, prevHash: noHash }, text)).toBe(false);
  expect(verifyLink(key, { ...link, hash: first.link.hash }, text)).toBe(false);
  expect(verifyLink(key, { ...link, hash: "" }, text)).toBe(false);
  expect(verifyLink(key, { ...link, hash: link.hash.toUpperCase() }, text)).toBe(false);
  expect(verifyLink(randomBytes(32), link, text)).toBe(false);
});

test("a letter outside ASCII does not pass for the one whose low byte it has", () => {
  const link = linkOf({ key, writer: "0", seq: 1, prevHash: noHash, text: "a" });
  expect(verifyLink(key, { ...link, writer: "\u0130" }, "a")).toBe(false);
});

test("fields cannot be shifted into one another", () => {
  const prevHash = "a".repeat(64);
  const link = linkOf({ key, writer: "w\nx", seq: 1, prevHash, text: "a" });
  expect(verifyLink(key, link, "a")).toBe(false);
  expect(verifyLink(key, { ...link, prevHash: `${prevHash}\nw`, writer: "x" }, "a")).toBe(false);
});

test("a checkpoint verifies, and not after any of its fields was changed", () => {
  const point = { writer, seq: 7, count: 7, hash: "b".repeat(64), epochMs: 1_763_000_000_000 };
  const signed = { ...point, signature: signCheckpoint(key, point) };
  expect(verifyCheckpoint(key, signed)).toBe(true);
  expect(verifyCheckpoint(key, { ...signed, seq: 6 })).toBe(false);
  expect(verifyCheckpoint(key, { ...signed, count: 6 })).toBe(false);
  expect(verifyCheckpoint(key, { ...signed, hash: "c".repeat(64) })).toBe(false);
  expect(verifyCheckpoint(key, { ...signed, epochMs: 1 })).toBe(false);
  expect(verifyCheckpoint(key, { ...signed, epochMs: Number.NaN })).toBe(false);
  expect(verifyCheckpoint(key, { ...signed, writer: "w" })).toBe(false);
  expect(verifyCheckpoint(key, { ...signed, signature: point.hash })).toBe(false);
  expect(verifyCheckpoint(randomBytes(32), signed)).toBe(false);
});
