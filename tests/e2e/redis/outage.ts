import { setTimeout as pause } from "node:timers/promises";

import type { FaultProxy } from "../../support/fault-proxy.ts";
import type { RedisServer } from "../../support/redis.ts";
import { untilTrue } from "../../support/redis.ts";
import { introduce } from "./fleet.ts";
import type { Fleet, FleetTenant } from "./fleet.ts";
import { degradedParts, ledgerProblems } from "./ledger.ts";
import type { LedgerQuestion, Seen } from "./ledger.ts";
import { ask, startLoad } from "./load.ts";

/** Something that goes wrong with Redis for a while. */
export interface Fault {
  readonly name: string;
  /** False: requests are to notice nothing at all. */
  readonly isOutage: boolean;
  begin(stage: FaultStage): unknown;
  end(stage: FaultStage): unknown;
}

export interface FaultStage {
  readonly redis: RedisServer;
  readonly proxy: FaultProxy;
}

const outage = (name: string, begin: Fault["begin"], end: Fault["end"]): Fault => ({
  name,
  isOutage: true,
  begin,
  end,
});

export const faults: readonly Fault[] = [
  outage(
    "killed",
    ({ redis }) => redis.kill(),
    ({ redis }) => redis.restart(),
  ),
  outage(
    "stopped",
    ({ redis }) => {
      redis.pause();
    },
    ({ redis }) => {
      redis.resume();
    },
  ),
  outage(
    "a black hole",
    ({ proxy }) => {
      proxy.blackHole();
    },
    ({ proxy }) => {
      proxy.heal();
    },
  ),
  outage(
    "200 ms away",
    ({ proxy }) => {
      proxy.delay(200);
    },
    ({ proxy }) => {
      proxy.heal();
    },
  ),
  outage(
    "full",
    ({ redis }) => redis.command("CONFIG", "SET", "maxmemory", "1mb"),
    ({ redis }) => redis.command("CONFIG", "SET", "maxmemory", 0),
  ),
  {
    name: "restarted",
    isOutage: false,
    begin: ({ redis }) => redis.restart(),
    end: () => undefined,
  },
  {
    name: "without its scripts",
    isOutage: false,
    begin: ({ redis }) => redis.command("SCRIPT", "FLUSH"),
    end: () => undefined,
  },
  {
    name: "cut off for a moment",
    isOutage: false,
    begin: ({ proxy }) => {
      proxy.reset();
    },
    end: () => undefined,
  },
];

export interface OutageOptions extends FaultStage {
  readonly fleet: Fleet;
  readonly fault: Fault;
  /** So long Redis is gone. */
  readonly faultMs: number;
  /** So long all is well before and after. */
  readonly quietMs: number;
}

export interface OutageProof {
  readonly fault: string;
  readonly problems: readonly string[];
  readonly requests: number;
  /** Medians, in milliseconds. */
  readonly healthyMs: number;
  /** From the healthy median to the 95th in a hundred: what the machine does by itself. */
  readonly spreadMs: number;
  /** Of those that waited for a Redis that does not answer. */
  readonly waitedMs: number;
  readonly openMs: number;
  /** From the fault's end until all is well. */
  readonly recoveredMs: number;
  /** How often a hard budget's share was used up. */
  readonly refused: number;
}

const wide = { requests_per_minute: 600_000, tokens_per_minute: 500_000_000 };
const hard = (limit: string) => [
  { period: "total", kind: "hard", limit_usd: limit, alert_at_percent: [] },
];

/** More than its clients ever spend. */
const tightUsdPerSecond = 0.01;

/** The load goes on before, during and after the fault; then all the books are compared. */
export async function proveOutage(options: OutageOptions): Promise<OutageProof> {
  const { fleet, fault, faultMs, quietMs, redis } = options;
  const gateway = fleet.first;
  const rated = await fleet.newTenant({ limits: { ...wide, concurrent_requests: 500 } });
  const roomy = await fleet.newTenant({ limits: wide, budgets: hard("1000") });
  // Lasts until the end, and its share does not last through the fault.
  const tightUsd = (tightUsdPerSecond * (faultMs + 2 * quietMs)) / 1_000;
  const tight = await fleet.newTenant({ budgets: hard(tightUsd.toFixed(6)) });
  const soft = await fleet.newTenant({
    budgets: [{ period: "total", kind: "soft", limit_usd: "0.001", alert_at_percent: [] }],
  });
  // Of which the gateway knows nothing when Redis goes.
  const unknown = await fleet.newTenant({});

  const known = [rated, roomy, tight, soft];
  for (const tenant of known) await introduce(tenant, [gateway]);

  const load = startLoad(gateway.url, known);
  await pause(quietMs);
  const beganMs = performance.now();
  await fault.begin(options);
  const stranger = await ask(gateway.url, unknown);
  await pause(Math.max(0, beganMs + faultMs - performance.now()));
  const parts = await degradedParts(gateway);
  const endMs = performance.now();
  await fault.end(options);
  await untilTrue(`all is well after Redis was ${fault.name}`, async () => {
    return (await degradedParts(gateway)).length === 0;
  });
  const wellMs = performance.now();
  await pause(quietMs);
  await load.stop();

  const seen = [...load.seen, stranger];
  const tenants = [...known, unknown].map(({ id }) => id);
  const moments = { beganMs, endMs, wellMs };
  const problems = [
    ...clientProblems({ seen, tight, unknown, moments, fault }),
    ...(fault.isOutage && !parts.includes("limits") ? ["/health does not name the limits"] : []),
    ...(await untilBalanced({ gateway, redis, tenants, seen })),
  ];
  return {
    fault: fault.name,
    problems,
    requests: seen.length,
    ...times(seen, new Set([rated.id, roomy.id]), moments),
    recoveredMs: wellMs - endMs,
    refused: seen.filter(({ tenant, status }) => tenant === tight.id && status === 503).length,
  };
}

