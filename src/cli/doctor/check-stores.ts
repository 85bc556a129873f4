import type { Settings } from "../../config/settings.ts";
import type { DatabaseState } from "../../wiring-cli.ts";
import { byteText, grouped } from "../table.ts";
import type { ClockReading } from "./check-machine.ts";
import { ok, warn, fail } from "./finding.ts";
import type { Finding } from "./finding.ts";

export function judgeDatabases(states: readonly DatabaseState[]): readonly Finding[] {
  if (states.length === 0) return [ok("sqlite", "no databases yet; the first start makes them")];
  return states.map(({ name, fault }) =>
    fault === undefined
      ? ok("sqlite", `${name} is whole`)
      : fail(
          "sqlite",
          `${name}: ${fault}`,
          "Stop Sentinel and restore it from a backup (`sentinel backup --help`).",
        ),
  );
}

export interface JournalState {
  readonly bytes: number;
  readonly writers: number;
  readonly ownerless: number;
  readonly quarantined: number;
}

export function judgeJournal(
  { bytes, writers, ownerless, quarantined }: JournalState,
  { accounting }: Pick<Settings, "accounting">,
  isRunning: boolean,
): readonly Finding[] {
  if (writers === 0) return [ok("journal", "empty")];
  const { journalBytesMax } = accounting;
  const what = `${byteText(bytes)} of at most ${byteText(journalBytesMax)}, ${writers} ${writers === 1 ? "writer" : "writers"}`;
  const findings =
    bytes > journalBytesMax / 2
      ? [
          warn(
            "journal",
            `${what}: a store does not take what it has`,
            "Look at /health and the log for the store that is behind.",
          ),
        ]
      : [ok("journal", what)];
  if (ownerless > 0 && isRunning) {
    findings.push(
      warn(
        "journal",
        `${ownerless} of its writers have died, and nobody has taken over what they left`,
        "The running gateway does within a minute. If this stays, restart it.",
      ),
    );
  }
  if (quarantined > 0) {
    findings.push(
      warn(
        "journal",
        `${grouped(String(quarantined))} lines could not be read or kept: journal-quarantine/ has them with the reason`,
        "Look at them, then delete the files. Lines that are torn come from a power cut or a failing disk.",
      ),
    );
  }
  return findings;
}

export interface ServerState {
  readonly name: string;
  readonly version: string;
  readonly pingMs: number;
  readonly aheadMs: number;
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
  readonly warnings: readonly string[];
}

/** Requests wait at most 50 ms for Redis: with a slower one they are counted by each process alone. */
const pingWarnMs = 10;
const pingFailMs = 50;
const memoryWarnShare = 0.8;

export function judgeRedis(servers: readonly ServerState[]): readonly Finding[] {
  return servers.flatMap((server) => {
    const { name, version, pingMs, memoryBytes, memoryBytesMax, warnings } = server;
    const limit = memoryBytesMax === 0 ? "no limit" : `of ${byteText(memoryBytesMax)}`;
    const what = `${name}: version ${version}, ${pingMs.toFixed(1)} ms away, ${byteText(memoryBytes)} ${limit}`;
    const findings: Finding[] = [judgeLatency(what, pingMs)];
    if (memoryBytesMax > 0 && memoryBytes > memoryBytesMax * memoryWarnShare) {
      findings.push(
        warn(
          "redis",
          `${name}: memory is nearly full; when it is, writes are refused`,
          "Raise maxmemory, or lower SENTINEL_AUDIT_REDIS_HOURS.",
        ),
      );
    }
    return [...findings, ...warnings.map((sentence) => warn("redis", sentence))];
  });
}

function judgeLatency(what: string, pingMs: number): Finding {
  const fix = "Put Redis near the gateways: the same zone, not across regions.";
  if (pingMs >= pingFailMs) return fail("redis", what, fix);
  return pingMs >= pingWarnMs ? warn("redis", what, fix) : ok("redis", what);
}

export const redisClocks = (servers: readonly ServerState[]): readonly ClockReading[] =>
  servers.map(({ name, aheadMs, pingMs }) => ({
    source: `Redis ${name}`,
    aheadMs,
    uncertainMs: pingMs / 2,
  }));
