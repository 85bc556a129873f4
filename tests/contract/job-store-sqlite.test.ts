import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test, vi } from "vitest";

import type { ClaimedJob, JobRoom } from "../../src/jobs/job-store.ts";
import { deadStatement } from "../../src/stores/sqlite/jobs/job-reports.ts";
import { openSqliteJobStore } from "../../src/stores/sqlite/jobs/open.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { dayCapsContract } from "./day-caps.ts";
import { aJob, claim, claimOne, idsOf, longMs } from "./job-store-run.ts";
import { jobStoreContract } from "./job-store.ts";
import { jobStoreForgets } from "./job-store-forget.ts";
import { jobStoreModel } from "./job-store-model.ts";

async function openStores() {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const path = join(folder.path, "jobs.db");
  const open = () => resources.use(openSqliteJobStore({ path }));
  const stores = [open(), open()] as const;
  // What opens the file, and it is opened to be written, takes what runs in it for a dead process's.
  for (const store of stores) await store.prune({ overMs: longMs, deadMs: longMs });
  const owned = resources.move();
  return {
    path,
    stores,
    openWithRoom: (room: JobRoom) => Promise.resolve(owned.use(openSqliteJobStore({ path, room }))),
    restart: async () => {
      for (const store of stores) await store[Symbol.asyncDispose]();
      return owned.use(openSqliteJobStore({ path }));
    },
    everything: async () => {
      // What was written over in the log is in the file once all have closed it.
      for (const store of stores) await store[Symbol.asyncDispose]();
      return readFile(path, "latin1");
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

jobStoreContract("SQLite", openStores);
jobStoreForgets("SQLite", openStores);
jobStoreModel("SQLite", openStores, 6);
dayCapsContract("SQLite", openStores);

test("a job that ran when the process died can be claimed at the next start, without waiting", async () => {
  await using run = await openStores();
  await run.stores[0].enqueue([aJob("a")]);
  await claimOne(run.stores[0], { leaseMs: longMs });
  const after = await run.restart();
  expect(await claimOne(after)).toMatchObject({ id: "a", attempt: 2 });
});

test("a store whose file was removed goes on with an empty one", async () => {
  await using run = await openStores();
  const [store] = run.stores;
  await store.enqueue([aJob("a")]);
  await rm(run.path);
  expect(await claim(store)).toEqual([]);
  expect(await store.enqueue([aJob("a"), aJob("b")])).toBe(2);
  expect(idsOf(await claim(run.stores[1]))).toEqual(["a", "b"]);
});

test("of what is done no copy stays in the file, whatever became of its neighbours there", async () => {
  await using run = await openStores();
  const [store] = run.stores;
  const random = seededRandom(1);
  const total = 1_000;
  const atOnce = 100;
  const claimed: ClaimedJob[] = [];
  for (let made = 0; made < total;) {
    const jobs = Array.from({ length: atOnce }, () => {
      const filler = "x".repeat(Math.floor(random() * 1_500));
      const id = String(made++);
      return aJob(id, { payload: JSON.stringify({ text: `secret-${id} ${filler}` }) });
    });
    await store.enqueue(jobs);
    claimed.push(...(await claim(store, { limit: atOnce })));
    for (let count = 0; count < atOnce; count += 1) {
      const [job] = claimed.splice(Math.floor(random() * claimed.length), 1);
      if (job === undefined) throw new Error("there are as many as were made");
      if (random() > 0.1) await store.complete(job);
      else await store.fail(job, { reason: "x" });
    }
  }
  const dead = new Set(idsOf(await store.listDead({ limit: total })));
  const texts = (await run.everything()).matchAll(/secret-(\d+) /g);
  expect(new Set([...texts].map(([, id]) => id))).toEqual(dead);
});

test("jobs of a store that is closed say that it is unavailable", async () => {
  await using run = await openStores();
  const [store] = run.stores;
  await store[Symbol.asyncDispose]();
  const unavailable = { kind: "store_unavailable" };
  await expect(store.counts()).rejects.toMatchObject(unavailable);
  await expect(store.spent("2026-11-21")).rejects.toMatchObject(unavailable);
});

test("caps of days that are long over are forgotten", async () => {
  await using folder = await tempFolder();
  let nowMs = Date.UTC(2026, 10, 21);
  await using store = openSqliteJobStore({
    path: join(folder.path, "jobs.db"),
    nowMs: () => nowMs,
  });
  const caps = [{ id: "acme", limit: { nanoUsd: undefined, tokens: undefined } }];
  await store.reserve("2026-11-21", caps, { nanoUsd: 1, tokens: 1 });
  nowMs += 3 * 86_400_000;
  await store.prune({ overMs: 0, deadMs: 0 });
  expect(await store.spent("2026-11-21")).toHaveLength(1);
  nowMs += 1;
  await store.prune({ overMs: 0, deadMs: 0 });
  expect(await store.spent("2026-11-21")).toEqual([]);
});

test("a file that cannot be used fails the calls and not the start, and is used once it can be", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "jobs.db");
  await writeFile(path, "not a database".repeat(1_000));
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    await using store = openSqliteJobStore({ path });
    await expect(store.counts()).rejects.toMatchObject({
      kind: "store_unavailable",
      cause: { message: expect.stringContaining("jobs.db cannot be used") as string },
    });
    await rm(path);
    // Each try starts a thread: it is not tried at once again.
    await expect(store.enqueue([aJob("a")])).rejects.toMatchObject({ kind: "store_unavailable" });
    vi.advanceTimersByTime(5_000);
    expect(await store.enqueue([aJob("a")])).toBe(1);
  } finally {
    vi.useRealTimers();
  }
});

test("a list of the dead brings none of their texts along", () => {
  const { sql } = deadStatement({ limit: 10 });
  expect(sql).not.toMatch(/\*|payload/);
});
