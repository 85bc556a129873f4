import { existsSync, readdirSync } from "node:fs";
import { chmod, copyFile, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";

import { auditKeyPath } from "../../disk/audit-keys.ts";
import { syncFolder } from "../../disk/disk-sync.ts";
import { auditFolder, dayFilePath, listDays } from "./day-files.ts";
import { openToRead } from "./open-file.ts";

export interface BackupReport {
  /** Relative to the target. */
  readonly files: readonly string[];
}

/**
 * Copies everything that a restore needs into a new folder, while the gateway runs: each database as it was at an
 * instant, the ledger before the audit files, so that a record may be in the copy of the audit and not yet counted,
 * and never the other way round: the journal, which stays where it is, brings the rest.
 *
 * `jobs.db` is left out: it is a queue, with texts that are to be judged and then deleted, and a copy of it would do
 * again what was done since.
 *
 * To restore: stop Sentinel, put the copies in the place of `meta.db`, `ledger.db` and `audit/` (with none of the old
 * `-wal` and `-shm` files), leave `journal/` as it is, and start. `audit.key` is copied, so keep the copy as safe as
 * the original; SENTINEL_MASTER_KEY and `credentials.json` are not.
 */
export async function backupDatabases(options: {
  readonly dataDir: string;
  readonly target: string;
}): Promise<BackupReport> {
  const { dataDir, target } = options;
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new Error(`${target} is not empty. Name a new folder: a backup never replaces another.`);
  }
  const unfinished = `${resolve(target)}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(auditFolder(unfinished), { recursive: true, mode: 0o700 });
  try {
    const files = await copyAll(dataDir, unfinished);
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
    await syncFolder(dirname(resolve(target)));
    return { files };
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw new Error(`The backup to ${target} failed: ${String(error)}`, { cause: error });
  }
}

/** The order matters: see above. `chain.db` is last, so that it knows of every file that was removed meanwhile. */
async function copyAll(dataDir: string, target: string): Promise<string[]> {
  const audit = auditFolder(dataDir);
  const copied: string[] = [];
  const copyThose = async (paths: readonly string[]): Promise<void> => {
    for (const path of paths) {
      const name = relative(dataDir, path);
      if (await copyDatabase(path, join(target, name))) copied.push(name);
    }
  };
  const dayFiles = (): string[] =>
    (["audit", "payloads"] as const).flatMap((kind) =>
      listDays(dataDir, kind).map((day) => dayFilePath(dataDir, kind, day)),
    );
  const first = dayFiles();
  await copyThose([
    join(dataDir, "meta.db"),
    join(dataDir, "ledger.db"),
    join(audit, "marks.db"),
    ...first,
    join(audit, "chain.db"),
  ]);
  // A day that has begun meanwhile: its file would be missed, as `chain.db` may know of it.
  await copyThose(dayFiles().filter((path) => !first.includes(path)));
  const keyPath = auditKeyPath(dataDir);
  if (existsSync(keyPath)) {
    const name = relative(dataDir, keyPath);
    await copyFile(keyPath, join(target, name));
    await finish(join(target, name));
    copied.push(name);
  }
  await syncFolder(auditFolder(target));
  await syncFolder(target);
  return copied;
}

/** False where there is none: with Redis there is no ledger, and a file's time may have been over meanwhile. */
async function copyDatabase(path: string, copy: string): Promise<boolean> {
  const connection = openToRead(path);
  if (connection === undefined) return false;
  try {
    await connection.copyTo(copy);
  } finally {
    connection.close();
  }
  await finish(copy);
  return true;
}

async function finish(path: string): Promise<void> {
  await chmod(path, 0o600);
  await using file = await open(path, "r");
  await file.sync();
}
