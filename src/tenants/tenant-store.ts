import type { Policy, Role, Tenant, TenantStatus } from "./tenant.ts";

/** An API key as it is kept. The key itself is nowhere: it is found by its hash. */
export interface KeyRecord {
  /** The public part of the key. */
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly role: Role;
  /** The key's own; it can only narrow the tenant's. */
  readonly policy: Policy;
  readonly status: KeyStatus;
  /** What may be shown of the key. */
  readonly masked: string;
  /** The first millisecond at which it is no longer valid; `null`: it does not expire. */
  readonly expiresAtMs: number | null;
  /** The key that took over. This one is valid until it expires. */
  readonly rotatedTo: string | null;
  /** UTC, as `2026-01-31`. */
  readonly lastUsedDay: string | null;
  /** A key's id, or `platform`. */
  readonly createdBy: string;
  readonly createdAtMs: number;
}

/** A revoked key keeps its record and never comes back. */
export type KeyStatus = "active" | "revoked";

export interface FoundKey {
  readonly key: KeyRecord;
  readonly tenant: Tenant;
}

export interface KeyUse {
  readonly keyId: string;
  /** UTC, as `2026-01-31`. */
  readonly day: string;
}

/** What identifying a caller needs. Any rejection means that the store is down. */
export interface KeyFinder {
  findKey(hash: string): Promise<FoundKey | undefined>;
  /** Notes the day of last use; an earlier day than the noted one changes nothing. */
  touchLastUsedDay(uses: readonly KeyUse[]): Promise<void>;
}

/** A place in a list, which goes from the newest to the oldest. */
export interface ListPosition {
  readonly createdAtMs: number;
  readonly id: string;
}

export interface ListRequest {
  readonly limit: number;
  /** The last one that was seen. */
  readonly after?: ListPosition | undefined;
}

export interface TenantChange {
  readonly name?: string | undefined;
  readonly status?: TenantStatus | undefined;
  readonly policy?: Policy | undefined;
}

export interface KeyChange {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  readonly policy?: Policy | undefined;
  readonly expiresAtMs?: number | null | undefined;
  readonly status?: "revoked" | undefined;
}

export interface NewKey {
  readonly key: KeyRecord;
  readonly hash: string;
}

/** Tenants, their keys, and the platform admin token's hash. */
export interface TenantStore extends KeyFinder {
  listTenants(request: ListRequest): Promise<readonly Tenant[]>;
  getTenant(id: string): Promise<Tenant | undefined>;
  /** With its first key, or neither. `taken`: the id is, or was by a tenant that is gone; or the key's is. */
  createTenant(tenant: Tenant, firstKey?: NewKey): Promise<"created" | "taken">;
  /** The tenant as it is now; `undefined` if there is none. */
  updateTenant(id: string, change: TenantChange): Promise<Tenant | undefined>;
  /** Its keys go with it; its id is nobody else's for good, but `default`, which is the platform's own. Resolves to whether there was one. */
  deleteTenant(id: string): Promise<boolean>;
  /** Whether there was a tenant of this id that is gone: its records are still there for a while. */
  wasTenant(id: string): Promise<boolean>;

  listKeys(
    request: ListRequest & { readonly tenantId?: string | undefined },
  ): Promise<readonly KeyRecord[]>;
  getKey(id: string): Promise<KeyRecord | undefined>;
  /** `taken`: its id or its hash is. */
  createKey(key: NewKey): Promise<"created" | "taken" | "no_tenant">;
  /** The key as it is now; `undefined` if there is none or it is revoked. */
  updateKey(id: string, change: KeyChange): Promise<KeyRecord | undefined>;
  /**
   * Makes `successor`, and lets the key with `id` expire at `expiresAtMs` at the latest, or neither.
   * `not_active`: there is no such key, it is revoked, or another one took over before.
   */
  rotateKey(rotation: {
    readonly id: string;
    readonly expiresAtMs: number;
    readonly successor: NewKey;
  }): Promise<"rotated" | "not_active">;

  getAdminTokenHash(): Promise<string | undefined>;
  putAdminTokenHash(hash: string): Promise<void>;
  /** Puts it unless there is one, and resolves to the one that holds: the first of several processes wins. */
  claimAdminTokenHash(hash: string): Promise<string>;
}

/** A provider that was made through the admin API. */
export interface StoredProvider {
  readonly name: string;
  /** As in `sentinel.yaml`, without what is secret. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What is secret, by field, each sealed by `secret-box.ts`. */
  readonly sealed: Readonly<Record<string, string>>;
  /** What may be shown of each API key. */
  readonly maskedKeys: readonly string[];
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** The providers that were made through the admin API: a few, so a list is all of them. */
export interface ProviderStore {
  /** By name. */
  listProviders(): Promise<readonly StoredProvider[]>;
  getProvider(name: string): Promise<StoredProvider | undefined>;
  createProvider(provider: StoredProvider): Promise<"created" | "taken">;
  /** Replaces the one of this name that was last changed at `updatedAtMs`; `stale`: another change came first. */
  replaceProvider(
    provider: StoredProvider,
    replaced: { readonly updatedAtMs: number },
  ): Promise<"replaced" | "stale">;
  /** Resolves to whether there was one. */
  deleteProvider(name: string): Promise<boolean>;
}
