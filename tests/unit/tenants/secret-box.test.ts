import { expect, test } from "vitest";

import { createSecretBox } from "../../../src/tenants/secret-box.ts";

const masterKey = "correct horse battery staple, and then some";

test("what was sealed opens again, also after a restart", () => {
  const secret = JSON.stringify(["sk-1", "schlüssel", ""]);
  const sealed = createSecretBox(masterKey).seal("openai", secret);
  expect(createSecretBox(masterKey).open("openai", sealed)).toBe(secret);
  expect(
    createSecretBox(masterKey).open("openai", createSecretBox(masterKey).seal("openai", "")),
  ).toBe("");
});

test("the same secret is sealed differently each time, and shows nothing of itself", () => {
  const box = createSecretBox(masterKey);
  const seals = Array.from({ length: 100 }, () => box.seal("openai", "sk-very-secret"));
  expect(new Set(seals).size).toBe(100);
  expect(seals.join()).not.toContain("secret");
});

test("another master key is told apart from damage", () => {
  const sealed = createSecretBox(masterKey).seal("openai", "sk-1");
  const other = createSecretBox("some other key of at least 32 characters");
  expect(() => other.open("openai", sealed)).toThrow("sealed with another SENTINEL_MASTER_KEY");
});

test("a seal does not open for another provider", () => {
  const box = createSecretBox(masterKey);
  const sealed = box.seal("openai", "sk-1");
  expect(() => box.open("mistral", sealed)).toThrow("damaged or belong to another provider");
});

test("a seal in which any one character was changed does not open", () => {
  const box = createSecretBox(masterKey);
  const sealed = box.seal("openai", "sk-1");
  for (const index of sealed.slice(0, -1).split("").keys()) {
    const other = sealed[index] === "A" ? "B" : "A";
    const changed = sealed.slice(0, index) + other + sealed.slice(index + 1);
    expect(() => box.open("openai", changed)).toThrow(/damaged|another SENTINEL_MASTER_KEY/);
  }
});

test.each(["", "v1", "v1.a.b", "v2.a.b.c", "sk-plaintext", "v1....", "v1.a.b.c.d"])(
  "%j is no seal",
  (sealed) => {
    expect(() => createSecretBox(masterKey).open("openai", sealed)).toThrow();
  },
);

test("a seal that was cut short does not open", () => {
  const box = createSecretBox(masterKey);
  const sealed = box.seal("openai", "sk-1234567890");
  for (let length = 0; length < sealed.length; length += 1) {
    expect(() => box.open("openai", sealed.slice(0, length))).toThrow();
  }
});
