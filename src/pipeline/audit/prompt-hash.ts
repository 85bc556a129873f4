import { hmacSha256 } from "../../lib/hmac.ts";

/** A tenant's hash of a request's body, hexadecimal. */
export type PromptHash = (tenantId: string, body: Uint8Array) => string;

/**
 * HMAC-SHA-256 with a key of the tenant's own: equal prompts of one tenant can be told, a short one cannot be
 * guessed by who has no key, and those of two tenants never look equal. `promptKeyOf` keeps the keys it has made.
 * Runs once per request.
 */
export function createPromptHash(promptKeyOf: (tenantId: string) => Uint8Array): PromptHash {
  return (tenantId, body) => hmacSha256(promptKeyOf(tenantId), body);
}
