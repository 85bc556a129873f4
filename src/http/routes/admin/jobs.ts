import { Hono } from "hono";
import type { Context } from "hono";

import { Failure } from "../../../errors.ts";
import { dayName } from "../../../jobs/capped-ask.ts";
import type { DayCaps } from "../../../jobs/day-caps.ts";
import type { DeadJob, JobCounts, JobStore } from "../../../jobs/job-store.ts";
import type { Clock } from "../../../lib/clock.ts";
import { usdText } from "../../../lib/usd.ts";
import type { AdminChange, OnAdminChange } from "../../admin-change.ts";
import type { AppEnv } from "../../context.ts";
import type { Page } from "../../cursor-page.ts";
import { requirePlatform } from "../../middleware/require-admin.ts";
import { bad, readCount, readText, refuseUnknown } from "../../report-query.ts";
import { toSeconds } from "./fields.ts";

export interface JobRoutesDeps {
  readonly store: Pick<JobStore, "counts" | "listDead" | "retryDead">;
  /** Takes a job out, and writes down that it was; resolves to whether there was one. */
  readonly cancel: (id: string, signal: AbortSignal) => Promise<boolean>;
  readonly caps: Pick<DayCaps, "spent">;
  readonly clock: Pick<Clock, "epochMs">;
  readonly onChange?: OnAdminChange;
}

const deadMax = 100;
const deadDefault = 20;
/** There is one for each tenant that has work judged; those that spent most are shown. */
const capsMax = 100;

/** `/admin/v1/jobs`, for the platform admin: what is done beside requests. What the jobs are about is never shown. */
export function jobRoutes(deps: JobRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.use(requirePlatform);
  routes.get("/", (c) => showJobs(c, deps));
  routes.get("/dead", (c) => listDead(c, deps));
  routes.post("/dead/:id/retry", (c) => retry(c, deps));
  routes.delete("/:id", (c) => cancel(c, deps));
  return routes;
}

async function showJobs(c: Context<AppEnv>, { store, caps, clock }: JobRoutesDeps) {
  refuseUnknown(c.req.query(), []);
  const day = dayName(clock.epochMs());
  const [counts, spent] = await Promise.all([store.counts(), caps.spent(day)]);
  const most = spent.toSorted((a, b) => b.nanoUsd - a.nanoUsd || b.tokens - a.tokens);
  return c.json({
    object: "jobs",
    counts: counts.map(presentCounts),
    caps: {
      day,
      data: most.slice(0, capsMax).map(({ id, nanoUsd, tokens }) => ({
        id,
        spent_usd: usdText(nanoUsd),
        tokens,
      })),
      has_more: most.length > capsMax,
    },
  });
}

function presentCounts({ kind, waiting, delayed, running, dead, oldestMs }: JobCounts) {
  return { kind, waiting, delayed, running, dead, oldest_seconds: toSeconds(oldestMs ?? null) };
}

async function listDead(c: Context<AppEnv>, { store }: JobRoutesDeps) {
  const query = (name: string): string | undefined => c.req.query(name);
  refuseUnknown(c.req.query(), ["kind", "tenant", "limit"]);
  const limit = readCount(query, "limit", { min: 1, max: deadMax }) ?? deadDefault;
  const kind = readText(query, "kind", 64);
  if (kind !== undefined && !/^[a-z0-9-]+$/.test(kind)) {
    throw bad("kind", "must be a kind of jobs, such as judge");
  }
  const tenantId = readText(query, "tenant", 64);
  const found = await store.listDead({ kind, tenantId, limit: limit + 1 });
  const page: Page<ReturnType<typeof presentDead>> = {
    object: "list",
    data: found.slice(0, limit).map(presentDead),
    has_more: found.length > limit,
    // The latest are what somebody looks for; of more of them one cause is to be mended, and not each by itself.
    next_cursor: null,
  };
  return c.json(page);
}

function presentDead(job: DeadJob) {
  return {
    object: "job" as const,
    id: job.id,
    kind: job.kind,
    tenant: job.tenantId,
    status: "dead" as const,
    reason: job.reason,
    attempts: job.attempts,
    round: job.round,
    enqueued_at: toSeconds(job.enqueuedAtMs),
    died_at: toSeconds(job.diedAtMs),
  };
}

async function retry(c: Context<AppEnv, "/dead/:id/retry">, deps: JobRoutesDeps) {
  const id = c.req.param("id");
  if (!isId(id) || !(await deps.store.retryDead(id))) {
    const message = "No such job is dead. GET /admin/v1/jobs/dead lists those that are.";
    throw new Failure("not_found", message);
  }
  changed(deps, "job.retried", id);
  return c.json({ id, object: "job.retried", retried: true });
}

async function cancel(c: Context<AppEnv, "/:id">, deps: JobRoutesDeps) {
  const id = c.req.param("id");
  if (!isId(id) || !(await deps.cancel(id, c.req.raw.signal))) {
    const message = "There is no such job, or it is over. GET /admin/v1/jobs/dead lists dead ones.";
    throw new Failure("not_found", message);
  }
  changed(deps, "job.cancelled", id);
  return c.json({ id, object: "job.cancelled", cancelled: true });
}

/** What no job is called, no store is asked for. */
const isId = (id: string): boolean => /^[^\p{Cc}]{1,200}$/u.test(id);

function changed(deps: JobRoutesDeps, action: AdminChange["action"], subject: string): void {
  deps.onChange?.({ action, by: "platform", subject });
}
