import { hash } from "node:crypto";

import fc from "fast-check";
import { expect, test } from "vitest";

import { createPromptHash } from "../../../../src/pipeline/audit/prompt-hash.ts";

const keys = new Map([
  ["acme", Buffer.alloc(20, 0x0b)],
  ["jefe", Buffer.from("Jefe")],
]);
const promptHash = createPromptHash((tenantId) => keys.get(tenantId) ?? Buffer.from(tenantId));

/** (https://www.rfc-editor.org/rfc/rfc4231#section-4, read 2026-11-21) */
test("is HMAC-SHA-256 with the tenant's own key", () => {
  expect(promptHash("acme", Buffer.from("Hi There"))).toBe(
    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
  );
  expect(promptHash("jefe", Buffer.from("what do ya want for nothing?"))).toBe(
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});

test("equal prompts of a tenant have one hash; those of two, other prompts and plain hashes differ", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (prompt, other) => {
      const found = promptHash("a", Buffer.from(prompt));
      expect(found).toMatch(/^[0-9a-f]{64}$/);
      expect(promptHash("a", Buffer.from(prompt))).toBe(found);
      expect(promptHash("b", Buffer.from(prompt))).not.toBe(found);
      expect(hash("sha256", prompt)).not.toBe(found);
      if (other !== prompt) expect(promptHash("a", Buffer.from(other))).not.toBe(found);
    }),
  );
});
