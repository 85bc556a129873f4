/** What made a stored response, and for whom: a later turn of its conversation goes there, and is that tenant's. */
export interface ResponseOwner {
  readonly tenantId: string;
  readonly providerName: string;
  /** As the provider names it. */
  readonly model: string;
  /** Which of the provider's keys, as `Attempt` has it: another may be of an account that knows nothing of it. */
  readonly keyId: string | undefined;
}

/** Who a response belongs to, as a tenant may know it. */
export type Ownership =
  | { readonly kind: "own"; readonly owner: ResponseOwner }
  | { readonly kind: "other" }
  | { readonly kind: "unknown" };

export interface ResponseOwners {
  /** Takes note at once; it is written down in the background. */
  remember(responseId: string, owner: ResponseOwner): void;
  /** At once, not by a promise, for what was made or asked for lately. Rejects with `store_unavailable`. */
  find(responseId: string, tenantId: string): Ownership | Promise<Ownership>;
}

/** Where it is written down. The ids themselves are not: whoever has one can go on with the conversation. */
export interface ResponseOwnerStore {
  /** One that is there already is replaced. */
  putOwners(records: readonly OwnerRecord[]): Promise<void>;
  /** That of this tenant if it has one, otherwise any other's. None that has expired. */
  findOwner(wanted: WantedOwner): Promise<OwnerRecord | undefined>;
  /** Forgets up to `limit` records that have expired, and says how many it was. */
  forgetExpired(nowMs: number, limit: number): Promise<number>;
}

export interface WantedOwner {
  readonly responseHash: string;
  readonly tenantId: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export interface OwnerRecord extends ResponseOwner {
  /** SHA-256 of the response's id, hexadecimal. */
  readonly responseHash: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}
