import { z } from "zod";

import { Failure } from "../../../errors.ts";
import type {
  KeyRecord,
  KeyUse,
  ListPosition,
  ListRequest,
  NewKey,
  TenantStore,
} from "../../../tenants/tenant-store.ts";
import { defaultTenantId, policySchema, roles, tenantStatuses } from "../../../tenants/tenant.ts";
import type { Tenant } from "../../../tenants/tenant.ts";
import { asText, asTexts, runScript, withFailures } from "./commands.ts";
import type { RedisCommands } from "./commands.ts";
import { byAge, idInMember, keys } from "./keys.ts";
import * as scripts from "./tenant-scripts.ts";

/** Tenants and keys in Redis. Its calls reject with `store_unavailable` where Redis does not answer. */
export function redisTenantStore(inner: RedisCommands): TenantStore {
  const redis = withFailures(inner);
  return { ...tenantCalls(redis), ...keyCalls(redis), ...platformCalls(redis) };
}

function tenantCalls(redis: RedisCommands) {
  return {
    async listTenants(request) {
      const ids = await listIds(redis, keys.tenantsByAge, request);
      if (ids.length === 0) return [];
      return present(asTexts(await redis.call("HMGET", keys.tenants, ...ids))).map(toTenant);
    },
    async getTenant(id) {
      const text = asText(await redis.call("HGET", keys.tenants, id));
      return text === undefined ? undefined : toTenant(text);
    },
    async createTenant(tenant, firstKey) {
      const made = await runScript(redis, scripts.createTenant, scripts.allKeys(tenant.id), [
        tenant.id,
        JSON.stringify(tenant),
        byAge(tenant),
        ...(firstKey === undefined ? [] : keyValues(firstKey)),
      ]);
      return made === 1 ? "created" : "taken";
    },
    async updateTenant(id, change) {
      const changed = await changeField(redis, keys.tenants, id, (text) => ({
        ...toTenant(text),
        ...given(change),
      }));
      return changed;
    },
    async deleteTenant(id) {
      const isRemembered = id === defaultTenantId ? 0 : 1;
      const values = [id, isRemembered];
      return (await runScript(redis, scripts.deleteTenant, scripts.allKeys(id), values)) === 1;
    },
    async wasTenant(id) {
      return (await redis.call("SISMEMBER", keys.deletedTenants, id)) === 1;
    },
  } satisfies Partial<TenantStore>;
}

function keyCalls(redis: RedisCommands) {
  const getKey = async (id: string): Promise<KeyRecord | undefined> => {
    const [text, day] = asTexts(await runScript(redis, scripts.getKey, scripts.allKeys(""), [id]));
    return text == null ? undefined : toKey(text, day);
  };
  return {
    getKey,
    async findKey(hash) {
      const found = asTexts(await runScript(redis, scripts.findKey, scripts.allKeys(""), [hash]));
      const [key, day, tenant] = found;
      if (key == null || tenant == null) {
        await refuseIfEmptied(redis);
        return undefined;
      }
      return { key: toKey(key, day), tenant: toTenant(tenant) };
    },
    async touchLastUsedDay(uses) {
      const values = uses.flatMap(({ keyId, day }: KeyUse) => [keyId, day]);
      await runScript(redis, scripts.touchKeys, scripts.allKeys(""), values);
    },
    async listKeys(request) {
      const list = request.tenantId === undefined ? keys.keysByAge : keys.keysOf(request.tenantId);
      const ids = await listIds(redis, list, request);
      if (ids.length === 0) return [];
      const [texts, days] = await Promise.all([
        redis.call("HMGET", keys.keys, ...ids).then(asTexts),
        redis.call("HMGET", keys.lastUsedDays, ...ids).then(asTexts),
      ]);
      return texts.flatMap((text, at) => (text === null ? [] : toKey(text, days[at])));
    },
    async createKey(newKey) {
      const made = await runScript(
        redis,
        scripts.createKey,
        scripts.allKeys(newKey.key.tenantId),
        keyValues(newKey),
      );
      return made === 1 ? "created" : made === 0 ? "taken" : "no_tenant";
    },
    async updateKey(id, change) {
      const changed = await changeField(redis, keys.keys, id, (text) => {
        const key = toKey(text, undefined);
        return key.status === "active" ? { ...key, ...given(change) } : undefined;
      });
      return changed && getKey(id);
    },
    async rotateKey({ id, expiresAtMs, successor }) {
      for (;;) {
        const text = asText(await redis.call("HGET", keys.keys, id));
        const key = text === undefined ? undefined : toKey(text, undefined);
        if (text === undefined || key?.status !== "active" || key.rotatedTo !== null) {
          return "not_active";
        }
        const retired = {
          ...key,
          rotatedTo: successor.key.id,
          expiresAtMs: Math.min(expiresAtMs, key.expiresAtMs ?? Number.MAX_SAFE_INTEGER),
        };
        const rotated = await runScript(
          redis,
          scripts.rotateKey,
          scripts.allKeys(successor.key.tenantId),
          [...keyValues(successor), id, text, JSON.stringify(retired)],
        );
        if (rotated === 1) return "rotated";
        if (rotated === 0) return "not_active";
      }
    },
  } satisfies Partial<TenantStore>;
}

