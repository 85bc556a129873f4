/**
 * The control plane in Redis. All of it carries one hash tag, so that one script can change a tenant and its keys
 * together in a cluster as well; it is small, and replicas keep what they use of it. What belongs to a tenant's
 * requests has a tag of its own (`../limits/keys.ts`).
 *
 *     {sentinel}:t       HASH  tenant id → JSON
 *     {sentinel}:td      SET   ids of tenants that are gone
 *     {sentinel}:ta      ZSET  "<made at, 15 digits> <tenant id>", for lists
 *     {sentinel}:k       HASH  key id → JSON
 *     {sentinel}:kh      HASH  SHA-256 of the key → key id
 *     {sentinel}:ks      HASH  key id → SHA-256 of the key
 *     {sentinel}:kt      HASH  key id → tenant id
 *     {sentinel}:kd      HASH  key id → day of last use
 *     {sentinel}:ka      ZSET  "<made at> <key id>"; {sentinel}:ka:<tenant id> for one tenant's
 *     {sentinel}:p       HASH  provider name → JSON
 *     {sentinel}:price   HASH  provider and model → JSON
 *     {sentinel}:alert   HASH  budget threshold → JSON
 *     {sentinel}:judge:version      HASH  evaluator@version → JSON; {sentinel}:judge:name  HASH  evaluator → version
 *     {sentinel}:judge:calibration  HASH  id → JSON; {sentinel}:judge:anchors and {sentinel}:judge:run the same
 *     {sentinel}:admin   STRING  SHA-256 of the platform admin token
 *     {ro:<digit>}:<response hash>  HASH  tenant id → JSON; {ro:<digit>}:e  ZSET by expiry
 */
export const tag = "{sentinel}";

export const keys = {
  tenants: `${tag}:t`,
  deletedTenants: `${tag}:td`,
  tenantsByAge: `${tag}:ta`,
  keys: `${tag}:k`,
  keyIdsByHash: `${tag}:kh`,
  hashesByKeyId: `${tag}:ks`,
  tenantsByKeyId: `${tag}:kt`,
  lastUsedDays: `${tag}:kd`,
  keysByAge: `${tag}:ka`,
  keysOf: (tenantId: string): string => `${tag}:ka:${tenantId}`,
  providers: `${tag}:p`,
  prices: `${tag}:price`,
  adminTokenHash: `${tag}:admin`,
} as const;

const ageDigits = 15;

/** Sorts by age, then by id, as text. */
export const byAge = ({ createdAtMs, id }: { readonly createdAtMs: number; readonly id: string }) =>
  `${String(createdAtMs).padStart(ageDigits, "0")} ${id}`;

export const idInMember = (member: string): string => member.slice(ageDigits + 1);
