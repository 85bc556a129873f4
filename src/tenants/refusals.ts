import { Failure } from "../errors.ts";
import type { FoundKey } from "./tenant-store.ts";

/** Why a key is not accepted. All but `malformed` and `unknown` are said of real keys only. */
export type Refusal =
  "malformed" | "unknown" | "revoked" | "expired" | "rotated" | "tenant_suspended";

const messages: Readonly<Record<Refusal, string>> = {
  malformed:
    "This is not an API key: a key has at most 256 printable characters and no spaces. " +
    "Copy it again, without quotes or line breaks.",
  unknown:
    "This API key is not known here. Check that it was copied whole and belongs to this gateway, " +
    "or ask your administrator for a new one.",
  revoked: "This API key was revoked. Ask your administrator for a new one.",
  expired: "This API key has expired. Ask your administrator for a new one.",
  rotated: "This API key was replaced by a newer one. Use the new key, or ask your administrator.",
  tenant_suspended:
    "The tenant of this API key is suspended. Ask the administrator of this gateway.",
};

/** The 401 that a refused key is answered with. Nothing of the key is in it. */
export function refuse(refusal: Refusal): Failure {
  return new Failure("invalid_api_key", messages[refusal]);
}

/** Why a key that the store knows is refused, if it is. */
export function whyRefused({ key, tenant }: FoundKey, nowMs: number): Refusal | undefined {
  if (key.status === "revoked") return "revoked";
  if (isOver(key.expiresAtMs, nowMs)) return key.rotatedTo === null ? "expired" : "rotated";
  if (tenant.status === "suspended") return "tenant_suspended";
  return undefined;
}

export function isOver(expiresAtMs: number | null, nowMs: number): boolean {
  return expiresAtMs !== null && expiresAtMs <= nowMs;
}