/**
 * A first start leaves a tenant or the platform's token. Where neither is, Redis was emptied, and that a key is not
 * there does not mean that it never was: a replica goes on serving those that it knows.
 */
async function refuseIfEmptied(redis: RedisCommands): Promise<void> {
  const found = await redis.call("EXISTS", keys.tenants, keys.adminTokenHash);
  if (found !== 0) return;
  throw new Failure(
    "store_unavailable",
    "Sentinel's Redis has lost its tenants and keys. The operator has to restore them from a backup.",
    { retryAfterMs: emptiedRetryMs },
  );
}
const emptiedRetryMs = 30_000;

function platformCalls(redis: RedisCommands) {
  return {
    async getAdminTokenHash() {
      return asText(await redis.call("GET", keys.adminTokenHash));
    },
    async putAdminTokenHash(hash) {
      await redis.call("SET", keys.adminTokenHash, hash);
    },
    async claimAdminTokenHash(hash) {
      await redis.call("SET", keys.adminTokenHash, hash, "NX");
      return asText(await redis.call("GET", keys.adminTokenHash)) ?? hash;
    },
  } satisfies Partial<TenantStore>;
}

/** The newest first, after the position. */
async function listIds(
  redis: RedisCommands,
  list: string,
  { limit, after }: ListRequest,
): Promise<string[]> {
  const from = after === undefined ? "+" : `(${byAge(after satisfies ListPosition)}`;
  const range = ["ZRANGE", list, from, "-", "BYLEX", "REV", "LIMIT", 0, limit] as const;
  const [command, ...values] = range;
  return present(asTexts(await redis.call(command, ...values))).map(idInMember);
}

/** Reads, changes and writes back unless someone else did in between; then again. */
async function changeField<Value extends object>(
  redis: RedisCommands,
  hash: string,
  field: string,
  change: (text: string) => Value | undefined,
): Promise<Value | undefined> {
  for (;;) {
    const text = asText(await redis.call("HGET", hash, field));
    const changed = text === undefined ? undefined : change(text);
    if (text === undefined || changed === undefined) return undefined;
    const next = JSON.stringify(changed);
    if ((await runScript(redis, scripts.replace, [hash], [field, text, next])) === 1)
      return changed;
  }
}

/** Only what a change names. */
function given<Change extends object>(
  change: Change,
): { [Name in keyof Change]: NonNullable<Change[Name]> } {
  const named = Object.entries(change).filter(([, value]) => value !== undefined);
  return Object.fromEntries(named) as { [Name in keyof Change]: NonNullable<Change[Name]> };
}

function keyValues({ key, hash }: NewKey): readonly (string | number)[] {
  return [key.id, hash, JSON.stringify(key), byAge(key), key.tenantId, key.lastUsedDay ?? ""];
}

const present = (texts: readonly (string | null)[]): string[] =>
  texts.filter((text) => text !== null);

const tenantJson = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(tenantStatuses),
  policy: policySchema,
  createdAtMs: z.number(),
});

const toTenant = (text: string): Tenant => tenantJson.parse(JSON.parse(text));

const keyJson = z.object({
  id: z.string(),
  tenantId: z.string(),
  name: z.string(),
  role: z.enum(roles),
  policy: policySchema,
  status: z.enum(["active", "revoked"]),
  masked: z.string(),
  expiresAtMs: z.number().nullable(),
  rotatedTo: z.string().nullable(),
  lastUsedDay: z.string().nullable(),
  createdBy: z.string(),
  createdAtMs: z.number(),
});

/** The day of last use is kept apart, because it changes by itself. */
const toKey = (text: string, day: string | null | undefined): KeyRecord => ({
  ...keyJson.parse(JSON.parse(text)),
  lastUsedDay: day ?? null,
});
