import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { openDatabase } from "../../../src/stores/sqlite/open.ts";
import { sqliteTenantStore } from "../../../src/stores/sqlite/tenant-store.ts";
import { hashToken } from "../../../src/tenants/api-key.ts";
import { firstRun } from "../../../src/tenants/first-run.ts";
import type { FirstRun } from "../../../src/tenants/first-run.ts";
import { laterRun } from "../../../src/tenants/later-run.ts";
import { systemTenantIds } from "../../../src/tenants/system-tenant.ts";
import type { TenantStore } from "../../../src/tenants/tenant-store.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { aTenant } from "../../support/tenant-builders.ts";

const presetKey = "preset-key-of-the-operator";
const presetToken = "preset-token-of-the-operator";

interface Start {
  (presets?: { presetAdminToken?: string; presetDefaultKey?: string }): Promise<FirstRun>;
}

/** A data directory, its store, and what starts Sentinel there. */
async function aDataDir() {
  const resources = new AsyncDisposableStack();
  const { path: dataDir } = resources.use(await tempFolder());
  const database = resources.use(await openDatabase({ path: join(dataDir, "meta.db") }));
  const store = sqliteTenantStore(database);
  const start: Start = (presets) => firstRun({ store, dataDir, clock: manualClock(), ...presets });
  const file = join(dataDir, "credentials.json");
  return { store, dataDir, start, file, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

const readJson = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, "utf8"));

const roleOf = async (store: TenantStore, key: string | undefined) => {
  const found = await store.findKey(hashToken(key ?? ""));
  return found && `${found.tenant.id} ${found.key.role}`;
};

test("the first start makes a tenant, its admin key and the admin token, and keeps both for this user alone", async () => {
  await using at = await aDataDir();
  const first = await at.start();

  expect(await readJson(at.file)).toEqual(first.minted);
  expect((await stat(at.file)).mode & 0o777).toBe(0o600);
  expect(await roleOf(at.store, first.minted?.apiKey)).toBe("default admin");
  expect(first.adminTokenHash).toBe(hashToken(first.minted?.adminToken ?? ""));
  expect(await at.store.getAdminTokenHash()).toBe(first.adminTokenHash);
  expect(first.notes).toEqual([]);
});

test("a worker makes nothing and knows the token; a gateway that starts after it still makes everything", async () => {
  await using at = await aDataDir();
  const nothing = { adminTokenHash: undefined, minted: undefined, notes: [] };
  expect(await laterRun({ store: at.store })).toEqual(nothing);
  expect(await readdir(at.dataDir)).not.toContain("credentials.json");
  // Its jobs may have asked a model: in Sentinel's own name.
  for (const id of systemTenantIds) await at.store.createTenant(aTenant({ id }));

  const first = await at.start();
  expect(await roleOf(at.store, first.minted?.apiKey)).toBe("default admin");
  expect((await laterRun({ store: at.store })).adminTokenHash).toBe(first.adminTokenHash);
  const preset = { store: at.store, presetAdminToken: presetToken };
  expect((await laterRun(preset)).adminTokenHash).toBe(hashToken(presetToken));
});

test("a later start makes nothing and knows the same token", async () => {
  await using at = await aDataDir();
  const first = await at.start();
  const later = await at.start();
  expect(later).toEqual({ adminTokenHash: first.adminTokenHash, minted: undefined, notes: [] });
  expect(await at.store.listKeys({ limit: 10 })).toHaveLength(1);
});

test("neither secret is in the database", async () => {
  await using at = await aDataDir();
  const { minted } = await at.start();
  const files = (await readdir(at.dataDir)).filter((name) => name.startsWith("meta.db"));
  for (const name of files) {
    const bytes = await readFile(join(at.dataDir, name));
    expect(bytes.includes(minted?.adminToken ?? "")).toBe(false);
    expect(bytes.includes(minted?.apiKey?.split("-").at(-1) ?? "")).toBe(false);
  }
});

test("presets are used as they are and not written down", async () => {
  await using at = await aDataDir();
  const presets = { presetAdminToken: presetToken, presetDefaultKey: presetKey };
  const first = await at.start(presets);
  expect(first).toEqual({ adminTokenHash: hashToken(presetToken), minted: undefined, notes: [] });
  expect(await roleOf(at.store, presetKey)).toBe("default admin");
  await expect(stat(at.file)).rejects.toThrow("ENOENT");

  expect(await at.start(presets)).toEqual(first);
  expect(await at.store.listKeys({ limit: 10 })).toHaveLength(1);
});

test("what is not preset is made", async () => {
  await using at = await aDataDir();
  const { minted } = await at.start({ presetDefaultKey: presetKey });
  expect(Object.keys(minted ?? {})).toEqual(["adminToken"]);
  expect(await readJson(at.file)).toEqual(minted);
});