interface Moments {
  readonly beganMs: number;
  readonly endMs: number;
  readonly wellMs: number;
}

interface ClientQuestion {
  readonly seen: readonly Seen[];
  readonly tight: FleetTenant;
  readonly unknown: FleetTenant;
  readonly moments: Moments;
  readonly fault: Fault;
}

/** What clients may not meet, by the degradation table. */
function clientProblems(question: ClientQuestion): string[] {
  const { seen, unknown, moments, fault } = question;
  const problems = new Set<string>();
  for (const one of seen) {
    if (one.status !== 200 && !mayBeRefused(one, question))
      problems.add(refusalText(one, question));
  }
  const before = seen.filter(({ startedMs, tookMs }) => startedMs + tookMs < moments.beganMs);
  const early = before.filter(({ degraded }) => degraded.length > 0).length;
  // A machine that is very busy may keep Redis from answering in time, and one late answer is remembered for a while.
  if (early > before.length / 2) problems.add(`${early} of ${before.length} were degraded before`);
  const during = seen.filter(
    ({ tenant, status, startedMs }) =>
      tenant !== unknown.id &&
      status === 200 &&
      startedMs > moments.beganMs + knownAfterMs &&
      startedMs < moments.endMs,
  );
  const untold = during.filter(({ degraded }) => !degraded.includes("limits")).length;
  // One that began just before Redis was found out says nothing yet.
  if (fault.isOutage && untold > during.length / 20) {
    problems.add(`${untold} of ${during.length} answers do not name what is down`);
  }
  return [...problems];
}

/** A hard budget fails closed, and so does a key of which nothing is known. */
const mayBeRefused = (one: Seen, { tight, unknown, moments }: ClientQuestion): boolean =>
  (one.tenant === tight.id || one.tenant === unknown.id) &&
  one.status === 503 &&
  one.code === "store_unavailable" &&
  one.startedMs + one.tookMs >= moments.beganMs &&
  one.startedMs <= moments.wellMs + calmAfterMs;

function refusalText(
  { tenant, status, message, startedMs, tookMs }: Seen,
  { tight, unknown, moments: { beganMs, wellMs } }: ClientQuestion,
): string {
  const sinceMs = Math.round(startedMs - beganMs);
  const whose = tenant === tight.id ? "tight" : tenant === unknown.id ? "unknown" : "roomy";
  const wellAfterMs = Math.round(wellMs - beganMs);
  return `${sinceMs} ms after it began (well again after ${wellAfterMs} ms), a client of a ${whose} tenant was answered ${status} after ${Math.round(tookMs)} ms: ${message ?? ""}`;
}

/** So long a busy machine may yet keep Redis, and all who come back at once, from answering in time. */
const calmAfterMs = 1_000;
/** By then the breaker has opened. */
const knownAfterMs = 400;

function times(
  seen: readonly Seen[],
  tenants: ReadonlySet<string>,
  { beganMs, endMs }: Moments,
): Pick<OutageProof, "healthyMs" | "spreadMs" | "waitedMs" | "openMs"> {
  const whole = seen.filter(
    ({ tenant, isStream, status }) => tenants.has(tenant) && !isStream && status === 200,
  );
  const healthy = whole.filter(({ startedMs, tookMs }) => startedMs + tookMs < beganMs);
  const first = whole.filter(
    ({ startedMs, tookMs }) => startedMs + tookMs > beganMs && startedMs < beganMs + 60,
  );
  const open = whole.filter(
    ({ startedMs }) => startedMs > beganMs + knownAfterMs && startedMs < endMs,
  );
  const healthyMs = partMs(healthy, 0.5);
  return {
    healthyMs,
    spreadMs: partMs(healthy, 0.95) - healthyMs,
    waitedMs: partMs(first, 0.5),
    openMs: partMs(open, 0.5),
  };
}

/** So many of them, of one, took no longer. */
const partMs = (some: readonly Seen[], part: number): number =>
  some.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)[Math.floor(some.length * part)] ?? 0;

/** The books are fed at their own speed. */
const balanceMs = 15_000;

async function untilBalanced(question: LedgerQuestion): Promise<readonly string[]> {
  const deadlineMs = performance.now() + balanceMs;
  for (;;) {
    const problems = await ledgerProblems(question);
    if (problems.length === 0 || performance.now() > deadlineMs) return problems;
    await pause(100);
  }
}

export const outageText = (proof: OutageProof): string =>
  [
    proof.fault.padEnd(22),
    `${proof.requests} requests`.padEnd(15),
    `healthy ${proof.healthyMs.toFixed(1)} ms (+${proof.spreadMs.toFixed(1)})`,
    `waited ${proof.waitedMs.toFixed(1)} ms`,
    `open ${proof.openMs.toFixed(1)} ms`,
    `well after ${proof.recoveredMs.toFixed(0)} ms`,
    `share used up ${proof.refused}×`,
    ...proof.problems.map((problem) => `\n  ${problem}`),
  ].join("  ");
