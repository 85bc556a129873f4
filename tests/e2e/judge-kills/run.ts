import { setTimeout as pause } from "node:timers/promises";

import { dayName } from "../../../src/jobs/capped-ask.ts";
import { nanoUsdFrom } from "../../../src/lib/usd.ts";
import { openAuditKeys } from "../../../src/stores/disk/audit-keys.ts";
import { verifyAuditFiles } from "../../../src/stores/sqlite/books/verify.ts";
import { startRedis } from "../../support/redis.ts";
import type { RedisServer } from "../../support/redis.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { Fleet } from "../kills/fleet.ts";
import { readJobs, readJudgeAccounts } from "./accounts.ts";
import type { JobFigures, JudgeAccounts } from "./accounts.ts";
import { startClients } from "./clients.ts";
import type { Clients } from "./clients.ts";
import { secretsIn } from "./calls.ts";
import { compare } from "./compare.ts";
import type { JudgeEvidence } from "./compare.ts";
import { findLeftovers, leftoverProblems } from "./leftovers.ts";
import type { Leftovers } from "./leftovers.ts";
import { judgeProofYaml } from "./prices.ts";
import { startJudgeProvider } from "./provider.ts";
import type { JudgeProvider } from "./provider.ts";
import { judgeTenants, makeJudgeTenants } from "./tenants.ts";

export interface JudgeProofOptions {
  readonly requests: number;
  /** SIGKILLs: the last of them when the clients are done and the judge is not, the others under load. */
  readonly kills: number;
  readonly clients: number;
  readonly seed: number;
  /** With Redis there are two gateways, and the one that is killed has the other beside it. */
  readonly store: "sqlite" | "redis";
  readonly onProgress?: (line: string) => void;
}

export interface JudgeProof {
  readonly problems: readonly string[];
  readonly accounts: JudgeAccounts;
  /** What the accounts were compared with. */
  readonly evidence: JudgeEvidence;
  readonly leftovers: Leftovers;
  readonly jobs: JobFigures;
  /** Of the load, of which a part is starts. */
  readonly loadMs: number;
  /** From the last call's end to a queue that is empty and accounts that agree. */
  readonly judgedMs: number;
  readonly complaints: readonly string[];
}

const adminToken = "proof-admin-token-0123456789abcdef";
const jobConcurrency = 8;
/** So soon after its death a process's jobs are another's. */
const leaseMs = 2_000;

/**
 * Gateways that judge, killed and started again while they do; then everything that clients, judge and accounts have is
 * laid side by side. The seed decides calls, pauses and victims; how they meet is the machine's.
 */
export async function runJudgeProof(options: JudgeProofOptions): Promise<JudgeProof> {
  const random = seededRandom(options.seed);
  await using opened = new AsyncDisposableStack();
  const provider = opened.use(await startJudgeProvider(random));
  const redis = options.store === "sqlite" ? undefined : opened.use(await startRedis());
  const fleet = opened.use(
    await Fleet.start({
      processes: redis === undefined ? 1 : 2,
      sharesFolder: true,
      yaml: judgeProofYaml(provider.url),
      env: {
        SENTINEL_ADMIN_TOKEN: adminToken,
        SENTINEL_CACHE: "off",
        SENTINEL_JOB_CONCURRENCY: String(jobConcurrency),
        SENTINEL_JOB_LEASE_MS: String(leaseMs),
        SENTINEL_JUDGE_BUDGET_USD: "1000",
        ...(redis === undefined ? {} : { SENTINEL_REDIS_URL: redis.url }),
      },
    }),
  );
  return await prove({ options, provider, redis, fleet, random });
}

interface Stage {
  readonly options: JudgeProofOptions;
  readonly provider: JudgeProvider;
  readonly redis: RedisServer | undefined;
  readonly fleet: Fleet;
  readonly random: () => number;
}

/**
 * Enough for some of the judging, also where each kill leaves what its calls had reserved; never for all of it, which is
 * two calls of 500 tokens at least for each of some 0.35 of the requests.
 */
const capUsd = (requests: number): string => (requests * 0.0002).toFixed(4);

