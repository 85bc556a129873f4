import { describe, expect, test } from "vitest";

import type { ProviderStore, StoredProvider, TenantStore } from "../../src/tenants/tenant-store.ts";
import { aKey, aTenant } from "../support/tenant-builders.ts";

/** Opens an empty store. */
type OpenStore = () => Promise<
  { readonly tenants: TenantStore; readonly providers: ProviderStore } & AsyncDisposable
>;

/** What every store of tenants and keys does. */
export function tenantStoreContract(name: string, openStore: OpenStore): void {
  describe(`tenants and keys in ${name}`, () => {
    test("a key is found by its hash, with its tenant", async () => {
      await using store = await openStore();
      const tenant = aTenant({ policy: { models: ["gpt-*"] } });
      const { key, hash } = aKey({ policy: { models: ["gpt-4o"] }, role: "viewer" });
      await store.tenants.createTenant(tenant);
      await store.tenants.createKey({ key, hash });

      expect(await store.tenants.findKey(hash)).toEqual({ key, tenant });
      expect(await store.tenants.findKey(aKey().hash)).toBeUndefined();
    });

    test("a tenant is made with its first key, or not at all", async () => {
      await using store = await openStore();
      const first = aKey();
      expect(await store.tenants.createTenant(aTenant(), first)).toBe("created");
      expect(await store.tenants.createTenant(aTenant(), aKey())).toBe("taken");
      const sameKey = { key: { ...first.key, tenantId: "other" }, hash: first.hash };
      expect(await store.tenants.createTenant(aTenant({ id: "other" }), sameKey)).toBe("taken");

      expect(await store.tenants.getTenant("other")).toBeUndefined();
      expect(await store.tenants.listKeys({ limit: 10 })).toEqual([first.key]);
    });

    test("changing a tenant leaves alone what is not named", async () => {
      await using store = await openStore();
      await store.tenants.createTenant(aTenant({ policy: { models: ["a"] } }));

      const changed = await store.tenants.updateTenant("acme", { status: "suspended" });
      expect(changed).toEqual(aTenant({ policy: { models: ["a"] }, status: "suspended" }));
      expect(await store.tenants.getTenant("acme")).toEqual(changed);
      expect(await store.tenants.updateTenant("acme", {})).toEqual(changed);
      expect(await store.tenants.updateTenant("nobody", { name: "N" })).toBeUndefined();
    });

    test("a deleted tenant takes its keys with it, and no other's", async () => {
      await using store = await openStore();
      const [gone, kept] = [aKey(), aKey({ tenantId: "other" })];
      await store.tenants.createTenant(aTenant(), gone);
      await store.tenants.createTenant(aTenant({ id: "other" }), kept);

      expect(await store.tenants.deleteTenant("acme")).toBe(true);
      expect(await store.tenants.deleteTenant("acme")).toBe(false);
      expect(await store.tenants.findKey(gone.hash)).toBeUndefined();
      expect(await store.tenants.getKey(kept.key.id)).toEqual(kept.key);
    });

    test("the id of a tenant that is gone is nobody else's, since its records are still there", async () => {
      await using store = await openStore();
      await store.tenants.createTenant(aTenant());
      expect(await store.tenants.wasTenant("acme")).toBe(false);
      await store.tenants.deleteTenant("acme");
      expect(await store.tenants.wasTenant("acme")).toBe(true);
      expect(await store.tenants.createTenant(aTenant(), aKey())).toBe("taken");
      expect(await store.tenants.getTenant("acme")).toBeUndefined();
      expect(await store.tenants.listKeys({ limit: 10 })).toEqual([]);
    });

    test("a key needs a tenant, an id and a hash of its own", async () => {
      await using store = await openStore();
      const key = aKey();
      expect(await store.tenants.createKey(key)).toBe("no_tenant");
      await store.tenants.createTenant(aTenant());
      expect(await store.tenants.createKey(key)).toBe("created");
      expect(await store.tenants.createKey({ ...aKey(), hash: key.hash })).toBe("taken");
      expect(await store.tenants.createKey({ key: key.key, hash: aKey().hash })).toBe("taken");
    });

    test("a key's expiry can be set and taken away", async () => {
      await using store = await openStore();
      const { key, hash } = aKey({ expiresAtMs: 5_000 });
      await store.tenants.createTenant(aTenant(), { key, hash });

      expect(await store.tenants.updateKey(key.id, { name: "N" })).toEqual({ ...key, name: "N" });
      const unlimited = await store.tenants.updateKey(key.id, { expiresAtMs: null });
      expect(unlimited?.expiresAtMs).toBeNull();
    });

    test("a revoked key keeps its record and never changes again", async () => {
      await using store = await openStore();
      const { key, hash } = aKey();
      await store.tenants.createTenant(aTenant(), { key, hash });

      const revoked = { ...key, status: "revoked" };
      expect(await store.tenants.updateKey(key.id, { status: "revoked" })).toEqual(revoked);
      expect(await store.tenants.updateKey(key.id, { name: "again" })).toBeUndefined();
      expect(await store.tenants.getKey(key.id)).toEqual(revoked);
      const rotation = { id: key.id, expiresAtMs: 1, successor: aKey() };
      expect(await store.tenants.rotateKey(rotation)).toBe("not_active");
      expect(await store.tenants.getKey(rotation.successor.key.id)).toBeUndefined();
    });

    test("a rotated key ends when its grace does, or before if it was to", async () => {
      await using store = await openStore();
      const [soon, never] = [aKey({ expiresAtMs: 1_000 }), aKey()];
      await store.tenants.createTenant(aTenant(), soon);
      await store.tenants.createKey(never);
      for (const { key } of [soon, never]) {
        const rotation = { id: key.id, expiresAtMs: 2_000, successor: aKey() };
        expect(await store.tenants.rotateKey(rotation)).toBe("rotated");
        expect((await store.tenants.getKey(key.id))?.rotatedTo).toBe(rotation.successor.key.id);
        expect(await store.tenants.findKey(rotation.successor.hash)).toBeDefined();
      }
      expect((await store.tenants.getKey(soon.key.id))?.expiresAtMs).toBe(1_000);
      expect((await store.tenants.getKey(never.key.id))?.expiresAtMs).toBe(2_000);
    });

    test("of two rotations of one key at a time, one wins", async () => {
      await using store = await openStore();
      const { key, hash } = aKey();
      await store.tenants.createTenant(aTenant(), { key, hash });
      const rotations = [aKey(), aKey()].map((successor) =>
        store.tenants.rotateKey({ id: key.id, expiresAtMs: 1_000, successor }),
      );
      expect((await Promise.all(rotations)).sort()).toEqual(["not_active", "rotated"]);
      expect(await store.tenants.listKeys({ limit: 10 })).toHaveLength(2);
    });

    test("the day of last use only goes forward", async () => {
      await using store = await openStore();
      const [used, unused] = [aKey(), aKey()];
      await store.tenants.createTenant(aTenant(), used);
      await store.tenants.createKey(unused);
      const keyId = used.key.id;
      await store.tenants.touchLastUsedDay([{ keyId, day: "2026-02-01" }]);
      await store.tenants.touchLastUsedDay([
        { keyId, day: "2026-01-31" },
        { keyId: "gone", day: "2026-01-31" },
      ]);
      expect((await store.tenants.getKey(keyId))?.lastUsedDay).toBe("2026-02-01");
      expect((await store.tenants.getKey(unused.key.id))?.lastUsedDay).toBeNull();
    });

    test("lists go from new to old, page by page, and hold what was made in the same millisecond", async () => {
      await using store = await openStore();
      const ids = ["t1", "t2", "t3", "t4", "t5"];
      for (const [index, id] of ids.entries()) {
        const createdAtMs = index < 3 ? 1_000 : 2_000;
        const { key, hash } = aKey({ id: `key-${id}`, tenantId: id, createdAtMs });
        await store.tenants.createTenant(aTenant({ id, createdAtMs }), { key, hash });
      }
      const first = await store.tenants.listTenants({ limit: 2 });
      const second = await store.tenants.listTenants({ limit: 9, after: first[1] });
      expect([...first, ...second].map(({ id }) => id)).toEqual(["t5", "t4", "t3", "t2", "t1"]);

      const keys = await store.tenants.listKeys({ limit: 2 });
      expect(keys.map(({ id }) => id)).toEqual(["key-t5", "key-t4"]);
      const rest = await store.tenants.listKeys({ limit: 9, after: keys[1] });
      expect(rest.map(({ id }) => id)).toEqual(["key-t3", "key-t2", "key-t1"]);
      const own = await store.tenants.listKeys({ limit: 9, tenantId: "t3" });
      expect(own.map(({ id }) => id)).toEqual(["key-t3"]);
    });

    test("the admin token's hash is the one that was put last", async () => {
      await using store = await openStore();
      expect(await store.tenants.getAdminTokenHash()).toBeUndefined();
      await store.tenants.putAdminTokenHash("one");
      await store.tenants.putAdminTokenHash("two");
      expect(await store.tenants.getAdminTokenHash()).toBe("two");
    });
  });

  describe(`stored providers in ${name}`, () => {
    test("a provider comes back as it was stored", async () => {
      await using store = await openStore();
      const provider = aProvider({ settings: { type: "openai", models: ["a"], deadlines: {} } });
      expect(await store.providers.createProvider(provider)).toBe("created");
      expect(await store.providers.createProvider(aProvider())).toBe("taken");
      expect(await store.providers.getProvider("one")).toEqual(provider);
      expect(await store.providers.getProvider("two")).toBeUndefined();
    });

    test("providers are listed by name", async () => {
      await using store = await openStore();
      for (const provider of ["b", "a"]) {
        await store.providers.createProvider(aProvider({ name: provider }));
      }
      const names = (await store.providers.listProviders()).map((provider) => provider.name);
      expect(names).toEqual(["a", "b"]);
    });

    test("of two changes to what both have read, the second is refused", async () => {
      await using store = await openStore();
      const read = aProvider();
      await store.providers.createProvider(read);
      const [mine, yours] = [aProvider({ updatedAtMs: 2 }), aProvider({ updatedAtMs: 3 })];
      expect(await store.providers.replaceProvider(mine, read)).toBe("replaced");
      expect(await store.providers.replaceProvider(yours, read)).toBe("stale");
      expect(await store.providers.getProvider("one")).toEqual(mine);
    });

    test("a deleted provider is gone", async () => {
      await using store = await openStore();
      await store.providers.createProvider(aProvider());
      expect(await store.providers.deleteProvider("one")).toBe(true);
      expect(await store.providers.deleteProvider("one")).toBe(false);
      expect(await store.providers.listProviders()).toEqual([]);
    });
  });
}

function aProvider(different: Partial<StoredProvider> = {}): StoredProvider {
  return {
    name: "one",
    settings: { type: "openai" },
    sealed: { api_keys: "v1.sealed" },
    maskedKeys: ["sk-…abcd"],
    createdAtMs: 1,
    updatedAtMs: 1,
    ...different,
  };
}
