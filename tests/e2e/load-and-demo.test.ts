import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { expect, test } from "vitest";

import { startDemo } from "../../scripts/demo/start-demo.ts";
import { tempFolder } from "../support/temp-folder.ts";

const loadPath = join(import.meta.dirname, "../../loadtests/load.ts");

const demoPath = join(import.meta.dirname, "../../scripts/demo.ts");

/** `npm run load`, as a process of its own. */
async function runLoad(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const cache = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
  const child = spawn(process.execPath, [loadPath, ...args], { env: { PATH, ...cache, ...env } });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}

test("the demo shows some of everything while a load test runs against it, and leaves nothing behind", async () => {
  const sentences: string[] = [];
  await using demo = await startDemo({
    port: 0,
    scale: 0.3,
    hasWarmUp: false,
    log: (sentence) => sentences.push(sentence),
  });
  const environment = { SENTINEL_URL: demo.url, SENTINEL_API_KEY: demo.tenants["corner-shop"].key };
  const [load, refused] = await Promise.all([
    runLoad(
      ["steady", "--duration", "1", "--rate", "20", "--connections", "2", "--model", "atlas-mini"],
      environment,
    ),
    runLoad(["steady", "--model", "claude-haiku-4-5"], environment),
  ]);
  const statuses = ["200", "201", "400", "401", "403", "404", "429", "499", "504"];
  await expect
    .poll(() => Object.keys(demo.figures.byStatus), { timeout: 30_000 })
    .toEqual(expect.arrayContaining(statuses));
  const scored = async (): Promise<number> => {
    const headers = { authorization: `Bearer ${demo.adminToken}` };
    const usage = await fetch(`${demo.url}/v1/usage?metrics=judge&tenant=trial-user`, { headers });
    return ((await usage.json()) as { totals: { scored: number } }).totals.scored;
  };
  await expect.poll(scored, { timeout: 30_000 }).toBeGreaterThan(0);
  demo.stop();
  await demo.traffic;

  expect(load.stderr).toBe("");
  expect(load.stdout).toMatch(/ok +no request was refused or failed/);
  expect(load.stdout).toMatch(/statuses +200: \d+\n/);
  expect(load.code).toBe(0);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("does not list the model claude-haiku-4-5") as string,
  });

  expect(existsSync(demo.folder)).toBe(true);
  await demo[Symbol.asyncDispose]();
  expect(existsSync(demo.folder)).toBe(false);
  await expect(fetch(`${demo.url}/health`)).rejects.toThrow();
}, 60_000);

test("Ctrl-C ends the demo while it is still starting, and leaves nothing behind", async () => {
  await using folder = await tempFolder();
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const cache = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
  const child = spawn(process.execPath, [demoPath, "--port", "0"], {
    env: { PATH, ...cache, TMPDIR: folder.path },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const stdout = text(child.stdout);
  await expect.poll(() => readdir(folder.path), { timeout: 20_000 }).toHaveLength(1);
  child.kill("SIGINT");
  expect(await ended).toEqual([0, null]);
  expect(await readdir(folder.path)).toEqual([]);
  expect(await stdout).toMatch(/Stopping …[^]*What was stored is deleted now\.\n$/);
}, 60_000);
