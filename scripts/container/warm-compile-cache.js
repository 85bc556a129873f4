import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/*
 * Runs while the image is built, as the user whom it is for: starts Sentinel once, lets the demo answer, and stops it, so that
 * what Node compiles is in `.cache/compile` and goes with the image, whose file system may be read-only when it runs. Each
 * user has a folder of their own in there; for another one the start is slower, and that is all.
 */
const root = join(import.meta.dirname, "../..");
const port = "18999";
const url = `http://127.0.0.1:${port}`;
const key = "key-of-the-build-0000";
const patienceMs = 60_000;

const folder = await mkdtemp(join(tmpdir(), "sentinel-warm-"));
const sentinel = spawn(process.execPath, [join(root, "dist/main.js")], {
  cwd: folder,
  env: {
    PATH: process.env.PATH,
    SENTINEL_HOST: "127.0.0.1",
    SENTINEL_PORT: port,
    SENTINEL_DATA_DIR: join(folder, "data"),
    SENTINEL_DEFAULT_KEY: key,
    SENTINEL_LOG_LEVEL: "warn",
  },
  stdio: ["ignore", "ignore", "inherit"],
});
const ended = once(sentinel, "exit");
try {
  await untilReady();
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "demo", messages: [{ role: "user", content: "Hello" }] }),
  });
  if (!answer.ok) throw new Error(`the demo answered ${answer.status}: ${await answer.text()}`);
  await (await fetch(`${url}/metrics/prometheus`)).text();
} finally {
  sentinel.kill("SIGTERM");
}
const [code] = await ended;
await rm(folder, { recursive: true, force: true });
if (code !== 0) throw new Error(`Sentinel ended with ${code}`);

const cli = spawn(process.execPath, [join(root, "dist/cli/main.js"), "--help"], {
  stdio: "ignore",
});
await once(cli, "exit");

async function untilReady() {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    const response = await fetch(`${url}/health/ready`).catch(() => undefined); // Not yet.
    if (response?.ok) return;
    if (performance.now() > deadlineMs) throw new Error("Sentinel was not ready in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
