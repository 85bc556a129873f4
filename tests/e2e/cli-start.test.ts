import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { readPidFile } from "../../src/pid-file.ts";
import { sourceCli } from "../support/built-sentinel.ts";
import { untilTrue } from "../support/redis.ts";
import { runCli } from "../support/run-cli.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Takes away what a newer Node has: the process must then be a child's parent. */
const asOlderNode = ["--import", "data:text/javascript,process.execve=undefined"];

interface Started extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

async function start(
  folder: string,
  nodeArgs: readonly string[],
  path = sourceCli,
): Promise<Started> {
  const child = spawn(process.execPath, [...nodeArgs, path, "start"], {
    cwd: folder,
    env: { PATH: process.env["PATH"], SENTINEL_PORT: "0" },
    stdio: "ignore",
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => {
      resolve({ code, signal });
    });
  });
  const isUp = async (): Promise<boolean> =>
    (await readPidFile(join(folder, "data"))) !== undefined;
  await untilTrue("the gateway listens", isUp);
  return {
    child,
    ended,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const running = await readPidFile(join(folder, "data"));
        if (running !== undefined) process.kill(running.pid, "SIGKILL");
        child.kill("SIGKILL");
      }
      await ended;
    },
  };
}

test.each([
  ["in the place of its launcher", []],
  ["as the child of an older Node", asOlderNode],
])(
  "`sentinel start` %s runs the gateway, and a SIGTERM ends it in order",
  async (_name, nodeArgs) => {
    await using folder = await tempFolder();
    const link = join(folder.path, "sentinel");
    await symlink(sourceCli, link);
    await using started = await start(folder.path, nodeArgs, link);
    const { pid, url } = (await readPidFile(join(folder.path, "data"))) ?? { pid: 0, url: "" };
    expect(pid === started.child.pid).toBe(nodeArgs.length === 0);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect((await runCli(["usage"], { cwd: folder.path })).stdout).toContain("No requests");

    started.child.kill("SIGTERM");
    expect(await started.ended).toEqual({ code: 0, signal: null });
    expect(await readPidFile(join(folder.path, "data"))).toBeUndefined();
  },
);

test("a launcher ends as the gateway did, by an exit code or a signal", async () => {
  await using folder = await tempFolder();
  await using started = await start(folder.path, asOlderNode);
  const { pid } = (await readPidFile(join(folder.path, "data"))) ?? { pid: 0 };
  process.kill(pid, "SIGKILL");
  expect(await started.ended).toEqual({ code: null, signal: "SIGKILL" });

  const misused = await runCli(["start", "--nonsense"], { cwd: folder.path });
  expect(misused.code).toBe(2);
});

test("a start that is refused ends with 1 and every problem", async () => {
  await using folder = await tempFolder();
  const env = { SENTINEL_PORT: "x", SENTINEL_STORE: "y" };
  const ended = await runCli(["start"], { cwd: folder.path, env });
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain("SENTINEL_PORT");
  expect(ended.stderr).toContain("SENTINEL_STORE");
});

test("settings in .env are read, as npm start does", async () => {
  await using folder = await tempFolder();
  await writeFile(
    join(folder.path, ".env"),
    "SENTINEL_URL=http://127.0.0.1:9\nSENTINEL_ADMIN_TOKEN=token-of-sixteen-characters\n",
  );
  const ended = await runCli(["usage"], { cwd: folder.path });
  expect(ended).toMatchObject({ code: 1 });
  expect(ended.stderr).toContain("http://127.0.0.1:9 cannot be reached");
});
