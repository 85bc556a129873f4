import { randomUUID } from "node:crypto";

import { z } from "zod";

import { deadMaxDefault, jobRoom } from "../../../jobs/job-store.ts";
import type {
  ClaimedJob,
  DeadJob,
  JobCounts,
  JobRoom,
  JobStore,
  NewJob,
  OpenJob,
} from "../../../jobs/job-store.ts";
import type { DayCaps } from "../../../jobs/day-caps.ts";
import { checkNewJobs } from "../../../jobs/new-job.ts";
import { orUnavailable } from "../books/store-failure.ts";
import type { RedisConnection } from "../open.ts";
import type { ScriptArgument } from "../script.ts";
import { redisDayCaps } from "./day-caps.ts";
import { enqueueJobs, enqueueScript } from "./enqueue.ts";
import { jobKeys, jobScript } from "./keys.ts";

export interface RedisJobStoreOptions {
  /** Of the purpose `reports`; stays its owner's. */
  readonly redis: RedisConnection;
  readonly room?: JobRoom | undefined;
}

/** So many jobs go to Redis in one script: it does nothing else meanwhile. */
const enqueuedAtOnce = 200;
/** Of these a claim looks at eleven sets each. */
const claimKindsMax = 10;
/** So many of each are forgotten at once. */
const prunedMax = 1_000;
/** A mark that is forgotten too early costs a replay that changes nothing. */
const marksKeptMs = 30 * 86_400_000;

const scripts = {
  claim: jobScript("claim"),
  heartbeat: jobScript("heartbeat"),
  complete: jobScript("complete"),
  fail: jobScript("fail"),
  release: jobScript("release"),
  cancel: jobScript("cancel"),
  counts: jobScript("counts"),
  listDead: jobScript("list-dead"),
  retryDead: jobScript("retry-dead"),
  prune: jobScript("prune"),
} as const;

/** Jobs and daily caps in Redis, for all replicas. Its calls reject with `store_unavailable` where it does not answer. */
export function redisJobStore({ redis, room = jobRoom }: RedisJobStoreOptions): JobStore & DayCaps {
  redis.preload([enqueueScript, ...Object.values(scripts)]);
  const run = (
    script: keyof typeof scripts,
    keys: readonly string[],
    args: readonly ScriptArgument[],
  ): Promise<unknown> => orUnavailable(() => redis.run(scripts[script], keys, args));
  const isOne = async (...call: Parameters<typeof run>): Promise<boolean> =>
    Number(await run(...call)) === 1;
  const { kinds, over, marks, markTimes, job } = jobKeys;
  return {
    ...redisDayCaps(redis),
    async enqueue(jobs) {
      let added = 0;
      for (const some of inPieces(checkNewJobs(jobs))) {
        const put = await orUnavailable(() => enqueueJobs(redis, some, { room }));
        added += put === "lost" ? 0 : put;
      }
      return added;
    },
    async claim(terms) {
      if (terms.limit < 1 || terms.kinds.length === 0) return [];
      const token = randomUUID();
      const claimed = [...new Set(terms.kinds)].slice(0, claimKindsMax);
      const keys = claimed.flatMap((kind) => [jobKeys.running(kind), ...queuesOf(kind)]);
      const args = [token, terms.worker, terms.leaseMs, terms.limit, ...claimed];
      return claimReply.parse(await run("claim", keys, args)).map((row) => toClaimed(row, token));
    },
    async heartbeat(leases, leaseMs) {
      if (leases.length === 0) return [];
      const keys = leases.map(({ id }) => job(id));
      const args = [leaseMs, ...leases.flatMap(({ id, token }) => [id, token])];
      return flags.parse(await run("heartbeat", keys, args)).map((flag) => flag === 1);
    },
    complete: ({ id, token }) => isOne("complete", [job(id), over], [id, token]),
    fail: ({ id, token }, { reason, retryInMs }) => {
      const later = retryInMs === undefined ? "" : Math.max(0, Math.ceil(retryInMs));
      return isOne("fail", [job(id)], [id, token, reason, later]);
    },
    async release(leases) {
      if (leases.length === 0) return 0;
      const keys = leases.map(({ id }) => job(id));
      const args = leases.flatMap(({ id, token }) => [id, token]);
      return Number(await run("release", keys, args));
    },
    find: (id) =>
      orUnavailable(async () => toOpen(id, await redis.client.hmget(job(id), ...openFields))),
    cancel: (id) => isOne("cancel", [over, job(id)], ["", id]),
    forget: async ({ ids }) => Number(await run("cancel", [over, ...ids.map(job)], ["1", ...ids])),
    counts: async () => countsReply.parse(await run("counts", [kinds], [])).map(toCounts),
    async listDead({ kind = "", tenantId = "", limit }) {
      return deadReply.parse(await run("listDead", [kinds], [kind, tenantId, limit])).map(toDead);
    },
    retryDead: (id) => isOne("retryDead", [job(id)], [id]),
    async prune({ overMs, deadMs, deadMax = deadMaxDefault }) {
      const keys = [kinds, over, marks, markTimes];
      const args = [overMs, deadMs, marksKeptMs, prunedMax, deadMax];
      return Number(await run("prune", keys, args));
    },
  };
}

const queuesOf = (kind: string): string[] =>
  Array.from({ length: 10 }, (_, priority) => jobKeys.waiting(kind, priority));

function inPieces(jobs: readonly NewJob[]): (readonly NewJob[])[] {
  return Array.from({ length: Math.ceil(jobs.length / enqueuedAtOnce) }, (_, at) =>
    jobs.slice(at * enqueuedAtOnce, (at + 1) * enqueuedAtOnce),
  );
}

/** Redis gives numbers of hashes as text, and its own as numbers. */
const number = z.coerce.number().int();
const flags = z.array(z.number());

const claimReply = z.array(
  z.tuple([z.string(), z.string(), z.string(), number, z.string(), number, number, number]),
);

function toClaimed(
  [id, kind, tenantId, priority, payload, attempt, round, enqueuedAtMs]: z.infer<
    typeof claimReply
  >[number],
  token: string,
): ClaimedJob {
  return { id, token, kind, tenantId, priority, payload, attempt, round, enqueuedAtMs };
}

const openFields = ["k", "t", "b", "n", "s"] as const;
const stateOf = { w: "waiting", r: "running", x: "dead" } as const;
const openReply = z.tuple([z.string(), z.string(), z.string(), number, z.enum(["w", "r", "x"])]);

/** Without a kind there is none. */
function toOpen(id: string, reply: readonly (string | null)[]): OpenJob | undefined {
  if (reply[0] === null) return undefined;
  const [kind, tenantId, payload, round, state] = openReply.parse(reply);
  return { id, kind, tenantId, payload, round, state: stateOf[state] };
}

const countsReply = z.array(z.tuple([z.string(), number, number, number, number, number]));

function toCounts([kind, waiting, delayed, running, dead, oldest]: z.infer<
  typeof countsReply
>[number]): JobCounts {
  return { kind, waiting, delayed, running, dead, oldestMs: oldest < 0 ? undefined : oldest };
}

const deadReply = z.array(
  z.tuple([z.string(), z.string(), z.string(), z.string(), number, number, number, number]),
);

function toDead([id, kind, tenantId, reason, attempts, round, enqueuedAtMs, diedAtMs]: z.infer<
  typeof deadReply
>[number]): DeadJob {
  return { id, kind, tenantId, reason, attempts, round, enqueuedAtMs, diedAtMs };
}
