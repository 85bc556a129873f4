import type { SemanticRules } from "../../tenants/cache-policy.ts";
import type { Purge } from "./cache-store.ts";
import type { SemanticStatus } from "./semantic-tier.ts";

/** How many answers a purge forgot. */
export interface Purged {
  readonly exact: number;
  readonly semantic: number;
}

/** What operators may do with the cache, and see of it. */
export interface CacheAdmin {
  /** Reaches every replica within a second. Rejects with `store_unavailable` where a store does not answer. */
  purge(what: Purge): Promise<Purged>;
  /** What the semantic tier knows of a tenant with these rules; undefined where it is off. */
  semanticStatus(tenantId: string, rules: SemanticRules): Promise<SemanticStatus | undefined>;
}
