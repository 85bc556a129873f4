import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { byteText, grouped } from "../table.ts";
import { ok, warn, fail } from "./finding.ts";
import type { Finding } from "./finding.ts";

const mebibyte = 1_048_576;
const freeWarnBytes = 1_024 * mebibyte;
const freeFailBytes = 100 * mebibyte;
const inodesWarn = 10_000;
const inodesFail = 100;

/** The data directory: there, writable, private, on a disk with room. */
export async function checkDisk(dataDir: string): Promise<readonly Finding[]> {
  if (!(await isThere(dataDir))) return [await checkFuture(dataDir)];
  const [room, writable, own] = await Promise.all([
    statfs(dataDir),
    checkWritable(dataDir),
    checkPermissions(dataDir),
  ]);
  return [judgeRoom(dataDir, room), ...judgeFileSystem(dataDir, room.type), ...writable, ...own];
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined; // Not to be seen is as good as not there.
}

/** Where it will be made. */
async function checkFuture(dataDir: string): Promise<Finding> {
  let parent = dirname(resolve(dataDir));
  while (!(await isThere(parent)) && parent !== dirname(parent)) parent = dirname(parent);
  try {
    await access(parent, constants.W_OK | constants.X_OK);
    return ok("disk", `${dataDir} is not there yet; the first start makes it`);
  } catch {
    return fail(
      "disk",
      `${dataDir} is not there, and this user may not make it in ${parent}`,
      "Make it and give it to Sentinel's user, or set SENTINEL_DATA_DIR.",
    );
  }
}

export interface Room {
  readonly bsize: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

export function judgeRoom(dataDir: string, room: Room): Finding {
  const freeBytes = room.bavail * room.bsize;
  // Some file systems make inodes as they go, and count none.
  const inodes = room.files === 0 ? Number.POSITIVE_INFINITY : room.ffree;
  const counted = inodes === Number.POSITIVE_INFINITY ? "" : `, ${grouped(String(inodes))} inodes`;
  const what = `${byteText(freeBytes)} free${counted} for ${dataDir}`;
  const fix = "Make room, or shorten SENTINEL_AUDIT_RETENTION_DAYS and SENTINEL_JOURNAL_MAX_BYTES.";
  if (freeBytes < freeFailBytes || inodes < inodesFail) return fail("disk", what, fix);
  if (freeBytes < freeWarnBytes || inodes < inodesWarn) return warn("disk", what, fix);
  return ok("disk", what);
}

/** By their magic numbers in statfs(2). */
const networkFileSystems: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB 2",
  0x01021997: "9p",
};

export function judgeFileSystem(dataDir: string, type: number): readonly Finding[] {
  const name = networkFileSystems[type >>> 0];
  if (name === undefined) return [];
  return [
    warn(
      "disk",
      `${dataDir} is on ${name}: SQLite's log and the journal's locks need a disk of this machine`,
      "Put SENTINEL_DATA_DIR on a local disk or a block volume.",
    ),
  ];
}

async function checkWritable(dataDir: string): Promise<readonly Finding[]> {
  const path = join(dataDir, `doctor-${randomUUID()}`);
  try {
    await writeFile(path, "doctor", { flag: "wx", mode: 0o600 });
    return [];
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const fix =
      code === "ENOSPC"
        ? "Make room."
        : "Give it to the user who runs Sentinel, for example with chown -R.";
    return [fail("disk", `${dataDir} cannot be written (${code})`, fix)];
  } finally {
    await rm(path, { force: true });
  }
}

/** What holds secrets, or what tenants did. */
const privateFiles = ["credentials.json", "audit.key", "meta.db", "ledger.db"];
const othersMask = 0o077;

async function checkPermissions(dataDir: string): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let checked = 0;
  for (const name of privateFiles) {
    const path = join(dataDir, name);
    const found = await stat(path).catch(() => undefined); // Not there yet.
    if (found === undefined) continue;
    checked += 1;
    if ((found.mode & othersMask) !== 0) {
      const mode = (found.mode & 0o777).toString(8);
      findings.push(
        fail("permissions", `${path} has mode ${mode}: others can read it`, `chmod 600 ${path}`),
      );
    }
    const owner = process.geteuid?.();
    if (owner !== undefined && owner !== 0 && found.uid !== owner) {
      findings.push(
        warn(
          "permissions",
          `${path} belongs to user ${found.uid}, and you are ${owner}`,
          "Run the doctor, and Sentinel, as the same user.",
        ),
      );
    }
  }
  if (findings.length > 0 || checked === 0) return findings;
  return [ok("permissions", `${checked} files with secrets are for their owner alone`)];
}
