import type { Context } from "hono";

import { Failure } from "../errors.ts";
import type { AppEnv } from "./context.ts";

/** Whether there is such a tenant, for the platform admin who names one. */
export type HasTenant = (tenantId: string) => Promise<boolean>;

/**
 * Whose usage and records are asked for. A tenant's viewer or admin reads its own; the platform admin names a
 * tenant. Throws `permission_denied` for an inference key, and `not_found` for a tenant that is not the caller's
 * or that there is not: which of the two is nobody's business.
 */
export async function reportedTenant(c: Context<AppEnv>, hasTenant: HasTenant): Promise<string> {
  const identity = c.get("identity");
  const asked = c.req.query("tenant");
  if (identity.kind === "platform") {
    if (asked === undefined || asked === "") {
      const message = "Name the tenant whose records you want, as ?tenant=default.";
      throw new Failure("invalid_value", message, { param: "tenant" });
    }
    if (await hasTenant(asked)) return asked;
    throw noSuchTenant();
  }
  const { role, tenantId } = identity.caller;
  if (role === "inference") {
    throw new Failure(
      "permission_denied",
      "This key may call models, and not read usage or audit records. Use a key with the role 'viewer' or 'admin'.",
    );
  }
  if (asked !== undefined && asked !== tenantId) throw noSuchTenant();
  return tenantId;
}

/** What only an admin may do. Throws `permission_denied`. */
export function requireAdminRole(c: Context<AppEnv>, what: string): void {
  const identity = c.get("identity");
  if (identity.kind === "platform" || identity.caller.role === "admin") return;
  throw new Failure("permission_denied", `${what} Use a key with the role 'admin'.`);
}

function noSuchTenant(): Failure {
  return new Failure("not_found", "There is no such tenant.", { param: "tenant" });
}
