import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

/**
 * `sentinel.pid` in the data directory: which process runs, for whoever wants to signal it. Its first line is
 * the process id alone, as `kill -HUP $(head -1 data/sentinel.pid)` needs it; the others say where, at which
 * address, how the last reload ended, and at which address the control plane is if that has one of its own.
 */
export interface PidFile {
  readonly pid: number;
  /** A process id means something on its own machine, or in its own container, only. */
  readonly host: string;
  readonly url: string;
  readonly adminUrl: string | undefined;
  readonly reloads: Reloads;
}

export interface Reloads {
  readonly count: number;
  readonly last: "none" | "done" | "refused";
}

export function pidPath(dataDir: string): string {
  return join(dataDir, "sentinel.pid");
}

/** This process's. Whoever reads sees the old file or the new one. */
export async function writePidFile(
  dataDir: string,
  { url, adminUrl, reloads }: Pick<PidFile, "url" | "adminUrl" | "reloads">,
): Promise<void> {
  const path = pidPath(dataDir);
  const unfinished = `${path}.${randomUUID()}`;
  const reloaded = `reloads ${reloads.count} ${reloads.last}`;
  const lines = [
    process.pid,
    hostname(),
    url,
    reloaded,
    ...(adminUrl === undefined ? [] : [adminUrl]),
  ];
  try {
    await writeFile(unfinished, `${lines.join("\n")}\n`);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Undefined where there is none, or none that can be understood. */
export async function readPidFile(dataDir: string): Promise<PidFile | undefined> {
  const text = await readFile(pidPath(dataDir), "utf8").catch(() => ""); // None: nothing runs.
  const [pid, host, url, reloads, adminUrl] = text.split("\n");
  const [, count, last] = /^reloads (\d+) (none|done|refused)$/.exec(reloads ?? "") ?? [];
  if (!/^\d+$/.test(pid ?? "") || !host || !url || count === undefined) return undefined;
  const outcome = last === "done" || last === "refused" ? last : "none";
  return {
    pid: Number(pid),
    host,
    url,
    adminUrl: adminUrl === "" ? undefined : adminUrl,
    reloads: { count: Number(count), last: outcome },
  };
}

/** At the end; a process that started since has put its own in the place. */
export async function removePidFile(dataDir: string): Promise<void> {
  const kept = await readPidFile(dataDir);
  if (kept?.pid === process.pid && kept.host === hostname()) {
    await rm(pidPath(dataDir), { force: true });
  }
}
