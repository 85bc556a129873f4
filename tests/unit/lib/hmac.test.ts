import { createHmac } from "node:crypto";

import fc from "fast-check";
import { expect, test } from "vitest";

import { hmacSha256 } from "../../../src/lib/hmac.ts";

const theirs = (key: Uint8Array, message: string | Uint8Array): string =>
  createHmac("sha256", key).update(message).digest("hex");

test("is what the system's HMAC says, of texts and bytes of any length and keys of any", () => {
  const sizes = fc.oneof(fc.nat(200), fc.integer({ min: 21_000, max: 70_000 }));
  const bytes = sizes.map((size) => Buffer.alloc(size, size % 251));
  const texts = fc.oneof(fc.string(), fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.oneof(
        bytes,
        texts,
        sizes.map((size) => "ß".repeat(size)),
      ),
      (key, message) => {
        const expected = theirs(key, message);
        expect(hmacSha256(key, message)).toBe(expected);
        // The key's padding is kept ready from the first time on.
        expect(hmacSha256(key, message)).toBe(expected);
      },
    ),
  );
});
