import { execFile } from "node:child_process";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";

import { parseSettings } from "../../../src/config/settings.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const root = join(import.meta.dirname, "../../..");
const script = (name: string): string => join(root, "scripts/container", name);
const runScript = (name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  promisify(execFile)(process.execPath, [script(name), ...args], { env });

const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.object({
      ports: z.array(z.string()).default([]),
      cap_drop: z.array(z.string()).default([]),
      security_opt: z.array(z.string()).default([]),
      stop_grace_period: z.string().default("10s"),
      mem_limit: z.string(),
      image: z.string(),
      environment: z.record(z.string(), z.string().nullable()).default({}),
    }),
  ),
});

const workflowSchema = z.object({
  jobs: z.record(
    z.string(),
    z.object({ steps: z.array(z.object({ run: z.string().optional() })) }),
  ),
});

async function composeServices() {
  const text = await readFile(join(root, "docker-compose.yml"), "utf8");
  return composeSchema.parse(parse(text, { merge: true })).services;
}

test("what docker-compose.yml publishes is reached from this machine only, but Sentinel if somebody says so", async () => {
  const ports = Object.values(await composeServices()).flatMap((service) => service.ports);
  expect(ports.toSorted()).toEqual([
    "${SENTINEL_BIND:-127.0.0.1}:8000:8000",
    "127.0.0.1:3000:3000",
    "127.0.0.1:8081:8081",
    "127.0.0.1:9090:9090",
  ]);
});

test("no service has capabilities, may get privileges, or may use all memory; each has a version", async () => {
  for (const [name, service] of Object.entries(await composeServices())) {
    expect(service.cap_drop, name).toEqual(["ALL"]);
    expect(service.security_opt, name).toEqual(["no-new-privileges:true"]);
    expect(service.mem_limit, name).toMatch(/^\d+[mg]$/);
    expect(service.image, name).toMatch(/^sentinel:local$|:v?\d+\.\d+/);
  }
});

test("no password is in docker-compose.yml, only where it is", async () => {
  for (const [name, { environment }] of Object.entries(await composeServices())) {
    const secrets = Object.entries(environment).filter(
      ([variable, value]) => /PASSWORD|TOKEN|KEY|SECRET/.test(variable) && value !== null,
    );
    for (const [variable, value] of secrets) {
      expect(variable, name).toMatch(/_FILE$/);
      expect(value, name).toMatch(/^\/run\/secrets\//);
    }
  }
});

test("CI installs what the tests run for real, as they cannot where they are not root", async () => {
  const text = await readFile(join(root, ".github/workflows/ci.yml"), "utf8");
  const { jobs } = workflowSchema.parse(parse(text));
  const commands = jobs["test"]?.steps.map(({ run = "" }) => run) ?? [];
  const tests = commands.indexOf("bash .ci/run");
  expect(commands.slice(0, tests).join()).toMatch(/apt-get install .*redis-server .*prometheus/);
});

test("docker-compose.yml waits longer than Sentinel takes to drain", async () => {
  const { sentinel } = await composeServices();
  const graceSeconds = Number.parseInt(sentinel?.stop_grace_period ?? "", 10);
  const { drain } = parseSettings({}).settings;
  expect(graceSeconds * 1_000).toBeGreaterThan(drain.timeoutMs + 5_000);
});

test("the secrets are made once, shared where two need the same, and survive a lost volume", async () => {
  await using folder = await tempFolder();
  const read = (name: string): Promise<string> => readFile(join(folder.path, name), "utf8");
  const readAll = async (): Promise<Readonly<Record<string, string>>> => {
    const names = (await readdir(folder.path, { recursive: true })).filter((n) => n.includes("/"));
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await read(name)] as const)),
    );
  };
  await runScript("make-secrets.js", [folder.path]);
  const first = await readAll();
  expect(Object.keys(first).toSorted()).toEqual([
    "grafana/admin_password",
    "prometheus/metrics_token",
    "redis/redis.conf",
    "redis/redis_password",
    "sentinel/master_key",
    "sentinel/metrics_token",
    "sentinel/redis_url",
  ]);
  const password = first["redis/redis_password"] ?? "";
  expect(password).toMatch(/^[0-9a-f]{64}$/);
  expect(first["redis/redis.conf"]).toBe(`requirepass ${password}\n`);
  expect(first["sentinel/redis_url"]).toBe(`redis://:${password}@redis:6379`);
  expect(first["prometheus/metrics_token"]).toBe(first["sentinel/metrics_token"]);
  const { mode } = await stat(join(folder.path, "redis/redis_password"));
  expect((mode & 0o777).toString(8)).toBe("444");

  await rm(join(folder.path, "prometheus"), { recursive: true });
  // Of a run that was broken off, and not to be written to.
  await writeFile(join(folder.path, "redis/redis.conf.new"), "requirepass", { mode: 0o444 });
  await runScript("make-secrets.js", [folder.path]);
  expect(await readAll()).toEqual(first);
});

test.each([
  [200, 0],
  [503, 1],
] as const)("where /health/ready says %i, the health check ends with %i", async (status, code) => {
  await using server = createServer((request, response) => {
    response.writeHead(request.url === "/health/ready" ? status : 404).end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const run = runScript("healthcheck.js", [], { SENTINEL_PORT: String(port) });
  expect(await run.then(() => 0, codeOf)).toBe(code);
});

test("where nothing listens, the health check says so and ends with 1", async () => {
  const run = runScript("healthcheck.js", [], { SENTINEL_PORT: "1" });
  await expect(run).rejects.toThrow("ECONNREFUSED");
});

const codeOf = (error: unknown): unknown => Reflect.get(Object(error), "code");
