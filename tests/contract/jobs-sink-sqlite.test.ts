import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import type { JobRoom } from "../../src/jobs/job-store.ts";
import { Connection } from "../../src/stores/sqlite/connection.ts";
import { openSqliteInbox } from "../../src/stores/sqlite/jobs/sink-inbox.ts";
import { openSqliteJobStore } from "../../src/stores/sqlite/jobs/open.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { aJob, claim, idsOf } from "./job-store-run.ts";
import { jobsSinkContract } from "./jobs-sink.ts";

async function openRun() {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const path = join(folder.path, "jobs.db");
  const store = resources.use(openSqliteJobStore({ path }));
  const owned = resources.move();
  return {
    path,
    store,
    openInbox: (room?: JobRoom) => Promise.resolve(openSqliteInbox({ path, room })),
    loseAll: () => rm(path),
    /** Somebody puts an older copy in its place. */
    losing: async (work: () => Promise<void>) => {
      const connection = new Connection(path, { readOnly: true });
      await connection.copyTo(`${path}.copy`);
      connection.close();
      await work();
      for (const suffix of ["", "-wal", "-shm"]) await rm(`${path}${suffix}`, { force: true });
      await copyFile(`${path}.copy`, path);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

jobsSinkContract("SQLite", openRun);

test("what is enqueued in the books thread is claimed over the store's own connection, and both follow a new file", async () => {
  await using run = await openRun();
  await using inbox = await run.openInbox();
  const move = (from: string | undefined, to: string) => ({ writer: "w", from, to });
  expect(await inbox.put([aJob("a")], move(undefined, "1"))).toBe(1);
  expect(idsOf(await claim(run.store))).toEqual(["a"]);
  await run.loseAll();
  expect(await inbox.put([aJob("a")], move("1", "2"))).toBe("lost");
  expect(await inbox.put([aJob("a")], move(undefined, "2"))).toBe(1);
  expect(idsOf(await claim(run.store))).toEqual(["a"]);
});
