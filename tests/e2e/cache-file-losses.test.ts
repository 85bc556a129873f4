import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { startSentinel } from "../support/process.ts";
import { startScriptedUpstream } from "../support/scripted-upstream.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { askCached, askNew, keptIn, untilKept } from "./redis/cached.ts";
import type { CachedAnswer } from "./redis/cached.ts";
import { adminToken, yaml } from "./redis/fleet.ts";
import type { FleetTenant } from "./redis/fleet.ts";
import { promptUpstream } from "./redis/load.ts";

/** The cache's file is lost or damaged under a gateway that runs: nothing but hits is lost. */

const statuses = (answers: readonly CachedAnswer[]) => new Set(answers.map(({ status }) => status));

const start = async (resources: AsyncDisposableStack) => {
  const folder = resources.use(await tempFolder()).path;
  const upstream = resources.use(await startScriptedUpstream(promptUpstream));
  const env = { SENTINEL_ADMIN_TOKEN: adminToken };
  const gateway = await startSentinel({ folder, yaml: yaml(upstream.baseUrl), env });
  resources.use(gateway);
  const tenant: FleetTenant = { id: "default", key: gateway.apiKey, keyId: "" };
  const startAgain = async () => resources.use(await startSentinel({ folder, env }));
  return { gateway, tenant, startAgain };
};

const cacheFiles = (dataDir: string): string[] =>
  ["cache.db", "cache.db-wal", "cache.db-shm"].map((name) => join(dataDir, name));

const damages: readonly { name: string; damage: (dataDir: string) => Promise<unknown> }[] = [
  {
    name: "deleted",
    damage: (dataDir) => Promise.all(cacheFiles(dataDir).map((path) => rm(path, { force: true }))),
  },
  {
    name: "overwritten",
    damage: (dataDir) =>
      Promise.all(
        cacheFiles(dataDir)
          .slice(0, 2)
          .map((path) => writeFile(path, "This is no database. ".repeat(5_000))),
      ),
  },
];

test.each(damages)(
  "cache.db is $name while requests run: all are answered, and what is kept from then on survives a restart",
  async ({ damage }) => {
    await using resources = new AsyncDisposableStack();
    const { gateway, tenant, startAgain } = await start(resources);
    const before = await askNew(gateway, tenant, 20);
    expect(statuses(before)).toEqual(new Set([200]));
    await damage(gateway.dataDir);
    const after = await askNew(gateway, tenant, 40);
    expect(statuses(after)).toEqual(new Set([200]));
    expect(new Set(after.map(({ cache }) => cache))).toEqual(new Set(["miss"]));
    const kept = { content: "Is it kept?" };
    await askCached(gateway, tenant, kept);
    expect(await keptIn(gateway, tenant, kept)).toBe("exact");
    expect(await gateway.stop()).toMatchObject({ code: 0 });
    await untilKept(await startAgain(), tenant, kept);
  },
);

test("a cache.db that is no database at the start stops nobody", async () => {
  await using resources = new AsyncDisposableStack();
  const { gateway, tenant, startAgain } = await start(resources);
  const kept = { content: "Is it kept?" };
  await askCached(gateway, tenant, kept);
  await gateway.stop();
  await damages[1]?.damage(gateway.dataDir);
  const again = await startAgain();
  expect(await askCached(again, tenant, kept)).toMatchObject({ status: 200, cache: "miss" });
  expect(await askCached(again, tenant, kept)).toMatchObject({ status: 200, cache: "exact" });
});
