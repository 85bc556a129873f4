import { createHash } from "node:crypto";

import { expect, test } from "vitest";

import {
  hashToken,
  isPresentable,
  isSameHash,
  maskSecret,
  mintAdminToken,
  mintKey,
  parseKey,
} from "../../../src/tenants/api-key.ts";

test("a minted key says which one it is, and no two are alike", () => {
  const minted = Array.from({ length: 1_000 }, mintKey);
  for (const { key, id } of minted) {
    expect(parseKey(key)?.id).toBe(id);
    expect(isPresentable(key)).toBe(true);
  }
  expect(new Set(minted.map(({ id }) => id)).size).toBe(1_000);
  expect(new Set(minted.map(({ key }) => parseKey(key)?.secret)).size).toBe(1_000);
});

test("the secret of a key has at least 128 random bits", () => {
  const secret = parseKey(mintKey().key)?.secret ?? "";
  expect(secret).toMatch(/^[0-9a-f]+$/);
  expect(secret.length * 4).toBeGreaterThanOrEqual(128);
});

test.each(["", "sk-sentinel-", "sk-1234", "my-preset-key-of-some-length", `${mintKey().key}0`])(
  "%j is no key that was minted here",
  (key) => {
    expect(parseKey(key)).toBeUndefined();
  },
);

test("a key's hash is the SHA-256 that other tools make", () => {
  expect(hashToken("key")).toBe(createHash("sha256").update("key").digest("hex"));
});

test("hashes are compared as a whole", () => {
  const stored = hashToken(mintAdminToken());
  expect(isSameHash({ presented: stored, stored })).toBe(true);
  expect(isSameHash({ presented: hashToken("other"), stored })).toBe(false);
  expect(isSameHash({ presented: stored.slice(0, -1), stored })).toBe(false);
  expect(isSameHash({ presented: "", stored })).toBe(false);
});

test("a masked key shows its public id and four characters of its secret", () => {
  const { key, id } = mintKey();
  expect(maskSecret(key)).toBe(`sk-sentinel-${id}-…${key.slice(-4)}`);
});

test.each([
  ["sk-proj-0123456789abcdef", "sk-…cdef"],
  ["0123456789abcdef", "…cdef"],
  ["sk-short", "sk-…"],
  ["short", "…"],
])("of the secret %s only %s is shown", (secret, shown) => {
  expect(maskSecret(secret)).toBe(shown);
});

test.each([
  ["x".repeat(256), true],
  ["a-preset.key_with:signs!", true],
  ["x".repeat(257), false],
  ["", false],
  ["with space", false],
  ["line\nbreak", false],
  ["null\0", false],
  ["clé", false],
])("%j can be presented: %s", (token, isFine) => {
  expect(isPresentable(token)).toBe(isFine);
});
