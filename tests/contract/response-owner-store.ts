import { describe, expect, test } from "vitest";

import type { OwnerRecord, ResponseOwnerStore } from "../../src/pipeline/response-owners.ts";

/** Opens an empty store. */
type OpenStore = () => Promise<{ readonly owners: ResponseOwnerStore } & AsyncDisposable>;

const anOwner = (fields: Partial<OwnerRecord> = {}): OwnerRecord => ({
  responseHash: "aa11",
  tenantId: "acme",
  providerName: "openai",
  model: "gpt-5",
  keyId: "0123abcd",
  expiresAtMs: 1_000,
  ...fields,
});

/** What every store of the owners of stored responses does. */
export function responseOwnerStoreContract(name: string, openStore: OpenStore): void {
  describe(`owners of stored responses in ${name}`, () => {
    test("a response is found again, with all that was noted of it", async () => {
      await using store = await openStore();
      const keyless = anOwner({ responseHash: "bb22", keyId: undefined });
      await store.owners.putOwners([anOwner(), keyless]);
      const mine = { tenantId: "acme", nowMs: 0 };
      expect(await store.owners.findOwner({ ...mine, responseHash: "aa11" })).toEqual(anOwner());
      expect(await store.owners.findOwner({ ...mine, responseHash: "bb22" })).toEqual(keyless);
      expect(await store.owners.findOwner({ ...mine, responseHash: "cc33" })).toBeUndefined();
    });

    test("where several tenants own an id each finds its own, and others find one of them", async () => {
      await using store = await openStore();
      const theirs = anOwner({ tenantId: "zeta", providerName: "azure" });
      await store.owners.putOwners([anOwner(), theirs]);
      const find = async (tenantId: string) =>
        (await store.owners.findOwner({ responseHash: "aa11", tenantId, nowMs: 0 }))?.tenantId;
      expect(await find("acme")).toBe("acme");
      expect(await find("zeta")).toBe("zeta");
      expect(["acme", "zeta"]).toContain(await find("nobody"));
    });

    test("what is noted again replaces what was noted before", async () => {
      await using store = await openStore();
      const later = anOwner({
        providerName: "azure",
        model: "m",
        keyId: undefined,
        expiresAtMs: 9,
      });
      await store.owners.putOwners([anOwner(), later]);
      const wanted = { responseHash: "aa11", tenantId: "acme", nowMs: 0 };
      expect(await store.owners.findOwner(wanted)).toEqual(later);
    });

    test("what has expired is not found, and is forgotten a bounded number at a time", async () => {
      await using store = await openStore();
      const old = ["a", "b", "c"].map((responseHash) => anOwner({ responseHash }));
      const kept = anOwner({ responseHash: "d", expiresAtMs: 1_001 });
      await store.owners.putOwners([...old, kept]);
      const wanted = { tenantId: "acme", nowMs: 1_000 };
      expect(await store.owners.findOwner({ ...wanted, responseHash: "a" })).toBeUndefined();
      expect(await store.owners.forgetExpired(1_000, 2)).toBe(2);
      expect(await store.owners.forgetExpired(1_000, 2)).toBe(1);
      expect(await store.owners.forgetExpired(1_000, 2)).toBe(0);
      expect(await store.owners.findOwner({ ...wanted, responseHash: "d" })).toEqual(kept);
    });
  });
}