test("a preset of a later start takes the place of the admin token and adds its key", async () => {
  await using at = await aDataDir();
  const { minted } = await at.start();
  const later = await at.start({ presetAdminToken: presetToken, presetDefaultKey: presetKey });
  expect(later.adminTokenHash).toBe(hashToken(presetToken));
  expect(await roleOf(at.store, presetKey)).toBe("default admin");
  expect(await roleOf(at.store, minted?.apiKey)).toBe("default admin");
  expect(await readJson(at.file)).toEqual(minted);

  const withoutPresets = await at.start();
  expect(withoutPresets.adminTokenHash).toBe(hashToken(presetToken));
  expect(withoutPresets.notes.join()).toContain("is no longer valid");
});

test("a preset key comes back to a default tenant that was deleted", async () => {
  await using at = await aDataDir();
  await at.start({ presetDefaultKey: presetKey });
  await at.store.createTenant(aTenant());
  await at.store.deleteTenant("default");
  await at.start({ presetDefaultKey: presetKey });
  expect(await roleOf(at.store, presetKey)).toBe("default admin");
});

test("a preset key that was revoked stays revoked, and a note says so", async () => {
  await using at = await aDataDir();
  await at.start({ presetDefaultKey: presetKey });
  const found = await at.store.findKey(hashToken(presetKey));
  await at.store.updateKey(found?.key.id ?? "", { status: "revoked" });
  const { notes } = await at.start({ presetDefaultKey: presetKey });
  expect(notes.join()).toContain("SENTINEL_DEFAULT_KEY is refused: This API key was revoked.");
});

test("a lost credentials file is not made up for: the token stays valid, and a note says what to do", async () => {
  await using at = await aDataDir();
  const first = await at.start();
  await rm(at.file);
  const later = await at.start();
  expect(later.adminTokenHash).toBe(first.adminTokenHash);
  expect(later.minted).toBeUndefined();
  expect(later.notes.join()).toContain("SENTINEL_ADMIN_TOKEN");
  await expect(stat(at.file)).rejects.toThrow("ENOENT");
});

test("tenants without any admin token are left so, and a note says what to do", async () => {
  await using at = await aDataDir();
  await at.store.createTenant(aTenant());
  const { adminTokenHash, minted, notes } = await at.start();
  expect({ adminTokenHash, minted }).toEqual({ adminTokenHash: undefined, minted: undefined });
  expect(notes.join()).toContain("SENTINEL_ADMIN_TOKEN");
});

test("a first start that was cut off is finished by the next one with the same credentials", async () => {
  await using at = await aDataDir();
  const cutOff: TenantStore = {
    ...at.store,
    createTenant: () => Promise.reject(new Error("power cut")),
  };
  const starting = firstRun({ store: cutOff, dataDir: at.dataDir, clock: manualClock() });
  await expect(starting).rejects.toThrow("power cut");

  const written = await readJson(at.file);
  const { minted } = await at.start();
  expect(minted).toEqual(written);
  expect(await roleOf(at.store, minted?.apiKey)).toBe("default admin");
});

test("two first starts at once on one store leave keys that work", async () => {
  await using at = await aDataDir();
  const starts = await Promise.all([at.start(), at.start()]);
  for (const { minted } of starts) {
    expect(await roleOf(at.store, minted?.apiKey)).toBe("default admin");
  }
});

test("of two replicas with a store in common the first prints its credentials, the other nothing", async () => {
  await using at = await aDataDir();
  await using other = await aDataDir();
  const startOther = () =>
    firstRun({ store: at.store, dataDir: other.dataDir, clock: manualClock() });
  const [mine, theirs] = await Promise.all([at.start(), startOther()]);
  const winners = [mine, theirs].filter(({ minted }) => minted !== undefined);
  expect(winners).toHaveLength(1);
  expect(mine.adminTokenHash).toBe(theirs.adminTokenHash);
  expect(await roleOf(at.store, winners[0]?.minted?.apiKey)).toBe("default admin");
  expect(await at.store.listKeys({ limit: 10 })).toHaveLength(1);
  const loser = mine.minted === undefined ? at : other;
  await expect(stat(loser.file)).rejects.toThrow("ENOENT");
});

test("presets that cannot be keys are refused by name and not repeated", async () => {
  await using at = await aDataDir();
  const wrong = { presetDefaultKey: "two words, secret" };
  await expect(at.start(wrong)).rejects.toThrow(/^SENTINEL_DEFAULT_KEY cannot be sent as a key/);
  await expect(at.start(wrong)).rejects.not.toThrow("secret");
  const same = { presetAdminToken: presetKey, presetDefaultKey: presetKey };
  await expect(at.start(same)).rejects.toThrow("are the same");
});

test("a credentials file that is not ours stops the start with its path", async () => {
  await using at = await aDataDir();
  await writeFile(at.file, '{"adminToken": "secret…');
  await expect(at.start()).rejects.toThrow(`${at.file} is not what Sentinel wrote.`);
  await expect(at.start()).rejects.not.toThrow("secret");
});
