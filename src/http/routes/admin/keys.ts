import { Hono } from "hono";
import type { Context } from "hono";

import { mustBe, oneOf, strictFields, text, wholeNumber } from "../../../config/field-types.ts";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../lib/clock.ts";
import { mintKey } from "../../../tenants/api-key.ts";
import type { Identifier } from "../../../tenants/identify.ts";
import { newKey } from "../../../tenants/new-key.ts";
import { isOver } from "../../../tenants/refusals.ts";
import type { KeyRecord, TenantStore } from "../../../tenants/tenant-store.ts";
import { isSystemTenant } from "../../../tenants/system-tenant.ts";
import { defaultTenantId, keyPolicySchema, roles } from "../../../tenants/tenant.ts";
import type { AdminChange, OnAdminChange } from "../../admin-change.ts";
import type { AppEnv } from "../../context.ts";
import { onePastPage, readPage, toPage } from "../../cursor-page.ts";
import { authorOf, isInScope, requireAdmin, scopeOf } from "../../middleware/require-admin.ts";
import type { AdminScope } from "../../middleware/require-admin.ts";
import { readAdminJson } from "../../read-admin-json.ts";
import { nameField, noSuch, timeField, toSeconds } from "./fields.ts";
import { policyToGive, requireToGive } from "./given-policy.ts";

export interface KeyRoutesDeps {
  readonly store: TenantStore;
  readonly identifier: Pick<Identifier, "invalidateKey">;
  readonly clock: Pick<Clock, "epochMs">;
  readonly onChange?: OnAdminChange;
}

/** `/admin/v1/keys`. A tenant's admin sees and makes the keys of its own tenant. */
export function keyRoutes(deps: KeyRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.use(requireAdmin);
  routes.get("/", (c) => listKeys(c, deps));
  routes.post("/", (c) => createKey(c, deps));
  routes.get("/:id", async (c) => c.json(present(await findKey(c, deps))));
  routes.patch("/:id", (c) => updateKey(c, deps));
  routes.delete("/:id", (c) => revokeKey(c, deps));
  routes.post("/:id/rotate", (c) => rotateKey(c, deps));
  return routes;
}

type OneKey = Context<AppEnv, "/:id">;

const createSchema = strictFields({
  tenant: text({ pattern: /^.{1,64}$/, rule: "must be the id of a tenant" }).optional(),
  name: nameField(),
  role: oneOf(roles),
  policy: keyPolicySchema.optional(),
  expires_at: timeField().nullable().optional(),
});

const updateSchema = strictFields({
  name: nameField().optional(),
  role: oneOf(roles).optional(),
  policy: keyPolicySchema.optional(),
  expires_at: timeField().nullable().optional(),
}).refine((change) => Object.keys(change).length > 0, {
  error: mustBe("must hold what to change: name, role, policy or expires_at"),
});

const graceSecondsDefault = 24 * 3_600;
const graceSecondsMax = 30 * 24 * 3_600;

const rotateSchema = strictFields({
  grace_seconds: wholeNumber({ min: 0, max: graceSecondsMax }).default(graceSecondsDefault),
  expires_at: timeField().nullable().optional(),
});

async function listKeys(c: Context<AppEnv>, { store }: KeyRoutesDeps): Promise<Response> {
  const scope = scopeOf(c.get("identity"));
  const page = readPage(c);
  const asked = c.req.query("tenant");
  if (asked !== undefined && !isInScope(scope, asked)) throw noSuch("tenant");
  const tenantId = scope.kind === "platform" ? asked : scope.tenantId;
  const keys = await store.listKeys({ ...onePastPage(page), tenantId });
  return c.json(toPage(keys, page, present));
}

async function createKey(c: Context<AppEnv>, deps: KeyRoutesDeps): Promise<Response> {
  const scope = scopeOf(c.get("identity"));
  const body = await readAdminJson(c, createSchema);
  const ownTenant = scope.kind === "platform" ? defaultTenantId : scope.tenantId;
  const tenantId = body.tenant ?? ownTenant;
  if (!isInScope(scope, tenantId)) throw noSuch("tenant");
  if (isSystemTenant(tenantId)) {
    throw new Failure("conflict", `The tenant '${tenantId}' is Sentinel itself, and has no keys.`, {
      param: "tenant",
    });
  }

  const { key, id } = mintKey();
  const made = newKey(key, {
    id,
    tenantId,
    name: body.name,
    role: body.role,
    policy: await policyToGive(deps.store, scope, body.policy),
    expiresAtMs: inFuture(body.expires_at ?? null, deps),
    createdBy: authorOf(scope),
    createdAtMs: deps.clock.epochMs(),
  });
  const outcome = await deps.store.createKey(made);
  if (outcome === "no_tenant") throw noSuch("tenant");
  if (outcome === "taken") throw new Failure("conflict", "Two keys drew the same id. Try again.");
  note(deps, scope, { action: "key.created", tenantId, subject: id });
  return c.json({ ...present(made.key), key }, 201);
}

