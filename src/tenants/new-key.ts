import { hashToken, maskSecret } from "./api-key.ts";
import type { KeyRecord, NewKey } from "./tenant-store.ts";

/** What is stored of `token`: everything but the token. */
export function newKey(
  token: string,
  key: Pick<
    KeyRecord,
    "id" | "tenantId" | "name" | "role" | "policy" | "expiresAtMs" | "createdBy" | "createdAtMs"
  >,
): NewKey {
  const record: KeyRecord = {
    ...key,
    status: "active",
    masked: maskSecret(token),
    rotatedTo: null,
    lastUsedDay: null,
  };
  return { key: record, hash: hashToken(token) };
}
