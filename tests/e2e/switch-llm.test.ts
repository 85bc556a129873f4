import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { completion, startScriptedUpstream, whole } from "../support/scripted-upstream.ts";

const script = join(import.meta.dirname, "../../scripts/switch-llm.ts");

const said = (text: string): unknown => expect.stringContaining(text);

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

function switchLlm(
  folder: string,
  env: Record<string, string>,
  ...words: string[]
): Promise<Finished> {
  const { PATH } = process.env;
  const child = spawn(process.execPath, [script, ...words], {
    cwd: folder,
    env: { PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, output });
    });
  });
}

async function ask(sentinel: SentinelProcess, model: string): Promise<string> {
  const response = await fetch(`${sentinel.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${sentinel.apiKey}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }] }),
  });
  const answer = (await response.json()) as { choices?: { message: { content: string } }[] };
  return answer.choices?.[0]?.message.content ?? JSON.stringify(answer);
}

async function tempFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "sentinel-switch-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test("a running gateway goes from the demo to a provider and back", async () => {
  await using folder = await tempFolder();
  await using upstream = await startScriptedUpstream(whole(completion("a real answer")));
  const env = { OPENAI_API_KEY: "sk-upstream", OPENAI_BASE_URL: upstream.baseUrl };
  const yaml = "# mine\nproviders:\n  demo: { type: demo }\ndefaults: { provider: demo }\n";
  await using sentinel = await startSentinel({ folder: folder.path, env, yaml });
  expect(await ask(sentinel, "default")).toContain("demo answer");

  const there = await switchLlm(folder.path, env, "openai", "--model", "m");
  expect(there).toMatchObject({ code: 0, output: said("taken it into use") });
  expect(await ask(sentinel, "default")).toBe("a real answer");
  expect(await ask(sentinel, "fast")).toBe("a real answer");
  expect(upstream.seen.map(({ json }) => json?.["model"])).toEqual(["m", "m"]);
  expect(upstream.seen[0]?.headers.authorization).toBe("Bearer sk-upstream");

  const again = await switchLlm(folder.path, env, "openai", "--model", "m", "--json");
  expect(JSON.parse(again.output)).toMatchObject({ changed: false, gateway: "reloaded" });

  const back = await switchLlm(folder.path, env, "none");
  expect(back.code).toBe(0);
  expect(await ask(sentinel, "default")).toContain("demo answer");
  const text = await readFile(join(folder.path, "sentinel.yaml"), "utf8");
  expect(text).toMatch(/^# mine\n/);
  expect(text).not.toContain("sk-upstream");
});

test("a file that the gateway cannot take is said to be refused", async () => {
  await using folder = await tempFolder();
  await using sentinel = await startSentinel({ folder: folder.path });
  // The key is set here, and not where the gateway runs.
  const result = await switchLlm(folder.path, { MISTRAL_API_KEY: "k" }, "mistral");
  expect(result).toMatchObject({ code: 1, output: said("did NOT take it") });
  expect(await ask(sentinel, "anything")).toContain("demo answer");
});

test("without a key nothing is written, and the variable is named", async () => {
  await using folder = await tempFolder();
  const result = await switchLlm(folder.path, {}, "claude");
  expect(result).toMatchObject({ code: 2, output: said("ANTHROPIC_API_KEY") });
  expect(existsSync(join(folder.path, "sentinel.yaml"))).toBe(false);
  const shown = await switchLlm(folder.path, {});
  expect(shown).toMatchObject({
    code: 0,
    output: said("set ANTHROPIC_API_KEY"),
  });
});

test("a file that counts on a key which is gone is shown as what it is, and can be switched", async () => {
  await using folder = await tempFolder();
  const claude = await switchLlm(folder.path, { ANTHROPIC_API_KEY: "sk-ant-key" }, "claude");
  expect(claude.code).toBe(0);
  const shown = await switchLlm(folder.path, {});
  expect(shown).toMatchObject({ code: 0, output: said("Sentinel would not start with it here") });
  const switched = await switchLlm(folder.path, {}, "none");
  expect(switched).toMatchObject({ code: 0, output: said("demo/sentinel-demo") });
});

test("an unknown name lists those that there are", async () => {
  await using folder = await tempFolder();
  const result = await switchLlm(folder.path, {}, "cluade");
  expect(result).toMatchObject({ code: 2, output: said('mean "claude"') });
});

test("the file keeps its mode, and a broken one is not touched", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "own.yaml");
  await writeFile(path, "models: {}\n", { mode: 0o600 });
  const written = await switchLlm(folder.path, {}, "none", "--config", path);
  expect(written.code).toBe(0);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await writeFile(path, "models: 1\n");
  const refused = await switchLlm(folder.path, {}, "none", "--config", path);
  expect(refused).toMatchObject({
    code: 1,
    output: said("Nothing was written"),
  });
  expect(await readFile(path, "utf8")).toBe("models: 1\n");
});

test("the process id is there while the gateway runs, and a stale one is not signalled", async () => {
  await using folder = await tempFolder();
  const sentinel = await startSentinel({ folder: folder.path });
  const path = join(sentinel.dataDir, "sentinel.pid");
  const text = await readFile(path, "utf8");
  expect(text.split("\n")[0]).toBe(String(sentinel.pid));
  await sentinel.stop();
  expect(existsSync(path)).toBe(false);
  // As after SIGKILL, when the number has become somebody else's: here, this test's.
  await writeFile(path, text.replace(/^\d+/, String(process.pid)));
  let isSignalled = false;
  const note = (): void => {
    isSignalled = true;
  };
  process.on("SIGHUP", note);
  const result = await switchLlm(folder.path, {}, "none");
  process.off("SIGHUP", note);
  expect(result).toMatchObject({ code: 0, output: said("No Sentinel runs") });
  expect(isSignalled).toBe(false);
});