async function prove(stage: Stage): Promise<JudgeProof> {
  const { options, provider, redis, fleet, random } = stage;
  const { requests, kills, clients: count } = options;
  const startDay = dayName(Date.now());
  const cap = capUsd(requests);
  const tenants = judgeTenants(cap);
  const keys = await makeJudgeTenants(await adminOf(stage), tenants);
  const loadStartMs = performance.now();
  const clients = startClients({ count, requests, fleet, tenants, keys, random });
  await killUnderLoad(stage, clients);
  await clients.done;
  const loadEndMs = performance.now();
  if (kills > 0) await killOne(stage, "all calls made");

  const evidence = {
    tenants,
    seen: clients.seen,
    calls: provider.calls,
    kills,
    capNanoUsd: BigInt(nanoUsdFrom(cap) ?? 0),
    days: startDay === dayName(Date.now()) ? 1 : 2,
  };
  const balanced = await untilBalanced(stage, evidence);
  const judgedMs = performance.now() - loadEndMs;
  const exits = await fleet.stop();
  const [dataDir = ""] = fleet.dataDirs;
  const leftovers = await findLeftovers(dataDir, redis);
  const problems = [
    ...balanced.problems,
    ...new Set(provider.complaints),
    ...leftoverProblems(leftovers),
    ...exits.flatMap(({ code }) => (code === 0 ? [] : [`a gateway ended with ${code ?? "none"}`])),
    ...(secretsIn(fleet.complaints.join("\n")).size > 0 ? ["judged text is in the log"] : []),
    ...(await chainProblems(dataDir)),
  ];
  return {
    problems: [...new Set(problems)],
    accounts: balanced.accounts,
    evidence,
    leftovers,
    jobs: balanced.jobs,
    loadMs: loadEndMs - loadStartMs,
    judgedMs,
    complaints: fleet.complaints,
  };
}

/** At moments drawn among the calls. */
async function killUnderLoad(stage: Stage, clients: Clients): Promise<void> {
  const { options, random, provider } = stage;
  const { requests, kills } = options;
  const moments = Array.from({ length: Math.max(0, kills - 1) }, () => 0.1 + random() * 0.8);
  for (const moment of moments.toSorted((left, right) => left - right)) {
    await until(
      "so many calls were made",
      loadMsMax,
      () => clients.seen.length >= moment * requests,
    );
    await until("calls are under way", patienceMs, () => provider.openCount > 0);
    await killOne(stage, `${clients.seen.length} calls made`);
  }
}

/** In the middle of judging; where the queue empties faster than it can be hit, it is hit when it is empty. */
async function killOne({ fleet, provider, random, options }: Stage, when: string): Promise<void> {
  const deadlineMs = performance.now() + 500;
  while (provider.openJudgeCount === 0 && performance.now() < deadlineMs) await pause(1);
  await pause(random() * 10);
  const seat = Math.floor(random() * fleet.size);
  const { openCount, openJudgeCount } = provider;
  await fleet.end(seat, "SIGKILL");
  const beganMs = performance.now();
  await fleet.start(seat);
  options.onProgress?.(
    `SIGKILL of gateway ${seat}, ${when}: ${openCount - openJudgeCount} calls and ${openJudgeCount} judgements ` +
      `under way; up again in ${Math.round(performance.now() - beganMs)} ms`,
  );
}

const patienceMs = 20_000;
const loadMsMax = 1_800_000;
/** A job that failed twice at the judge is tried again after up to 3 s, and those of the dead when their lease is over. */
const balanceMs = 60_000;

async function until(what: string, withinMs: number, isTrue: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!isTrue()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain until ${what}`);
    await pause(2);
  }
}

interface Balanced {
  readonly accounts: JudgeAccounts;
  readonly problems: readonly string[];
  readonly jobs: JobFigures;
}

/** Waits while the queue gets shorter, then compares until there is nothing to say any more, or too long. */
async function untilBalanced(stage: Stage, evidence: JudgeEvidence): Promise<Balanced> {
  const names = evidence.tenants.map(({ id }) => id);
  let deadlineMs = performance.now() + balanceMs;
  let least = Number.POSITIVE_INFINITY;
  for (;;) {
    const at = await adminOf(stage);
    const jobs = await readJobs(at);
    const left = jobs.waiting + jobs.running;
    const isOver = performance.now() > deadlineMs;
    if (left < least) {
      least = left;
      deadlineMs = performance.now() + balanceMs;
    }
    if (left === 0 || isOver) {
      const accounts = await readJudgeAccounts(at, names);
      const problems = compare(evidence, accounts);
      if (problems.length === 0) return { accounts, problems, jobs };
      if (isOver) {
        const waiting = left === 0 ? [] : [`${left} jobs are not done`];
        return { accounts, problems: [...waiting, ...problems], jobs };
      }
      stage.options.onProgress?.(
        `not yet: ${problems.length} differences, as ${problems[0] ?? ""}`,
      );
    } else stage.options.onProgress?.(`${left} jobs left`);
    await pause(200);
  }
}

const adminOf = async ({ fleet, random }: Stage) => ({
  url: (await fleet.anyone(random)).url,
  token: adminToken,
});

async function chainProblems(dataDir: string): Promise<string[]> {
  const { chainKey } = await openAuditKeys(dataDir, undefined);
  const { problems } = await verifyAuditFiles({ dataDir, chainKey });
  return problems.map(({ message }) => `chain: ${message}`);
}
