import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import { pidPath, readPidFile } from "../../src/pid-file.ts";
import type { PidFile } from "../../src/pid-file.ts";

/** What became of the gateway that runs with a data directory when it was told to read its file anew. */
export type ReloadResult =
  | { readonly kind: "reloaded"; readonly url: string }
  | { readonly kind: "refused"; readonly url: string }
  | { readonly kind: "not-running" }
  /** It may run, but it must not be signalled, or does not say what came of it. */
  | { readonly kind: "unknown"; readonly why: string };

/** Signals the gateway and waits until it says how that ended. */
export async function reloadRunning(dataDir: string): Promise<ReloadResult> {
  const found = await readPidFile(dataDir);
  if (found === undefined) return { kind: "not-running" };
  const why = await whyNotOurs(found, dataDir);
  if (why !== undefined) return why;
  process.kill(found.pid, "SIGHUP");
  const giveUpTickMs = performance.now() + reloadMs;
  while (performance.now() < giveUpTickMs) {
    const now = await readPidFile(dataDir);
    if (now?.pid !== found.pid) return { kind: "not-running" };
    if (now.reloads.count > found.reloads.count) {
      return { kind: now.reloads.last === "refused" ? "refused" : "reloaded", url: found.url };
    }
    await sleep(lookEveryMs);
  }
  return { kind: "unknown", why: `process ${found.pid} did not say within ${reloadMs / 1_000} s` };
}

const reloadMs = 10_000;
const lookEveryMs = 50;
const answerMs = 2_000;

/** SIGHUP ends most programs, so it goes only to a process that is alive, here, and answers as Sentinel does. */
async function whyNotOurs(found: PidFile, dataDir: string): Promise<ReloadResult | undefined> {
  if (found.host !== hostname()) {
    const why = `${pidPath(dataDir)} was written on ${found.host}; reload it there with: kill -HUP ${found.pid}`;
    return { kind: "unknown", why };
  }
  if (!isAlive(found.pid) || !(await isSentinel(found.url))) return { kind: "not-running" };
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // Gone, or another user's: not for us to signal either way.
  }
}

async function isSentinel(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${reachable(url)}/health`, {
      signal: AbortSignal.timeout(answerMs),
    });
    const health: unknown = await response.json();
    return typeof health === "object" && health !== null && "inflight_requests" in health;
  } catch {
    return false; // Nobody answers there, or nobody that speaks JSON.
  }
}

/** Where a listener on all addresses can be asked from here. */
const reachable = (url: string): string =>
  url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
