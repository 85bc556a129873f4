import { setTimeout as pause } from "node:timers/promises";

import { openAuditKeys } from "../../../src/stores/disk/audit-keys.ts";
import { verifyAuditFiles } from "../../../src/stores/sqlite/books/verify.ts";
import { startRedis } from "../../support/redis.ts";
import type { RedisServer } from "../../support/redis.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { heldInRedis, readAccounts } from "./accounts.ts";
import type { Accounts } from "./accounts.ts";
import { startClients } from "./clients.ts";
import type { Seen } from "./clients.ts";
import { compare, cutByTerm } from "./compare.ts";
import type { Evidence } from "./compare.ts";
import { proveExactRoom } from "./exact-room.ts";
import { Fleet } from "./fleet.ts";
import { proofYaml } from "./priced-calls.ts";
import { makeTenants } from "./proof-tenants.ts";
import { startProofProvider } from "./provider.ts";
import type { ProofProvider } from "./provider.ts";

export interface KillProofOptions {
  readonly seed: number;
  /** SIGKILLs under load. */
  readonly kills: number;
  /** SIGTERMs under load, in between. */
  readonly terms: number;
  readonly store: "sqlite" | "redis";
  /** More than one only with Redis. */
  readonly processes: number;
  /** Whether several processes use one data directory. */
  readonly sharesFolder: boolean;
  readonly clients: number;
  /** How long there is load before each kill: by chance between the two. */
  readonly loadMs: readonly [number, number];
  /** With Redis that takes up to a minute after the last kill: until then the dead hold what they had reserved. */
  readonly provesNothingHeld: boolean;
  /** For each kill: how likely the start after it is killed as well. */
  readonly startKillChance: number;
  readonly onProgress?: (line: string) => void;
}

export interface KillProof {
  readonly problems: readonly string[];
  readonly seen: readonly Seen[];
  readonly accounts: Accounts;
  /** What the accounts were compared with. */
  readonly evidence: Evidence;
  readonly kills: number;
  readonly startKills: number;
  readonly terms: number;
  /** From the end of the load to accounts that agree. */
  readonly balancedMs: number;
  /** From the last start until nothing was held; undefined: something always was, or nobody looked. */
  readonly freedMs: number | undefined;
  readonly chainRecords: number;
  readonly complaints: readonly string[];
}

const adminToken = "proof-admin-token-0123456789abcdef";

/** A shared store finds leases of the dead over after a minute. */
const heldMs = { sqlite: 0, redis: 90_000 };
/** What was served is to be readable, everywhere, so soon after the load: dead writers are looked for every 15 s. */
const balanceMs = 40_000;

/**
 * Gateways under load, killed and started again; then everything that clients, provider and accounts have is laid
 * side by side. The seed decides calls, pauses and victims; how they meet is the machine's.
 */
export async function runKillProof(options: KillProofOptions): Promise<KillProof> {
  await using opened = new AsyncDisposableStack();
  const provider = opened.use(await startProofProvider());
  const redis = options.store === "sqlite" ? undefined : opened.use(await startRedis());
  const fleet = opened.use(
    await Fleet.start({
      processes: options.processes,
      sharesFolder: options.sharesFolder,
      yaml: proofYaml(provider.url),
      env: {
        SENTINEL_ADMIN_TOKEN: adminToken,
        ...(redis === undefined ? {} : { SENTINEL_REDIS_URL: redis.url }),
      },
    }),
  );
  return await prove({ options, provider, redis, fleet, random: seededRandom(options.seed) });
}

interface Stage {
  readonly options: KillProofOptions;
  readonly provider: ProofProvider;
  readonly redis: RedisServer | undefined;
  readonly fleet: Fleet;
  readonly random: () => number;
}

async function prove(stage: Stage): Promise<KillProof> {
  const { options, provider, redis, fleet, random } = stage;
  const problems: string[] = [];
  const keys = await makeTenants(await adminOf(stage));
  const clients = startClients({ count: options.clients, fleet, keys, random });
  const startKills = await killAgainAndAgain(stage, problems);
  const lastStartMs = performance.now();
  await pause(between(options.loadMs, random));
  await clients.stop();
  await untilIdle(stage);

  const evidence = { seen: [...clients.seen], reached: provider.reached, runs: fleet.runs };
  const stopMs = performance.now();
  const balanced = await untilBalanced(stage, evidence);
  const balancedMs = performance.now() - stopMs;
  problems.push(...balanced.problems, ...cutByTerm(clients));

  let freedMs: number | undefined;
  if (options.provesNothingHeld) {
    const room = await proveNothingHeld(stage, lastStartMs);
    evidence.seen.push(...room.seen);
    problems.push(...room.problems);
    freedMs = room.freedMs;
  }
  const { accounts, problems: last } = await untilBalanced(stage, evidence);
  problems.push(...last);
  if (options.provesNothingHeld) problems.push(...(await stillHeld(redis)));
  for (const { code } of await fleet.stop()) {
    if (code !== 0) problems.push(`a gateway ended with exit code ${code ?? "none"}`);
  }
  const chain = await verifyChains(fleet);
  problems.push(...chain.problems);
  const recorded = [...accounts.records.values()].flat().length;
  if (chain.records !== recorded) {
    problems.push(`${chain.records} records in audit files, ${recorded} in /v1/audit`);
  }
  return {
    problems: [...new Set(problems)],
    seen: evidence.seen,
    accounts,
    evidence,
    kills: options.kills,
    startKills,
    terms: options.terms,
    balancedMs,
    freedMs,
    chainRecords: chain.records,
    complaints: fleet.complaints,
  };
}

