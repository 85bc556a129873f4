import { Failure } from "../../../errors.ts";
import type { TenantStore } from "../../../tenants/tenant-store.ts";
import { isWithin } from "../../../tenants/tenant.ts";
import type { Policy } from "../../../tenants/tenant.ts";
import type { AdminScope } from "../../middleware/require-admin.ts";

/**
 * The policy of a new key. Where its maker is a key with a policy of its own, the new one has it too unless
 * a narrower one is asked for. (The tenant's policy applies to every key by itself.) Throws
 * `permission_denied` for a wider one.
 */
export async function policyToGive(
  store: Pick<TenantStore, "getKey">,
  scope: AdminScope,
  asked: Policy | undefined,
): Promise<Policy> {
  const own = await ownPolicy(store, scope);
  if (asked === undefined) return own;
  requireWithin({ inner: asked, outer: own });
  return asked;
}

/** Throws `permission_denied` if this administrator's own key may not do what `policy` allows. */
export async function requireToGive(
  store: Pick<TenantStore, "getKey">,
  scope: AdminScope,
  policy: Policy,
): Promise<void> {
  requireWithin({ inner: policy, outer: await ownPolicy(store, scope) });
}

/** From the store, as the key may have been narrowed a moment ago. */
async function ownPolicy(store: Pick<TenantStore, "getKey">, scope: AdminScope): Promise<Policy> {
  if (scope.kind === "platform") return {};
  const own = await store.getKey(scope.keyId);
  if (own !== undefined) return own.policy;
  throw new Failure("permission_denied", "Your own key is gone. Sign in with another one.");
}

function requireWithin(policies: { readonly inner: Policy; readonly outer: Policy }): void {
  if (isWithin(policies)) return;
  const message =
    "Your own key's policy is narrower: you can give only the models, limits and budgets that it allows. " +
    "Ask for less, or use a key without a policy of its own.";
  throw new Failure("permission_denied", message, { param: "policy" });
}
