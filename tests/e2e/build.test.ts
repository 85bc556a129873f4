import { execFile } from "node:child_process";
import { readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";

import { buildSentinel } from "../../scripts/build/build-sentinel.ts";
import packageJson from "../../package.json" with { type: "json" };
import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { startRedis, untilTrue } from "../support/redis.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** What `npm run build` makes, in a folder without packages beside it, as in the image. */
let built: Awaited<ReturnType<typeof tempFolder>>;
let entry = "";
const commit = "0123456789abcdef";

beforeAll(async () => {
  built = await tempFolder();
  await buildSentinel({ folder: join(built.path, "dist"), commit });
  entry = join(built.path, "dist/main.js");
});
afterAll(() => built[Symbol.asyncDispose]());

test("the build answers, records what it answered, and ends in order, with SQLite", async () => {
  await using sentinel = await startSentinel({ entry });
  await chatsAndShowsIt(sentinel);
  expect(await sentinel.stop()).toEqual({ code: 0, signal: null });
  expect(sentinel.stderr).toBe("");
});

test("the build does so with Redis", async () => {
  await using redis = await startRedis();
  await using sentinel = await startSentinel({ entry, env: { SENTINEL_REDIS_URL: redis.url } });
  await chatsAndShowsIt(sentinel);
  expect(await sentinel.stop()).toEqual({ code: 0, signal: null });
  expect(sentinel.stderr).toBe("");
});

test("the build's command line runs from any folder", async () => {
  await using folder = await tempFolder();
  const cli = join(built.path, "dist/cli/main.js");
  const { stdout } = await promisify(execFile)(process.execPath, [cli, "--version"], {
    cwd: folder.path,
  });
  expect(stdout.trim()).toBe(packageJson.version);
});

test("`sentinel` runs the build where there are no sources, and where no Node is beside it, its own", async () => {
  const bin = join(built.path, "bin");
  await promisify(execFile)("cp", ["-r", join(import.meta.dirname, "../../bin"), bin]);
  const link = join(built.path, "sentinel");
  await symlink(join(bin, "sentinel.js"), link);
  await promisify(execFile)("sh", ["-c", `echo '{"type":"module"}' > ${built.path}/package.json`]);
  const { stdout } = await promisify(execFile)(process.execPath, [link, "--version"]);
  expect(stdout.trim()).toBe(packageJson.version);
});

test("the build has all that lies beside the sources, and the licences of what is in it", async () => {
  const assetsIn = async (folder: string): Promise<readonly string[]> => {
    const names = await readdir(folder, { recursive: true });
    return names.filter((name) => /\.(sql|lua)$/.test(name)).sort();
  };
  const dist = join(built.path, "dist");
  expect(await assetsIn(dist)).toEqual(await assetsIn(join(import.meta.dirname, "../../src")));
  const licences = await readFile(join(dist, "THIRD-PARTY-LICENCES.txt"), "utf8");
  for (const name of ["hono", "zod", "undici", "ioredis", "tiktoken"]) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(\\w`, "m"));
  }
});

test("the image says the version of package.json, and its base the Node of it", async () => {
  const dockerfile = await readFile(join(import.meta.dirname, "../../Dockerfile"), "utf8");
  expect(dockerfile).toContain(`ARG SENTINEL_VERSION=${packageJson.version}\n`);
  expect(dockerfile).toContain(`ARG NODE_IMAGE=node:${packageJson.dependencies.node}-`);
});

async function chatsAndShowsIt(sentinel: SentinelProcess): Promise<void> {
  const headers = {
    authorization: `Bearer ${sentinel.apiKey}`,
    "content-type": "application/json",
  };
  const response = await fetch(`${sentinel.url}/v1/chat/completions`, {
    method: "POST",
    headers,
    body: '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello!"}]}',
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ object: "chat.completion" });
  const get = async (path: string): Promise<string> =>
    (await fetch(`${sentinel.url}${path}`, { headers })).text();
  const id = response.headers.get("x-request-id") ?? "none";
  await untilTrue("the audit log has it", async () => (await get("/v1/audit")).includes(id));
  // Loaded lazily from a CommonJS package, which a bundle gives other names than Node does.
  const metrics = await (await fetch(`${sentinel.url}/metrics/prometheus`)).text();
  expect(metrics).toMatch(/^process_resident_memory_bytes \d/m);
  expect(metrics).toMatch(/^nodejs_eventloop_lag_seconds \d/m);
  await untilTrue("usage counts it", async () => /"requests":1\b/.test(await get("/v1/usage")));
}