async function proveNothingHeld(stage: Stage, lastStartMs: number) {
  const { options, fleet, random } = stage;
  const run = await fleet.anyone(random);
  let freedMs: number | undefined;
  const room = await proveExactRoom({
    at: await adminOf(stage, run.url),
    run,
    accounts: () => accountsOf(stage),
    waitMs: Math.max(0, lastStartMs + heldMs[options.store] - performance.now()),
    onFree: () => {
      freedMs = performance.now() - lastStartMs;
    },
  });
  return { ...room, freedMs };
}

async function stillHeld(redis: RedisServer | undefined): Promise<string[]> {
  const held = redis === undefined ? 0n : await heldInRedis(redis);
  return held === 0n ? [] : [`${held} nano-dollars are held by nobody`];
}

/** Ends one gateway after the other, in the middle of what it does. Resolves to how many starts were killed too. */
async function killAgainAndAgain(stage: Stage, problems: string[]): Promise<number> {
  const { options, fleet, random, provider } = stage;
  const signals = signalsOf(options);
  let startKills = 0;
  for (const [index, signal] of signals.entries()) {
    await pause(between(options.loadMs, random));
    await until("calls are under way", () => provider.openCount > 0);
    const seat = Math.floor(random() * fleet.size);
    const calls = provider.openCount;
    const exit = await fleet.end(seat, signal);
    if (signal === "SIGTERM" && exit.code !== 0) {
      problems.push(`SIGTERM: exit code ${exit.code ?? "none"}`);
    }
    const killedStarts = signal === "SIGKILL" ? await killStarts(stage, seat) : 0;
    startKills += killedStarts;
    const beganMs = performance.now();
    await fleet.start(seat);
    const tookMs = Math.round(performance.now() - beganMs);
    const after = killedStarts === 0 ? "" : `, of its next ${killedStarts} starts`;
    options.onProgress?.(
      `${index + 1}/${signals.length}: ${signal} of gateway ${seat}${after}, ${calls} calls under way; up again in ${tookMs} ms`,
    );
  }
  return startKills;
}

/** The orderly ends are spread among the others. */
function signalsOf({ kills, terms }: KillProofOptions): ("SIGKILL" | "SIGTERM")[] {
  const count = kills + terms;
  return Array.from({ length: count }, (_, index) =>
    Math.floor(((index + 1) * terms) / count) > Math.floor((index * terms) / count)
      ? "SIGTERM"
      : "SIGKILL",
  );
}

/** About as long as a start takes. */
const startMs = 1_200;

async function killStarts({ options, fleet, random }: Stage, seat: number): Promise<number> {
  let killed = 0;
  for (; random() < options.startKillChance; killed += 1) {
    await fleet.killWhileStarting(seat, Math.floor(random() * startMs));
  }
  return killed;
}

const between = ([least, most]: readonly [number, number], random: () => number): number =>
  least + random() * (most - least);

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!(await isTrue())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain until ${what}`);
    await pause(5);
  }
}

async function untilIdle({ fleet, provider }: Stage): Promise<void> {
  await until("no call is under way", async () => {
    if (provider.openCount > 0) return false;
    for (const url of fleet.urls) {
      const health = (await (await fetch(`${url}/health`)).json()) as Record<string, unknown>;
      if (health["inflight_requests"] !== 0) return false;
    }
    return true;
  });
}

/** Compares until there is nothing to say any more, or too long. */
async function untilBalanced(
  stage: Stage,
  evidence: Evidence,
): Promise<{ readonly accounts: Accounts; readonly problems: readonly string[] }> {
  const deadlineMs = performance.now() + balanceMs;
  for (;;) {
    const accounts = await accountsOf(stage);
    const problems = compare(evidence, accounts);
    if (problems.length === 0 || performance.now() > deadlineMs) return { accounts, problems };
    stage.options.onProgress?.(`not yet: ${problems.length} differences, as ${problems[0] ?? ""}`);
    await pause(250);
  }
}

async function accountsOf(stage: Stage): Promise<Accounts> {
  const { fleet, redis } = stage;
  const [dataDir = ""] = fleet.dataDirs;
  return readAccounts(await adminOf(stage), { dataDir, redis });
}

async function adminOf({ fleet, random }: Stage, url?: string) {
  return { url: url ?? (await fleet.anyone(random)).url, token: adminToken };
}

async function verifyChains({ dataDirs }: Fleet) {
  const problems: string[] = [];
  let records = 0;
  for (const dataDir of dataDirs) {
    const { chainKey } = await openAuditKeys(dataDir, undefined);
    const report = await verifyAuditFiles({ dataDir, chainKey });
    records += report.records;
    problems.push(...report.problems.map(({ message }) => `chain: ${message}`));
  }
  return { records, problems };
}
