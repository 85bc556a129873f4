import { readdir, readFile, stat, writeFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { auditKeyPath, openAuditKeys } from "../../../../src/stores/disk/audit-keys.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

test("without a master key one is made, for this user alone, and found again", async () => {
  await using folder = await tempFolder();
  const first = await openAuditKeys(folder.path, undefined);
  const second = await openAuditKeys(folder.path, undefined);
  expect(second.chainKey).toEqual(first.chainKey);
  expect(second.promptKeyOf("acme")).toEqual(first.promptKeyOf("acme"));
  expect((await stat(auditKeyPath(folder.path))).mode & 0o777).toBe(0o600);
  expect(await readdir(folder.path)).toEqual(["audit.key"]);
});

test("those that start at the same time have the same", async () => {
  await using folder = await tempFolder();
  const opened = await Promise.all(
    Array.from({ length: 10 }, () => openAuditKeys(folder.path, undefined)),
  );
  expect(new Set(opened.map(({ chainKey }) => chainKey.toString("hex"))).size).toBe(1);
});

test("with a master key nothing is written, and the former key is known", async () => {
  await using folder = await tempFolder();
  const master = "m".repeat(32);
  const derived = await openAuditKeys(folder.path, master);
  expect(await readdir(folder.path)).toEqual([]);
  expect(derived.formerChainKey).toBeUndefined();
  const made = await openAuditKeys(folder.path, undefined);
  const later = await openAuditKeys(folder.path, master);
  expect(later.chainKey).toEqual(derived.chainKey);
  expect(later.formerChainKey).toEqual(made.chainKey);
});

test("every purpose and every tenant has a key of its own", async () => {
  await using folder = await tempFolder();
  const keys = await openAuditKeys(folder.path, "m".repeat(32));
  const all = [keys.chainKey, keys.promptKeyOf("a"), keys.promptKeyOf("b"), keys.promptKeyOf("")];
  expect(new Set(all.map((key) => key.toString("hex"))).size).toBe(4);
  expect(all.every((key) => key.length === 32)).toBe(true);
});

test("a damaged key file is not replaced, and its content is not shown", async () => {
  await using folder = await tempFolder();
  await writeFile(auditKeyPath(folder.path), "half-a-secret");
  const refusal = expect(openAuditKeys(folder.path, undefined)).rejects;
  await refusal.toThrow("Restore it from a backup");
  await expect(openAuditKeys(folder.path, undefined)).rejects.not.toThrow("half-a-secret");
  expect(await readFile(auditKeyPath(folder.path), "utf8")).toBe("half-a-secret");
});
