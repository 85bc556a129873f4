/** The audit records of one tenant, read. Every call names the tenant: there is no way to ask across them. */
export interface AuditLog {
  /** Newest start first. Rejects with `store_unavailable`. */
  list(query: AuditQuery): Promise<AuditPage>;
  get(tenantId: string, id: string): Promise<StoredRecord | undefined>;
  /** The prompt and answer that the tenant has kept; undefined where there are none, or none any more. */
  payload(tenantId: string, id: string): Promise<StoredPayload | undefined>;
  /** Resolves to whether there was one. The record, and its hash, stay. */
  erasePayload(tenantId: string, id: string): Promise<boolean>;
}

export interface AuditQuery {
  readonly tenantId: string;
  /** Starts in [fromMs, toMs), milliseconds since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** As asked for, or as served. */
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly keyId?: string | undefined;
  readonly status?: number | undefined;
  readonly outcome?: string | undefined;
  readonly cache?: string | undefined;
  readonly tag?: { readonly name: string; readonly value: string } | undefined;
  readonly minCostNanoUsd?: number | undefined;
  readonly limit: number;
  /** The place after which the page begins, as `AuditPage.next` said. A request's id. */
  readonly after?: string | undefined;
}

export interface AuditPage {
  readonly records: readonly StoredRecord[];
  /** Where the next page begins; undefined: there is nothing more. A page may be short of its limit and still have a next. */
  readonly next: string | undefined;
}

export interface StoredRecord {
  readonly id: string;
  /** The record's JSON, exactly as it was hashed. */
  readonly text: string;
  readonly writer: string;
  readonly seq: number;
  readonly prevHash: string;
  readonly hash: string;
  /** Each as JSON, the oldest first. */
  readonly amendments: readonly string[];
}

export interface StoredPayload {
  readonly prompt: string;
  readonly answer: string;
  readonly cut: boolean;
}
