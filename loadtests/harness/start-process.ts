import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { canPin, pinned } from "./pinning.ts";

export interface ProcessPlan {
  readonly name: string;
  readonly script: string;
  readonly scriptArguments: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly port: number;
  /** Answers 200 once the process takes requests. */
  readonly readyPath: string;
  readonly core: number;
  /** Working directory; stdout and stderr go to a file in it, as an access log would. */
  readonly folder: string;
}

export interface RunningProcess extends AsyncDisposable {
  readonly name: string;
  readonly processId: number;
  readonly origin: string;
}

export type Start =
  | { readonly kind: "started"; readonly running: RunningProcess }
  | { readonly kind: "failed"; readonly reason: string };

const readyPollMs = 50;
const readyPollsMax = 200;
const stopGraceMs = 3_000;
const children = new Set<ChildProcess>();

/** Starts a Node script on one core and waits until it is ready, at most ten seconds. */
export async function startProcess(plan: ProcessPlan): Promise<Start> {
  const logPath = join(plan.folder, `${plan.name}.log`);
  const child = spawnLogged(plan, logPath);
  children.add(child);
  child.once("exit", () => children.delete(child));
  const origin = `http://127.0.0.1:${plan.port}`;
  const ready = await isReady(child, `${origin}${plan.readyPath}`);
  if (!ready || child.pid === undefined) {
    await stop(child);
    return { kind: "failed", reason: startFailure(child, logPath) };
  }
  const { name } = plan;
  const running = {
    name,
    processId: child.pid,
    origin,
    [Symbol.asyncDispose]: () => stop(child),
  };
  return { kind: "started", running };
}

/** However this process ends, its children end with it. */
export function killChildrenAtExit(): void {
  process.once("exit", () => {
    for (const child of children) child.kill("SIGKILL");
  });
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no TCP port was given");
  return address.port;
}

function spawnLogged(plan: ProcessPlan, logPath: string): ChildProcess {
  const plain = [process.execPath, plan.script, ...plan.scriptArguments];
  const [command = process.execPath, ...rest] = canPin() ? pinned(plain, plan.core) : plain;
  const log = openSync(logPath, "a");
  const child = spawn(command, rest, {
    cwd: plan.folder,
    env: plan.environment,
    stdio: ["ignore", log, log],
  });
  child.once("error", (error) => console.error(`${plan.name}: ${error.message}`));
  closeSync(log);
  return child;
}

async function isReady(child: ChildProcess, readyUrl: string): Promise<boolean> {
  for (let poll = 0; poll < readyPollsMax && hasNotEnded(child); poll += 1) {
    if (await answersOk(readyUrl)) return true;
    await sleep(readyPollMs);
  }
  return false;
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // Nobody listens yet: the caller asks again.
    return false;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (!hasNotEnded(child)) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const kill = setTimeout(() => child.kill("SIGKILL"), stopGraceMs);
  await exit;
  clearTimeout(kill);
}

function hasNotEnded(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** The first line of its output that names an error, otherwise the last one. */
function startFailure(child: ChildProcess, logPath: string): string {
  const lines = readFileSync(logPath, "utf8").trim().split("\n");
  const line = lines.find((text) => text.includes("Error")) ?? lines.at(-1);
  const how = child.exitCode === null ? "was not ready in time" : `exit code ${child.exitCode}`;
  return line === undefined || line === "" ? how : `${how}: ${line.trim()}`;
}
