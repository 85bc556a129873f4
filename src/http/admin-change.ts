/** Something that the admin API changed, as the audit wants it. Holds no secret. */
export interface AdminChange {
  readonly action:
    | "tenant.created"
    | "tenant.updated"
    | "tenant.deleted"
    | "key.created"
    | "key.updated"
    | "key.revoked"
    | "key.rotated"
    | "provider.created"
    | "provider.updated"
    | "provider.rotated"
    | "provider.deleted"
    | "price.set"
    | "price.deleted"
    | "judge.set"
    | "judge.deleted"
    | "judge.calibrated"
    | "cache.purged"
    | "job.retried"
    | "job.cancelled";
  /** The id of the key that asked for it, or `platform`. */
  readonly by: string;
  /** Absent for what belongs to the platform. */
  readonly tenantId?: string;
  /** The id of the tenant or key, the name of the provider, `provider/model` of a price, `name@version` of an evaluator, what was purged, the id of the job. */
  readonly subject: string;
}

export type OnAdminChange = (change: AdminChange) => void;
