import { mintKey } from "../../src/tenants/api-key.ts";
import { newKey } from "../../src/tenants/new-key.ts";
import type { KeyRecord, NewKey } from "../../src/tenants/tenant-store.ts";
import type { Tenant } from "../../src/tenants/tenant.ts";

export function aTenant(different: Partial<Tenant> = {}): Tenant {
  return {
    id: "acme",
    name: "Acme",
    status: "active",
    policy: {},
    createdAtMs: Date.UTC(2026, 0, 1),
    ...different,
  };
}

/** A key as it is stored, and the token that its owner has. */
export function aKey(different: Partial<KeyRecord> = {}): NewKey & { readonly token: string } {
  const minted = mintKey();
  const { key, hash } = newKey(minted.key, {
    id: minted.id,
    tenantId: "acme",
    name: "Test key",
    role: "inference",
    policy: {},
    expiresAtMs: null,
    createdBy: "platform",
    createdAtMs: Date.UTC(2026, 0, 1),
  });
  return { token: minted.key, key: { ...key, ...different }, hash };
}
