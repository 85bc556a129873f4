import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

import { entriesToStart } from "./built-sentinel.ts";

/** What `sentinel` printed, and how it ended. */
export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** `stdout`, parsed: an object, or a list of them. */
  json(): Row;
  rows(): readonly Row[];
}

export type Row = Readonly<Record<string, unknown>>;

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** `bin/sentinel.js`, beside the build if there is one. */
export const cliPath = entriesToStart().cli;

/** Runs it in a folder, with no more of our environment than where programs are. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliRun> {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const cache = NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
  const child = spawn(process.execPath, [cliPath, ...args], {
    cwd: options.cwd,
    env: { PATH, ...cache, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(options.stdin ?? "");
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return {
    code,
    stdout,
    stderr,
    json: () => JSON.parse(stdout) as Row,
    rows: () => JSON.parse(stdout) as Row[],
  };
}
