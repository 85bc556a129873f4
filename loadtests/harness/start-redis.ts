import { spawn } from "node:child_process";
import { once } from "node:events";
import { canPin, pinned } from "./pinning.ts";
import { freePort } from "./start-process.ts";

export interface RunningRedis extends AsyncDisposable {
  readonly url: string;
}

/** A Redis that keeps everything in memory, on a core; undefined where there is none to start. */
export async function startRedis(core: number): Promise<RunningRedis | undefined> {
  const port = await freePort();
  const settings = ["--port", String(port), "--save", "", "--maxmemory-policy", "noeviction"];
  const plain = ["redis-server", ...settings];
  const [command = "", ...rest] = canPin() ? pinned(plain, core) : plain;
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "ignore"] });
  process.once("exit", () => child.kill("SIGKILL"));
  const ready = new Promise<boolean>((resolve) => {
    child.once("error", () => {
      resolve(false); // It is not installed.
    });
    child.once("exit", () => {
      resolve(false);
    });
    child.stdout.on("data", (text: Buffer) => {
      if (text.includes("Ready to accept connections")) resolve(true);
    });
  });
  if (!(await ready)) return undefined;
  const stop = async (): Promise<void> => {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  };
  return { url: `redis://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}
