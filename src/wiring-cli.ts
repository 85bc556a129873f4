import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";

import type { ProviderConfig } from "./config/gateway-config.ts";
import type { Settings } from "./config/settings.ts";
import { defaultDeadlines } from "./providers/deadlines.ts";
import { ListRefused } from "./providers/fetch-list.ts";
import { openPools } from "./providers/transport/pools.ts";
import { auditKeyPath, openAuditKeys } from "./stores/disk/audit-keys.ts";
import { inspectJournal } from "./stores/disk/inspect-journal.ts";
import type { JournalState } from "./stores/disk/inspect-journal.ts";
import type { ServerState } from "./stores/redis/inspect.ts";
import type { RedisConnection } from "./stores/redis/open.ts";
import { backupDatabases } from "./stores/sqlite/books/backup.ts";
import { exportCheckpoints, parseCheckpoints } from "./stores/sqlite/books/checkpoints.ts";
import { verifyAuditFiles } from "./stores/sqlite/books/verify.ts";
import type { VerifyReport } from "./stores/sqlite/books/verify.ts";
import { databaseFault, sqliteVersion } from "./stores/sqlite/inspect.ts";
import { maskSecret } from "./tenants/api-key.ts";
import { adapterOf } from "./wiring-adapters.ts";

/** What the commands do that open files and stores themselves, past the gateway. */

/** `exported`: checkpoints that were exported before, as text. */
export async function verifyAudit(
  { dataDir, masterKey, store, accounting }: Settings,
  exported: string | undefined,
): Promise<VerifyReport> {
  if (masterKey === undefined && !existsSync(auditKeyPath(dataDir))) {
    throw new Error(
      `The key is missing: set SENTINEL_MASTER_KEY as the gateway has it, or put its audit.key into ${dataDir}.`,
    );
  }
  const checkpoints = exported === undefined ? [] : parseCheckpoints(exported);
  const { chainKey, formerChainKey } = await openAuditKeys(dataDir, masterKey);
  const isKept = store === "sqlite" || accounting.hasAuditFiles;
  return verifyAuditFiles({ dataDir, chainKey, formerChainKey, checkpoints, isKept });
}

export const auditCheckpoints = (dataDir: string): Iterable<string> => exportCheckpoints(dataDir);

export interface BackupWritten {
  /** Below the target. */
  readonly files: readonly string[];
  /** How many keys of Redis are in `redis.jsonl`; undefined with the embedded store. */
  readonly redisKeys: number | undefined;
}

const redisBackupName = "redis.jsonl";

/** Online. What lives in Redis comes after the files, whose journal brings what is newer. */
export async function backUp(settings: Settings, target: string): Promise<BackupWritten> {
  const { dataDir } = settings;
  const { files } = await backupDatabases({ dataDir, target });
  if (settings.store !== "redis") return { files, redisKeys: undefined };
  const { exportRedis } = await import("./stores/redis/backup.ts");
  const path = join(resolve(target), redisBackupName);
  try {
    const { keys } = await withRedis(settings, (redis) => exportRedis({ redis, path }));
    return { files: [...files, redisBackupName], redisKeys: keys };
  } catch (error) {
    await rm(path, { force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${target} has the files of ${dataDir}, and not what is in Redis, so it is no whole backup. ${why}`,
      { cause: error },
    );
  }
}

/** From a backup's folder, or its file. */
export async function restoreRedis(
  settings: Settings,
  from: string,
): Promise<{ readonly keys: number }> {
  const inFolder = join(from, redisBackupName);
  const path = existsSync(inFolder) ? inFolder : from;
  if (!existsSync(path)) throw new Error(`${path} does not exist.`);
  const { importRedis } = await import("./stores/redis/restore.ts");
  return withRedis(settings, (redis) => importRedis({ redis, path }));
}

async function withRedis<Result>(
  { redisUrls = [] }: Settings,
  work: (redis: RedisConnection) => Promise<Result>,
): Promise<Result> {
  const { openRedis } = await import("./stores/redis/open.ts");
  const told: string[] = [];
  const log = {
    info: () => undefined,
    // What a start would log, and go on without.
    warn: (...words: unknown[]) => void told.push(String(words.at(-1))),
  };
  await using redis = await openRedis({ urls: redisUrls, purpose: "reports", log });
  if (!redis.isReady) throw new Error(told.at(-1) ?? "Redis does not answer.");
  return await work(redis);
}

export const journalState = (dataDir: string): Promise<JournalState> => inspectJournal(dataDir);

export async function redisState(settings: Settings): Promise<readonly ServerState[]> {
  const { inspectServers } = await import("./stores/redis/inspect.ts");
  return withRedis(settings, inspectServers);
}

export interface DatabaseState {
  readonly name: string;
  readonly fault: string | undefined;
}

/** Those that are there, each read once as a whole: they are small beside the audit files. */
export function databaseStates(dataDir: string): readonly DatabaseState[] {
  return ["meta.db", "ledger.db", "jobs.db"]
    .filter((name) => existsSync(join(dataDir, name)))
    .map((name) => ({ name, fault: databaseFault(join(dataDir, name)) }));
}

export { sqliteVersion };

/** What became of asking a provider for its models with one of its keys. Costs nothing. */
export interface KeyCheck {
  /** As the log shows it; empty where the provider has no key. */
  readonly key: string;
  readonly outcome: "listed" | "no list" | "refused" | "unreachable";
  readonly models: number;
  readonly status: number | undefined;
  readonly detail: string;
}

/** Undefined where nothing can be asked without paying. */
export async function checkProvider(
  config: ProviderConfig,
  callMs: number,
): Promise<readonly KeyCheck[] | undefined> {
  const { type, name, baseUrl, headers, forwardHeaders, apiVersion, keepAliveMs } = config;
  if (type === "demo") return undefined;
  const connectMs = config.deadlines.connectMs ?? defaultDeadlines.connectMs;
  const { origin } = new URL(baseUrl);
  const pools = openPools({ origin, connectMs: Math.min(connectMs, callMs), keepAliveMs });
  const checks: KeyCheck[] = [];
  try {
    for (const apiKey of config.apiKeys.length === 0 ? [undefined] : config.apiKeys) {
      const apiKeys = apiKey === undefined ? [] : [apiKey];
      const options = { name, baseUrl, apiKeys, headers, forwardHeaders, pools };
      const { fetchModels } = adapterOf({ type, apiVersion }, options);
      if (fetchModels === undefined) return undefined;
      const key = apiKey === undefined ? "" : maskSecret(apiKey);
      checks.push({ key, ...(await outcomeOf(fetchModels(AbortSignal.timeout(callMs)))) });
    }
  } finally {
    await pools.destroy();
  }
  return checks;
}

async function outcomeOf(list: Promise<readonly unknown[]>): Promise<Omit<KeyCheck, "key">> {
  try {
    const models = (await list).length;
    return { outcome: "listed", models, status: 200, detail: "" };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const cause = error instanceof Error ? error.cause : undefined;
    if (!(cause instanceof ListRefused)) {
      return { outcome: "unreachable", models: 0, status: undefined, detail };
    }
    // Google says 400 of a key that it does not know.
    const isRefused =
      cause.status === 401 ||
      cause.status === 403 ||
      (cause.status === 400 && cause.says(/api[ _]?key/i));
    return { outcome: isRefused ? "refused" : "no list", models: 0, status: cause.status, detail };
  }
}
