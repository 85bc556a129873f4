import { Hono } from "hono";
import type { Context } from "hono";

import { mustBe, oneOf, strictFields, text } from "../../../config/field-types.ts";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../lib/clock.ts";
import { newId } from "../../../lib/ids.ts";
import type { Evaluators } from "../../../pipeline/judge/evaluators/evaluators.ts";
import type { Identifier } from "../../../tenants/identify.ts";
import type { TenantStore } from "../../../tenants/tenant-store.ts";
import { isSystemTenant } from "../../../tenants/system-tenant.ts";
import { policySchema, tenantStatuses } from "../../../tenants/tenant.ts";
import type { Tenant } from "../../../tenants/tenant.ts";
import type { OnAdminChange } from "../../admin-change.ts";
import type { AppEnv } from "../../context.ts";
import { onePastPage, readPage, toPage } from "../../cursor-page.ts";
import {
  authorOf,
  isInScope,
  requireAdmin,
  requirePlatformScope,
  scopeOf,
} from "../../middleware/require-admin.ts";
import type { AdminScope } from "../../middleware/require-admin.ts";
import { readAdminJson } from "../../read-admin-json.ts";
import { nameField, noSuch, toSeconds } from "./fields.ts";
import { requireKnownEvaluators } from "./given-judge-policy.ts";

export interface TenantRoutesDeps {
  readonly store: TenantStore;
  readonly identifier: Pick<Identifier, "invalidateTenant">;
  readonly clock: Pick<Clock, "epochMs">;
  /** What a policy may have answers judged by; absent: anything that looks like a name. */
  readonly evaluators?: Pick<Evaluators, "find" | "list" | "refresh"> | undefined;
  readonly onChange?: OnAdminChange;
}

/** `/admin/v1/tenants`. A tenant's admin sees its own tenant and may rename it. */
export function tenantRoutes(deps: TenantRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.use(requireAdmin);
  routes.get("/", (c) => listTenants(c, deps));
  routes.post("/", (c) => createTenant(c, deps));
  routes.get("/:id", async (c) => c.json(present(await findTenant(c, deps))));
  routes.patch("/:id", (c) => updateTenant(c, deps));
  routes.delete("/:id", (c) => deleteTenant(c, deps));
  return routes;
}

type OneTenant = Context<AppEnv, "/:id">;

const createSchema = strictFields({
  id: text({
    pattern: /^[a-z0-9][a-z0-9_-]{0,63}$/,
    rule: "must be 1 to 64 small letters, digits, _ and -, the first a letter or a digit",
  }).optional(),
  name: nameField(),
  policy: policySchema.optional(),
});

const updateSchema = strictFields({
  name: nameField().optional(),
  status: oneOf(tenantStatuses).optional(),
  policy: policySchema.optional(),
}).refine((change) => Object.keys(change).length > 0, {
  error: mustBe("must hold what to change: name, status or policy"),
});

async function listTenants(c: Context<AppEnv>, { store }: TenantRoutesDeps): Promise<Response> {
  const scope = scopeOf(c.get("identity"));
  const page = readPage(c);
  if (scope.kind === "platform") {
    return c.json(toPage(await store.listTenants(onePastPage(page)), page, present));
  }
  const own = await store.getTenant(scope.tenantId);
  return c.json(toPage(own === undefined ? [] : [own], page, present));
}

async function createTenant(c: Context<AppEnv>, deps: TenantRoutesDeps): Promise<Response> {
  const scope = scopeOf(c.get("identity"));
  requirePlatformScope(scope, "Only the platform admin creates tenants.");
  const body = await readAdminJson(c, createSchema);
  await requireKnownEvaluators(body.policy, deps.evaluators);
  const tenant: Tenant = {
    id: body.id ?? newId().toLowerCase(),
    name: body.name,
    status: "active",
    policy: body.policy ?? {},
    createdAtMs: deps.clock.epochMs(),
  };
  const isTaken = isSystemTenant(tenant.id) || (await deps.store.createTenant(tenant)) === "taken";
  if (isTaken) {
    const message = `There is, or was, a tenant '${tenant.id}'. Choose another id.`;
    throw new Failure("conflict", message, { param: "id" });
  }
  note(deps, scope, "tenant.created", tenant.id);
  return c.json(present(tenant), 201);
}

async function updateTenant(c: OneTenant, deps: TenantRoutesDeps): Promise<Response> {
  const scope = scopeOf(c.get("identity"));
  const { id } = await findTenant(c, deps);
  const change = await readAdminJson(c, updateSchema);
  for (const field of ["status", "policy"] as const) {
    if (change[field] === undefined) continue;
    requirePlatformScope(scope, `Only the platform admin sets a tenant's ${field}.`);
  }
  await requireKnownEvaluators(change.policy, deps.evaluators);
  const tenant = await deps.store.updateTenant(id, change);
  if (tenant === undefined) throw noSuch("tenant");
  deps.identifier.invalidateTenant(id);
  note(deps, scope, "tenant.updated", id);
  return c.json(present(tenant));
}

async function deleteTenant(c: OneTenant, deps: TenantRoutesDeps): Promise<Response> {
  const scope = scopeOf(c.get("identity"));
  const { id } = await findTenant(c, deps);
  requirePlatformScope(scope, "Only the platform admin deletes tenants.");
  if (isSystemTenant(id)) {
    const message = `The tenant '${id}' is Sentinel itself: its usage could not be asked for without it.`;
    throw new Failure("conflict", message, { param: "id" });
  }
  const isDeleted = await deps.store.deleteTenant(id);
  deps.identifier.invalidateTenant(id);
  if (!isDeleted) throw noSuch("tenant");
  note(deps, scope, "tenant.deleted", id);
  return c.json({ id, object: "tenant.deleted", deleted: true });
}

/** Throws `not_found` for another tenant too. */
async function findTenant(c: OneTenant, { store }: TenantRoutesDeps): Promise<Tenant> {
  const id = c.req.param("id");
  if (!isInScope(scopeOf(c.get("identity")), id)) throw noSuch("tenant");
  const tenant = await store.getTenant(id);
  if (tenant === undefined) throw noSuch("tenant");
  return tenant;
}

function note(
  { onChange }: TenantRoutesDeps,
  scope: AdminScope,
  action: "tenant.created" | "tenant.updated" | "tenant.deleted",
  id: string,
): void {
  onChange?.({ action, by: authorOf(scope), tenantId: id, subject: id });
}

const present = ({ id, name, status, policy, createdAtMs }: Tenant) => ({
  id,
  object: "tenant",
  name,
  status,
  policy,
  created_at: toSeconds(createdAtMs),
});
