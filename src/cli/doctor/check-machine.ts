import { readFile } from "node:fs/promises";

import type { Settings } from "../../config/settings.ts";
import { grouped } from "../table.ts";
import { ok, warn, fail } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** The oldest that runs Sentinel: it strips types, and has what `using` needs. */
const nodeFloor = [24, 15] as const;

export function checkNode(version: string, sqlite: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const isEnough = major > nodeFloor[0] || (major === nodeFloor[0] && minor >= nodeFloor[1]);
  if (isEnough) return ok("node", `Node ${version} with SQLite ${sqlite}`);
  return fail(
    "node",
    `Node ${version} is too old`,
    "Start Sentinel with `npm start` or `sentinel start`: they run the Node that `npm install` put beside it.",
  );
}

/** A request has two connections: its client's and the provider's. */
const descriptorsPerRequest = 2;
const ownDescriptors = 500;

/** Empty where the system does not tell. */
export async function checkDescriptors({ limits }: Settings): Promise<readonly Finding[]> {
  const text = await readFile("/proc/self/limits", "utf8").catch(() => ""); // Linux alone has it.
  const most = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1];
  return most === undefined ? [] : [judgeDescriptors(most, limits.inflightMax)];
}

export function judgeDescriptors(most: string, inflightMax: number): Finding {
  const needed = inflightMax * descriptorsPerRequest + ownDescriptors;
  const shown = most === "unlimited" ? most : grouped(most);
  if (most === "unlimited" || Number(most) >= needed)
    return ok("descriptors", `${shown} open files`);
  const fitting = Math.max(0, Math.floor((Number(most) - ownDescriptors) / descriptorsPerRequest));
  return warn(
    "descriptors",
    `${shown} open files are enough for about ${grouped(String(fitting))} requests at the same time; SENTINEL_MAX_INFLIGHT is ${grouped(String(inflightMax))}`,
    `Raise the limit (ulimit -n ${needed}; LimitNOFILE=${needed} for systemd), or set SENTINEL_MAX_INFLIGHT=${Math.max(1, fitting)}.`,
  );
}

/** So far a clock may be off before limits, budgets' days and ids suffer. */
const clockWarnMs = 2_000;
const clockFailMs = 30_000;

export interface ClockReading {
  readonly source: string;
  /** How far that clock is ahead of ours. */
  readonly aheadMs: number;
  /** How far off the reading itself may be. */
  readonly uncertainMs: number;
}

/** Of several clocks the middle one is believed. */
export function checkClock(readings: readonly ClockReading[], askedCount: number): Finding {
  if (askedCount === 0)
    return ok("clock", "not compared: there is no provider and no Redis to ask");
  const ascending = [...readings].sort((left, right) => left.aheadMs - right.aheadMs);
  const middle = ascending[Math.floor(ascending.length / 2)];
  if (middle === undefined) {
    return warn("clock", "nobody answered to compare with", "Look at `date -u` yourself.");
  }
  const off = Math.max(0, Math.abs(middle.aheadMs) - middle.uncertainMs);
  const direction = middle.aheadMs > 0 ? "behind" : "ahead of";
  const amount = `${(Math.abs(middle.aheadMs) / 1_000).toFixed(1)} s ${direction} ${middle.source}`;
  const fix = "Let the system keep time: timedatectl set-ntp true, or chrony.";
  if (off < clockWarnMs) return ok("clock", `agrees with ${middle.source}`);
  return off < clockFailMs ? warn("clock", amount, fix) : fail("clock", amount, fix);
}

const dateMs = 5_000;

/** The `Date` header of whoever answers at an address, whatever else it says. Undefined if nobody does. */
export async function clockOf(source: string, url: string): Promise<ClockReading | undefined> {
  try {
    const sentMs = Date.now();
    const response = await fetch(url, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(dateMs),
    });
    const tookMs = Date.now() - sentMs;
    const theirsMs = Date.parse(response.headers.get("date") ?? "");
    if (Number.isNaN(theirsMs)) return undefined;
    // The header has whole seconds: on average half of one has passed.
    const aheadMs = theirsMs + 500 - (sentMs + tookMs / 2);
    return { source, aheadMs, uncertainMs: 500 + tookMs / 2 };
  } catch {
    return undefined; // Whether it can be reached is for the check of providers to say.
  }
}
