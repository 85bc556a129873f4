import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

import { systemClock } from "../../lib/clock.ts";
import type { Clock } from "../../lib/clock.ts";
import { periodIdsOf } from "../../pipeline/limits/budget-periods.ts";
import { bookKeyPattern, controlKeyPattern } from "./backup-format.ts";
import type { BackupHeader, BackupKey } from "./backup-format.ts";
import { bookKeys, hourMs, hourText } from "./books/keys.ts";
import { keysOf } from "./limits/keys.ts";
import { scanKeys } from "./masters.ts";
import type { RedisConnection } from "./open.ts";

export interface BackupOptions {
  readonly redis: RedisConnection;
  readonly path: string;
  readonly clock?: Clock;
}

/**
 * Writes what lives in Redis alone to a file that only its owner can read: tenants, keys, policies, providers,
 * prices, budgets and usage. Audit records are in the audit files. It runs beside the gateways: each tenant's
 * budgets, its last hours and which requests are counted in them are read in one step, so that a journal that
 * is replayed after a restore adds what came later and nothing twice. Rejects if the file is there.
 */
export async function exportRedis({
  redis,
  path,
  clock = systemClock,
}: BackupOptions): Promise<{ readonly keys: number }> {
  await using file = await open(path, "wx", 0o600);
  const header: BackupHeader = {
    format: "sentinel-redis-backup",
    version: 1,
    made_at: new Date(clock.epochMs()).toISOString(),
  };
  await writeLine(file, header);
  let keys = 0;
  const write = async (found: readonly BackupKey[]): Promise<void> => {
    for (const each of found) await writeLine(file, each);
    keys += found.length;
  };
  const tenants = new Map<string, Set<string>>();
  const written = new Set<string>();
  const recentFrom = hourText(clock.epochMs() - recentHours * hourMs);
  for await (const some of scanKeys(redis, "{*}:*")) {
    for (const key of some) {
      const place = placeOf(key, recentFrom);
      if (place.kind === "none" || written.has(key)) continue;
      // A scan may give a key twice; only the many hours that are over are not remembered, and reading them twice is harmless.
      if (place.kind === "control") written.add(key);
      else noteTenant(tenants, place);
      if (place.kind === "recent") continue;
      await write(await readKey(redis, key));
    }
  }
  for (const [tenantId, budgets] of tenants) {
    await write(await readTenant(redis, tenantId, budgets, clock.epochMs()));
  }
  await writeLine(file, { keys });
  await file.sync();
  return { keys };
}

/** Journals are kept for an hour unless they are set to be kept longer; of older hours nothing is counted any more. */
const recentHours = 3;

type KeyPlace =
  | { readonly kind: "none" }
  | { readonly kind: "control" }
  | { readonly kind: "over" | "recent"; readonly tenantId: string; readonly budget?: string };

function placeOf(key: string, recentFrom: string): KeyPlace {
  if (controlKeyPattern.test(key)) return { kind: "control" };
  const [, tenantId, kind, rest = ""] = bookKeyPattern.exec(key) ?? [];
  if (tenantId === undefined) return { kind: "none" };
  if (kind === "b") return { kind: "recent", tenantId, budget: key };
  const isRecent = rest >= recentFrom.slice(0, rest.length);
  return { kind: isRecent ? "recent" : "over", tenantId };
}

function noteTenant(
  tenants: Map<string, Set<string>>,
  { tenantId, budget }: { readonly tenantId: string; readonly budget?: string },
): void {
  const budgets = tenants.get(tenantId) ?? new Set();
  if (budget !== undefined) budgets.add(budget);
  tenants.set(tenantId, budgets);
}

/** Empty if it went meanwhile. */
async function readKey({ client }: RedisConnection, key: string): Promise<BackupKey[]> {
  const type = await client.type(key);
  const expiry = expiryOf(await client.pexpiretime(key));
  switch (type) {
    case "none":
      return [];
    case "string": {
      const value = await client.get(key);
      return value === null ? [] : [{ key, type, value, ...expiry }];
    }
    case "hash": {
      const fields: Record<string, string> = await client.hgetall(key);
      return [{ key, type, value: Object.entries(fields), ...expiry }];
    }
    case "zset":
      return [
        { key, type, value: inPairs(await client.zrange(key, "0", "-1", "WITHSCORES")), ...expiry },
      ];
    case "set":
      return [{ key, type, value: await client.smembers(key), ...expiry }];
    default:
      throw new Error(
        `The key ${key} is a ${type}, which Sentinel did not make. Delete it or rename it.`,
      );
  }
}

/** Budgets, the last hours and the ids counted in them, as of one instant. */
async function readTenant(
  { client }: RedisConnection,
  tenantId: string,
  knownBudgets: ReadonlySet<string>,
  nowMs: number,
): Promise<BackupKey[]> {
  const hours = Array.from({ length: recentHours + 2 }, (_, index) => nowMs + (1 - index) * hourMs);
  const placed = hours.map((startMs) => bookKeys(tenantId, startMs));
  const hashes = new Set([
    ...knownBudgets,
    ...hours.flatMap((startMs) => periodIdsOf(startMs).map(keysOf(tenantId).budget)),
    ...placed.flatMap(({ usage, tags, judge }) => [usage, tags, judge]),
  ]);
  const counted = placed.map(({ records }) => records);
  const transaction = client.multi();
  for (const key of hashes) {
    transaction.hgetall(key);
    transaction.pexpiretime(key);
  }
  for (const key of counted) {
    transaction.hkeys(key);
    transaction.pexpiretime(key);
  }
  const replies = (await transaction.exec()) ?? [];
  return [...hashes, ...counted].flatMap((key, at): BackupKey[] => {
    const [error, content] = replies[at * 2] ?? [];
    if (error instanceof Error) throw error;
    const expiry = expiryOf(Number(replies[at * 2 + 1]?.[1] ?? -1));
    if (at >= hashes.size) {
      const value = (content ?? []) as string[];
      return value.length === 0 ? [] : [{ key, type: "counted", value, ...expiry }];
    }
    const fields = Object.entries((content ?? {}) as Record<string, string>);
    // What is held belongs to requests that run now, and will not then.
    const value = fields.filter(([field]) => !(isBudget(key) && field.startsWith("h:")));
    return value.length === 0 ? [] : [{ key, type: "hash", value, ...expiry }];
  });
}

const isBudget = (key: string): boolean => bookKeyPattern.exec(key)?.[2] === "b";

const expiryOf = (epochMs: number): { expires_at_ms?: number } =>
  epochMs > 0 ? { expires_at_ms: epochMs } : {};

function inPairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [
    flat[at * 2] ?? "",
    flat[at * 2 + 1] ?? "",
  ]);
}

async function writeLine(file: FileHandle, content: unknown): Promise<void> {
  await file.appendFile(`${JSON.stringify(content)}\n`);
}
