import { Hono } from "hono";
import { expect, test } from "vitest";

import { toFailure } from "../../../src/errors.ts";
import type { AdminChange } from "../../../src/http/admin-change.ts";
import type { AppEnv, Identity } from "../../../src/http/context.ts";
import { jobRoutes } from "../../../src/http/routes/admin/jobs.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { aJob, MemoryJobStore } from "../../support/memory-job-store.ts";

const platform: Identity = { kind: "platform" };
const tenantAdmin: Identity = {
  kind: "key",
  caller: { tenantId: "acme", keyId: "k", role: "admin", policies: [] },
};

/** The routes over jobs in memory, and caps of one day. */
function openLab(identity = platform) {
  const clock = manualClock();
  const store = new MemoryJobStore(clock);
  const changes: AdminChange[] = [];
  const days: string[] = [];
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    c.set("identity", identity);
    await next();
  });
  const caps = {
    spent: (day: string) => {
      days.push(day);
      return Promise.resolve([
        { id: "judge:acme", nanoUsd: 1_500_000_000, tokens: 900 },
        { id: "judge", nanoUsd: 2_000_000_001, tokens: 1_000 },
      ]);
    },
  };
  const onChange = (change: AdminChange) => changes.push(change);
  app.route(
    "/admin/v1/jobs",
    jobRoutes({ store, cancel: (id) => store.cancel(id), caps, clock, onChange }),
  );
  app.onError((thrown) => {
    const { body, status } = toFailure(thrown);
    return Response.json({ error: body }, { status });
  });
  const ask = async (what: string) => {
    const [method = "", path = ""] = what.split(" ");
    const response = await app.request(`/admin/v1/jobs${path}`, { method });
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, body };
  };
  const die = async (id: string, fields = {}) => {
    await store.enqueue([aJob({ id, ...fields })]);
    const kinds = ["judge", "anchor"];
    const [job] = await store.claim({ kinds, worker: "w", leaseMs: 60_000, limit: 1 });
    clock.advance(1_000);
    await store.fail(job ?? { id, token: "" }, { reason: "rate_limited" });
  };
  return { store, clock, changes, days, ask, die };
}

test("the platform admin sees how many jobs there are by kind, and what the day's caps have come to", async () => {
  const lab = openLab();
  await lab.store.enqueue([aJob(), aJob({ id: "judge:2:x", delayMs: 60_000 })]);
  lab.clock.advance(90_500);
  const { status, body } = await lab.ask("GET ");
  expect(status).toBe(200);
  expect(body).toEqual({
    object: "jobs",
    counts: [{ kind: "judge", waiting: 2, delayed: 0, running: 0, dead: 0, oldest_seconds: 90 }],
    caps: {
      day: "2026-01-31",
      data: [
        { id: "judge", spent_usd: "2.000000001", tokens: 1_000 },
        { id: "judge:acme", spent_usd: "1.500000000", tokens: 900 },
      ],
      has_more: false,
    },
  });
  expect(lab.days).toEqual(["2026-01-31"]);
});

test("dead jobs are listed, the latest first, by kind and tenant, without what they are about", async () => {
  const lab = openLab();
  await lab.die("judge:1:relevance");
  await lab.die("judge:2:relevance", { tenantId: "other" });
  await lab.die("anchor:1", { kind: "anchor" });
  const ids = (body: Record<string, unknown>) =>
    (body["data"] as { readonly id: string }[]).map(({ id }) => id);

  const all = await lab.ask("GET /dead");
  expect(ids(all.body)).toEqual(["anchor:1", "judge:2:relevance", "judge:1:relevance"]);
  expect(JSON.stringify(all.body)).not.toContain("secret");
  expect(all.body["data"]).toContainEqual({
    object: "job",
    id: "judge:2:relevance",
    kind: "judge",
    tenant: "other",
    status: "dead",
    reason: "rate_limited",
    attempts: 1,
    round: 1,
    enqueued_at: Math.floor(lab.clock.epochMs() / 1_000) - 2,
    died_at: Math.floor(lab.clock.epochMs() / 1_000) - 1,
  });
  expect(ids((await lab.ask("GET /dead?kind=judge&tenant=acme")).body)).toEqual([
    "judge:1:relevance",
  ]);
  const first = (await lab.ask("GET /dead?limit=1")).body;
  expect([ids(first), first["has_more"]]).toEqual([["anchor:1"], true]);
});

test("a dead job is tried again, once, and the change is told", async () => {
  const lab = openLab();
  const id = "judge:1:a/b";
  await lab.die(id);
  const path = `/dead/${encodeURIComponent(id)}/retry`;
  expect((await lab.ask(`POST ${path}`)).body).toEqual({
    id,
    object: "job.retried",
    retried: true,
  });
  expect(lab.store.look(id)).toMatchObject({ state: "waiting", round: 2 });
  expect((await lab.ask(`POST ${path}`)).status).toBe(404);
  expect(lab.changes).toEqual([{ action: "job.retried", by: "platform", subject: id }]);
});

test("a job is cancelled, once, and what nobody knows is not found", async () => {
  const lab = openLab();
  await lab.store.enqueue([aJob()]);
  const path = `/${encodeURIComponent("judge:1:relevance")}`;
  expect((await lab.ask(`DELETE ${path}`)).body).toMatchObject({ cancelled: true });
  expect(lab.store.look("judge:1:relevance")).toMatchObject({ state: "cancelled", payload: "" });
  expect((await lab.ask(`DELETE ${path}`)).status).toBe(404);
  expect((await lab.ask(`DELETE /${"x".repeat(201)}`)).status).toBe(404);
  expect(lab.changes).toHaveLength(1);
});

test.each([
  ["GET /dead?limit=101", "limit"],
  ["GET /dead?kind=Judge!", "kind"],
  ["GET /dead?tennant=a", "tennant"],
  ["GET ?kind=judge", "kind"],
])("%s is refused, naming %s", async (what, param) => {
  const { status, body } = await openLab().ask(what);
  expect(status).toBe(400);
  expect(body["error"]).toMatchObject({ param });
});

test("a query where there is none to be had is refused in words that make sense", async () => {
  const { body } = await openLab().ask("GET ?state=dead");
  const message = "'state' is not known here; there is nothing to ask for.";
  expect(body["error"]).toMatchObject({ message });
});

test.each(["GET ", "GET /dead", "POST /dead/x/retry", "DELETE /x"])(
  "a tenant's admin may not %s: jobs are the platform's",
  async (what) => {
    expect((await openLab(tenantAdmin).ask(what)).status).toBe(403);
  },
);
