import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";

import { mustBe, strictFields, text } from "../../../config/field-types.ts";
import { Failure } from "../../../errors.ts";
import type { CacheAdmin } from "../../../pipeline/cache/cache-admin.ts";
import type { Purge } from "../../../pipeline/cache/cache-store.ts";
import { cacheRules } from "../../../tenants/cache-policy.ts";
import type { TenantStore } from "../../../tenants/tenant-store.ts";
import type { Tenant } from "../../../tenants/tenant.ts";
import type { OnAdminChange } from "../../admin-change.ts";
import type { AppEnv } from "../../context.ts";
import { authorOf, isInScope, requireAdmin, scopeOf } from "../../middleware/require-admin.ts";
import { readAdminJson } from "../../read-admin-json.ts";
import { refuseUnknown } from "../../report-query.ts";
import { tagNamePattern, tagValuePattern } from "../../request-labels.ts";
import { noSuch } from "./fields.ts";
import { presentCacheStatus } from "./present-cache.ts";

export interface CacheRoutesDeps {
  /** Undefined where the gateway runs without one (SENTINEL_CACHE=off). */
  readonly cache: CacheAdmin | undefined;
  readonly store: Pick<TenantStore, "getTenant">;
  readonly onChange?: OnAdminChange;
}

/** `/admin/v1/cache`: forgetting answers, and what the semantic tier knows. A tenant's admin sees its own tenant. */
export function cacheRoutes(deps: CacheRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.use(requireAdmin);
  routes.get("/", (c) => showStatus(c, deps));
  routes.post("/purge", (c) => purge(c, deps));
  return routes;
}

const tagRule =
  'must be a tag, as team=a or {"name": "team", "value": "a"}, written as in \'x-sentinel-tags\'';

const tagFields = strictFields({
  name: text({ pattern: tagNamePattern, rule: "must be a tag's name, as in 'x-sentinel-tags'" }),
  value: text({ pattern: tagValuePattern, rule: "must be a tag's value, as in 'x-sentinel-tags'" }),
});

/** Printable, without spaces around it: the record of the purge quotes it. */
const modelPattern = /^(?!\s)[^\p{Cc}]{1,256}(?<!\s)$/u;

const purgeSchema = strictFields({
  tenant: text({ pattern: /^.{1,64}$/, rule: "must be the id of a tenant" }).optional(),
  model: text({ pattern: modelPattern, rule: "must be a model's name, as it was asked for" }),
  request_id: text({
    pattern: /^[0-9A-HJKMNP-TV-Z]{26}$/,
    rule: "must be a request's id, as the x-request-id of its answer and the audit have it",
  }),
  tag: z.union([tagFields, z.string()], { error: mustBe(tagRule) }),
  all: z.boolean({ error: mustBe("must be true or false") }),
}).partial();

type PurgeBody = z.output<typeof purgeSchema>;

async function purge(c: Context<AppEnv>, deps: CacheRoutesDeps): Promise<Response> {
  const scope = scopeOf(c.get("identity"));
  const body = await readAdminJson(c, purgeSchema);
  const chosen = choiceOf(body);
  const tenant = await findTenant(c, deps, body.tenant);
  const purged = await cacheOf(deps).purge({ tenantId: tenant.id, ...chosen });
  const subject = subjectOf(chosen);
  deps.onChange?.({ action: "cache.purged", by: authorOf(scope), tenantId: tenant.id, subject });
  const { exact, semantic } = purged;
  return c.json({
    object: "cache.purge",
    tenant: tenant.id,
    ...what(chosen),
    purged: { exact, semantic },
  });
}

type Choice = Omit<Purge, "tenantId">;

/** Throws `invalid_value` for a body that says nothing, and for one that says everything and something. */
function choiceOf({ model, request_id: requestId, tag, all = false }: PurgeBody): Choice {
  const choice: Choice = {
    ...(model !== undefined && { model }),
    ...(requestId !== undefined && { requestId }),
    ...(tag !== undefined && { tag: typeof tag === "string" ? readTag(tag) : tag }),
  };
  const [first] = Object.keys(what(choice));
  if (all && first !== undefined) {
    const message = `all forgets the whole tenant, and ${first} only a part of it. Leave one of them out.`;
    throw new Failure("invalid_value", message, { param: "all" });
  }
  if (all || first !== undefined) return choice;
  const message =
    'Say what to forget: model, request_id or tag, or "all": true for everything that the tenant has.';
  throw new Failure("invalid_value", message, { param: "all" });
}

/** Throws `invalid_value`. */
function readTag(written: string): NonNullable<Choice["tag"]> {
  const equals = written.indexOf("=");
  const name = written.slice(0, Math.max(equals, 0)).trim();
  const value = written.slice(equals + 1).trim();
  if (tagNamePattern.test(name) && tagValuePattern.test(value)) return { name, value };
  throw new Failure("invalid_value", `tag ${tagRule}.`, { param: "tag" });
}

/** As the body had it. */
const what = ({ model, requestId, tag }: Choice): Record<string, unknown> => ({
  ...(model !== undefined && { model }),
  ...(requestId !== undefined && { request_id: requestId }),
  ...(tag !== undefined && { tag: { name: tag.name, value: tag.value } }),
});

function subjectOf({ model, requestId, tag }: Choice): string {
  const parts = [
    ...(model === undefined ? [] : [`model ${model}`]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
    ...(tag === undefined ? [] : [`tag ${tag.name}=${tag.value}`]),
  ];
  return parts.length === 0 ? "all" : parts.join(", ");
}

async function showStatus(c: Context<AppEnv>, deps: CacheRoutesDeps): Promise<Response> {
  refuseUnknown(c.req.query(), ["tenant"]);
  const tenant = await findTenant(c, deps, c.req.query("tenant"));
  const rules = cacheRules([tenant.policy]).semantic;
  const semantic = await deps.cache?.semanticStatus(tenant.id, rules);
  return c.json(presentCacheStatus({ tenant, isOn: deps.cache !== undefined, semantic }));
}

/** Whose cache it is about. Throws `invalid_value` where the platform admin names nobody, and `not_found`. */
async function findTenant(
  c: Context<AppEnv>,
  { store }: CacheRoutesDeps,
  asked: string | undefined,
): Promise<Tenant> {
  const scope = scopeOf(c.get("identity"));
  const id = scope.kind === "platform" ? asked : (asked ?? scope.tenantId);
  if (id === undefined || id === "") {
    const message = "Name the tenant whose cache you mean, for example default.";
    throw new Failure("invalid_value", message, { param: "tenant" });
  }
  if (!isInScope(scope, id)) throw noSuch("tenant");
  const tenant = await store.getTenant(id);
  if (tenant === undefined) throw noSuch("tenant");
  return tenant;
}

/** Throws `conflict`. */
function cacheOf({ cache }: CacheRoutesDeps): CacheAdmin {
  if (cache !== undefined) return cache;
  throw new Failure("conflict", "This gateway runs without a cache (SENTINEL_CACHE=off).");
}
