import { hashToken } from "./api-key.ts";
import type { FirstRun } from "./first-run.ts";
import type { TenantStore } from "./tenant-store.ts";

/**
 * In the place of `firstRun`, for a process that serves nobody: it makes no tenants, keys or tokens, and knows the platform
 * admin token only to let its holder read metrics.
 */
export async function laterRun({
  store,
  presetAdminToken,
}: {
  readonly store: Pick<TenantStore, "getAdminTokenHash">;
  readonly presetAdminToken?: string | undefined;
}): Promise<FirstRun> {
  const adminTokenHash =
    presetAdminToken === undefined ? await store.getAdminTokenHash() : hashToken(presetAdminToken);
  return { adminTokenHash, minted: undefined, notes: [] };
}
