import type { MiddlewareHandler } from "hono";

import { Failure } from "../../errors.ts";
import type { AppEnv, Identity } from "../context.ts";

/** What an administrator sees: everything, or one tenant. */
export type AdminScope =
  | { readonly kind: "platform" }
  | { readonly kind: "tenant"; readonly tenantId: string; readonly keyId: string };

/** Lets in whoever administers something. Throws `permission_denied` for other keys. */
export const requireAdmin: MiddlewareHandler<AppEnv> = async (c, next) => {
  scopeOf(c.get("identity"));
  await next();
};

/** Lets in the platform admin only. Throws `permission_denied`. */
export const requirePlatform: MiddlewareHandler<AppEnv> = async (c, next) => {
  requirePlatformScope(scopeOf(c.get("identity")), "This is for the platform admin.");
  await next();
};

/** Throws `permission_denied` for a key that is not an admin's. */
export function scopeOf(identity: Identity): AdminScope {
  if (identity.kind === "platform") return identity;
  const { role, tenantId, keyId } = identity.caller;
  if (role === "admin") return { kind: "tenant", tenantId, keyId };
  throw new Failure(
    "permission_denied",
    `This key has the role '${role}'. Use a key with the role 'admin', or the platform admin token.`,
  );
}

/** Throws `permission_denied`; `what` is a sentence on what was asked for. */
export function requirePlatformScope(scope: AdminScope, what: string): void {
  if (scope.kind === "platform") return;
  throw new Failure("permission_denied", `${what} Use the platform admin token.`);
}

/** Another tenant's things do not exist for a tenant's admin, so that their ids cannot be found out. */
export function isInScope(scope: AdminScope, tenantId: string): boolean {
  return scope.kind === "platform" || scope.tenantId === tenantId;
}

/** Who is named as the author of a change: the id of a key, or `platform`. */
export function authorOf(scope: AdminScope): string {
  return scope.kind === "platform" ? "platform" : scope.keyId;
}
