import { existsSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { pidPath, readPidFile } from "../../src/pid-file.ts";
import { entriesToStart } from "../support/built-sentinel.ts";
import { runToEnd, startSentinel } from "../support/process.ts";
import { startRedis } from "../support/redis.ts";
import { runCli } from "../support/run-cli.ts";
import { tempFolder } from "../support/temp-folder.ts";

const entry = entriesToStart().worker;

test("a worker makes no credentials, can be probed and scraped, serves nothing else, and ends in order", async () => {
  await using redis = await startRedis();
  await using folder = await tempFolder();
  // On one machine, in one directory; the worker is the first to start.
  const shared = { folder: folder.path, env: { SENTINEL_REDIS_URL: redis.url } };
  await using worker = await startSentinel({ ...shared, entry });
  expect(worker.stdout).not.toContain("sk-sentinel-");
  expect(existsSync(join(worker.dataDir, "credentials.json"))).toBe(false);
  expect(existsSync(pidPath(worker.dataDir))).toBe(false);

  await using gateway = await startSentinel(shared);
  expect(gateway.stdout).toContain(gateway.apiKey);
  const statusOf = async (url: string, key: string) =>
    (await fetch(url, { headers: { authorization: `Bearer ${key}` } })).status;
  expect(await statusOf(`${gateway.url}/v1/models`, gateway.apiKey)).toBe(200);
  expect(await statusOf(`${worker.url}/v1/models`, gateway.apiKey)).toBe(404);
  expect(await statusOf(`${worker.url}/admin/v1/tenants`, gateway.adminToken)).toBe(404);
  for (const path of ["/health", "/health/ready", "/metrics/prometheus"]) {
    expect((await fetch(worker.url + path)).status).toBe(200);
  }
  // Commands find the gateway, also after the worker has gone.
  expect(await worker.stop()).toEqual({ code: 0, signal: null });
  expect(worker.lines.at(-1)).toMatchObject({ msg: "stopped" });
  expect(worker.stderr).toBe("");
  expect((await readPidFile(gateway.dataDir))?.pid).toBe(gateway.pid);
});

test("a worker beside a gateway with the embedded store is refused, and told that it needs Redis", async () => {
  await using gateway = await startSentinel();
  const env = { SENTINEL_DATA_DIR: gateway.dataDir };
  const refused = await runToEnd({ entry, env });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`in use by process ${gateway.pid}`);
  expect(refused.stderr).toContain("a worker beside it, can share one only with Redis");
});

test("a worker with an embedded store of its own says that nobody gives it jobs", async () => {
  await using worker = await startSentinel({ entry });
  const warning = await worker.waitForLine(({ level }) => level === "warn");
  expect(warning["msg"]).toContain("Set SENTINEL_REDIS_URL");
});

test("`sentinel worker` that is told to run nothing says so", async () => {
  await using folder = await tempFolder();
  const ended = await runCli(["worker"], {
    cwd: folder.path,
    env: { SENTINEL_JOB_CONCURRENCY: "0" },
  });
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain("SENTINEL_JOB_CONCURRENCY is 0");
});