async function updateKey(c: OneKey, deps: KeyRoutesDeps): Promise<Response> {
  const scope = scopeOf(c.get("identity"));
  const key = await findKey(c, deps);
  const body = await readAdminJson(c, updateSchema);
  if (body.policy !== undefined) await requireToGive(deps.store, scope, body.policy);
  const expiresAtMs = body.expires_at;
  if (expiresAtMs !== undefined) inFuture(expiresAtMs, deps);
  if (expiresAtMs !== undefined && key.rotatedTo !== null) {
    throw new Failure(
      "conflict",
      `Key ${key.rotatedTo} took over from this one, which ends as set.`,
    );
  }
  const { name, role, policy } = body;
  const changed = await deps.store.updateKey(key.id, { name, role, policy, expiresAtMs });
  deps.identifier.invalidateKey(key.id);
  if (changed === undefined) throw isRevoked();
  note(deps, scope, { action: "key.updated", tenantId: key.tenantId, subject: key.id });
  return c.json(present(changed));
}

async function revokeKey(c: OneKey, deps: KeyRoutesDeps): Promise<Response> {
  const scope = scopeOf(c.get("identity"));
  const key = await findKey(c, deps);
  const revoked = await deps.store.updateKey(key.id, { status: "revoked" });
  deps.identifier.invalidateKey(key.id);
  // Revoked before: asking twice is no mistake.
  if (revoked === undefined) return c.json(present(await findKey(c, deps)));
  note(deps, scope, { action: "key.revoked", tenantId: key.tenantId, subject: key.id });
  return c.json(present(revoked));
}

async function rotateKey(c: OneKey, deps: KeyRoutesDeps): Promise<Response> {
  const { store, clock } = deps;
  const scope = scopeOf(c.get("identity"));
  const old = await findKey(c, deps);
  const body = await readAdminJson(c, rotateSchema);
  const nowMs = clock.epochMs();
  if (isOver(old.expiresAtMs, nowMs)) throw cannotRotate();
  await requireToGive(store, scope, old.policy);

  const { key, id } = mintKey();
  const successor = newKey(key, {
    id,
    tenantId: old.tenantId,
    name: old.name,
    role: old.role,
    policy: old.policy,
    expiresAtMs: body.expires_at === undefined ? old.expiresAtMs : inFuture(body.expires_at, deps),
    createdBy: authorOf(scope),
    createdAtMs: nowMs,
  });
  const expiresAtMs = nowMs + body.grace_seconds * 1_000;
  const outcome = await store.rotateKey({ id: old.id, expiresAtMs, successor });
  deps.identifier.invalidateKey(old.id);
  if (outcome === "not_active") throw cannotRotate();
  note(deps, scope, { action: "key.rotated", tenantId: old.tenantId, subject: old.id });
  return c.json({ ...present(successor.key), key, replaces: present(await findKey(c, deps)) }, 201);
}

/** Throws `not_found` for another tenant's key too. */
async function findKey(c: OneKey, { store }: KeyRoutesDeps): Promise<KeyRecord> {
  const key = await store.getKey(c.req.param("id"));
  if (key === undefined || !isInScope(scopeOf(c.get("identity")), key.tenantId)) {
    throw noSuch("key");
  }
  return key;
}

function inFuture(expiresAtMs: number | null, { clock }: KeyRoutesDeps): number | null {
  if (!isOver(expiresAtMs, clock.epochMs())) return expiresAtMs;
  const message = "expires_at must be in the future. To end a key now, delete it.";
  throw new Failure("invalid_value", message, { param: "expires_at" });
}

function isRevoked(): Failure {
  return new Failure("conflict", "This key is revoked, which is final. Create a new one.");
}

function cannotRotate(): Failure {
  const message =
    "Only a key that is valid and was not rotated before can be rotated. Create a new one.";
  return new Failure("conflict", message);
}

function note(
  { onChange }: KeyRoutesDeps,
  scope: AdminScope,
  change: Omit<AdminChange, "by">,
): void {
  onChange?.({ ...change, by: authorOf(scope) });
}

const present = (key: KeyRecord) => ({
  id: key.id,
  object: "api_key",
  tenant: key.tenantId,
  name: key.name,
  role: key.role,
  policy: key.policy,
  status: key.status,
  masked: key.masked,
  created_at: toSeconds(key.createdAtMs),
  created_by: key.createdBy,
  expires_at: toSeconds(key.expiresAtMs),
  last_used_day: key.lastUsedDay,
  rotated_to: key.rotatedTo,
});
