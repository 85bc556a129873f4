import { execFile } from "node:child_process";
import { stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { commandExists } from "../support/command-exists.ts";
import { runToEnd, startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { tempFolder } from "../support/temp-folder.ts";

test("a start with mistakes lists all of them at once, and ends with exit code 1", async () => {
  const { code, stdout, stderr } = await runToEnd({
    env: {
      SENTINEL_PORT: "eighty",
      SENTINEL_LOG_LEVEL: "loud",
      SENTINEL_MAX_INFLIHGT: "10",
      SENTINEL_MASTER_KEY: "too short",
    },
    yaml: 'providers: { a: { type: openai, api_keys: ["${NOT_SET}"] }, b: { type: opnai } }',
  });
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toContain("Sentinel cannot start.");
  for (const name of [
    "SENTINEL_PORT",
    "SENTINEL_LOG_LEVEL",
    "SENTINEL_MAX_INFLIGHT",
    "SENTINEL_MASTER_KEY",
    "NOT_SET",
    "providers.b.type",
  ]) {
    expect(stderr).toContain(name);
  }
  expect(stderr).not.toContain("too short");
  expect(stderr).not.toMatch(/^ +at /m);
});

test("a data directory that cannot be made stops the start, which names the setting", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "file");
  await writeFile(path, "");
  for (const dataDir of [path, join(path, "below")]) {
    const { code, stderr } = await runToEnd({ env: { SENTINEL_DATA_DIR: dataDir } });
    expect(code).toBe(1);
    expect(stderr).toContain(`The data directory ${dataDir} cannot be made or written`);
    expect(stderr).toContain("set SENTINEL_DATA_DIR");
  }
});

test.skipIf(!commandExists("curl"))(
  "the first start prints credentials and a curl that works, the second nothing, and the key still does",
  async () => {
    await using folder = await tempFolder();
    {
      await using first = await startSentinel({ folder: folder.path });
      expect(first.stdout.split(first.apiKey)).toHaveLength(3); // shown, and in the curl
      expect(first.stdout.split(first.adminToken)).toHaveLength(2);
      const printed = await promisify(execFile)("sh", ["-c", curlIn(first.stdout)]);
      const answer = JSON.parse(printed.stdout) as Record<string, unknown>;
      expect(answer).toMatchObject({ object: "chat.completion", model: "sentinel-demo" });
      await first.stop();
    }
    await using second = await startSentinel({ folder: folder.path });
    for (const line of second.stdout.trim().split("\n")) expect(line).toMatch(/^\{.*\}$/);
    const answer = await chat(second);
    expect(answer.status).toBe(200);
  },
);

test("the credentials are for their owner's eyes only", async () => {
  await using sentinel = await startSentinel();
  const { mode } = await stat(join(sentinel.dataDir, "credentials.json"));
  expect((mode & 0o777).toString(8)).toBe("600");
});

test("a port that is in use is named, with what to do about it", async () => {
  await using first = await startSentinel();
  const { port } = new URL(first.url);
  const { code, stderr } = await runToEnd({ env: { SENTINEL_PORT: port } });
  expect(code).toBe(1);
  expect(stderr).toContain(`SENTINEL_PORT: port ${port} is in use.`);
  expect(stderr).toMatch(/for example SENTINEL_PORT=\d+/);
});

test("a reload takes new models into use, and one with a mistake keeps the old and says why", async () => {
  await using sentinel = await startSentinel({ yaml: configWith("before") });
  expect((await chat(sentinel, "after")).status).toBe(404);

  await sentinel.writeYaml(configWith("after"));
  sentinel.kill("SIGHUP");
  await sentinel.waitForLine("configuration reloaded");
  expect((await chat(sentinel, "after")).status).toBe(200);
  expect((await chat(sentinel, "before")).status).toBe(404);

  await sentinel.writeYaml("models: { worse: { targets: [{ provider: nobody, model: m }] } }");
  sentinel.kill("SIGHUP");
  const line = await sentinel.waitForLine(({ level }) => level === "error");
  expect(line["msg"]).toContain("was not reloaded");
  expect(JSON.stringify(line["problems"])).toContain(
    "models.worse.targets[0].provider must be one of",
  );
  expect((await chat(sentinel, "after")).status).toBe(200);
});

// Three looks, since a machine that is busy with something else says nothing about a start.
test(
  "from its very first start until its first answer it takes less than five seconds",
  { retry: 2 },
  async () => {
    const port = await freePort();
    const key = "sk-known-before-the-start";
    const startedTickMs = performance.now();
    const starting = startSentinel({
      env: {
        SENTINEL_PORT: String(port),
        SENTINEL_DEFAULT_KEY: key,
        NODE_DISABLE_COMPILE_CACHE: "1",
      },
    });
    const answeredMs = firstAnswer(`http://127.0.0.1:${port}`, key).then(
      () => performance.now() - startedTickMs,
    );
    const [took] = await Promise.all([answeredMs, starting]);
    await using _sentinel = await starting;
    process.stdout.write(`start to first chat answer: ${took.toFixed(0)} ms\n`);
    expect(took).toBeLessThan(5_000);
  },
);

const configWith = (alias: string): string =>
  JSON.stringify({
    providers: { demo: { type: "demo" } },
    models: { [alias]: { targets: [{ provider: "demo", model: "demo" }] } },
  });

/** The command as it was printed, to the letter. */
function curlIn(stdout: string): string {
  const [, command = ""] = /^ {2}(curl [^]*?[^\\])\n/m.exec(stdout) ?? [];
  return command;
}

const chat = (
  { url, apiKey }: Pick<SentinelProcess, "url" | "apiKey">,
  model = "gpt-4o-mini",
): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello!" }] }),
  });

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks until it gets an answer; nobody listens at first. */
async function firstAnswer(url: string, apiKey: string): Promise<void> {
  const patience = AbortSignal.timeout(20_000);
  while (!patience.aborted) {
    const status = await chat({ url, apiKey }).then(
      (response) => response.status,
      () => undefined,
    );
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("no answer in 20 seconds");
}
