import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";

import { entriesToStart } from "./built-sentinel.ts";

/** Sentinel as a person runs it: a process of its own, started from its entry, with a folder to work in. */
export interface SentinelProcess extends AsyncDisposable {
  /** Without `/v1`; from its "listening" line. */
  readonly url: string;
  /** From the `credentials.json` that it wrote, or the presets that it was given. */
  readonly apiKey: string;
  readonly adminToken: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Everything printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON lines among it. */
  readonly lines: readonly LogLine[];
  /** Waits for a line with this message, or one that is true for the function; looks at earlier ones too. */
  waitForLine(wanted: string | ((line: LogLine) => boolean)): Promise<LogLine>;
  /** Replaces `sentinel.yaml`; the process reads it on SIGHUP. */
  writeYaml(yaml: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** How it ended, once it has. */
  readonly exit: Promise<Exit>;
  /** SIGTERM, and its end. */
  stop(): Promise<Exit>;
}

export type LogLine = Readonly<Record<string, unknown>>;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  /** Environment variables; this process's own are not handed on, save where programs and Node's cache are. */
  readonly env?: Readonly<Record<string, string>>;
  /** `sentinel.yaml`. */
  readonly yaml?: string;
  /** A folder that outlives the process, to start in again; without it there is a new one, deleted at the end. */
  readonly folder?: string;
  /** In place of the gateway's, which is that of the build if there is one (`built-sentinel.ts`). */
  readonly entry?: string;
}

const patienceMs = 20_000;

/** Starts it on a free port and resolves once it listens. Rejects with what it printed if it ends before. */
export async function startSentinel(options: ProcessOptions = {}): Promise<SentinelProcess> {
  const run = await launchSentinel(options);
  try {
    const listening = await run.waitForLine("listening");
    const credentials = readCredentials(run.dataDir);
    return Object.assign(run, {
      url: String(listening["url"]),
      apiKey: options.env?.["SENTINEL_DEFAULT_KEY"] ?? credentials.apiKey ?? "",
      adminToken: options.env?.["SENTINEL_ADMIN_TOKEN"] ?? credentials.adminToken ?? "",
    });
  } catch (error) {
    await run[Symbol.asyncDispose]();
    throw error;
  }
}

/** For a start that is to fail: resolves when the process has ended. */
export async function runToEnd(
  options: ProcessOptions,
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  await using run = await launchSentinel(options);
  const exit = await run.exit;
  return { ...exit, stdout: run.stdout, stderr: run.stderr };
}

export type Launched = Omit<SentinelProcess, "url" | "apiKey" | "adminToken">;

/** Starts it and waits for nothing: for a start that is broken off. */
export async function launchSentinel(options: ProcessOptions): Promise<Launched> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "sentinel-process-")));
  const yamlPath = join(folder, "sentinel.yaml");
  if (options.yaml !== undefined) await writeFile(yamlPath, options.yaml);
  const child = spawn(process.execPath, [options.entry ?? entriesToStart().main], {
    cwd: folder,
    env: { ...inherited(), ...testSettings, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = endOf(child);
  const printed = readPrinted(child);
  const kill = (signal: NodeJS.Signals): void => void child.kill(signal);
  return {
    pid: child.pid ?? 0,
    dataDir: join(folder, options.env?.["SENTINEL_DATA_DIR"] ?? "data"),
    get stdout() {
      return printed.stdout;
    },
    get stderr() {
      return printed.stderr;
    },
    lines: printed.lines,
    exit,
    kill,
    waitForLine: (wanted) => printed.waitFor(wanted, exit),
    writeYaml: (yaml) => writeFile(yamlPath, yaml),
    stop: () => {
      kill("SIGTERM");
      return exit;
    },
    [Symbol.asyncDispose]: async () => {
      kill("SIGKILL");
      await exit;
      if (options.folder === undefined)
        await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Tests leave connections open, and none of them has a request on its way when it stops a process. */
const testSettings = { SENTINEL_PORT: "0", SENTINEL_DRAIN_IDLE_MS: "0" } as const;

function inherited(): Record<string, string | undefined> {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}

const running = new Set<ChildProcess>();

/** A test run that is broken off leaves no process behind. */
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** `close` and not `exit`: only then has everything that it printed been read. */
function endOf(child: ChildProcess): Promise<Exit> {
  running.add(child);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
}

interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly LogLine[];
  waitFor(wanted: Parameters<Launched["waitForLine"]>[0], exit: Promise<Exit>): Promise<LogLine>;
}

function readPrinted(child: ChildProcess): Printed {
  const text = { stdout: "", stderr: "" };
  const lines: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  let unfinished = "";
  collect(child, "stderr", (part) => (text.stderr += part));
  collect(child, "stdout", (part) => {
    text.stdout += part;
    const whole = (unfinished + part).split("\n");
    unfinished = whole.pop() ?? "";
    for (const line of whole.flatMap(parseLine)) {
      lines.push(line);
      for (const look of waiting) look(line);
    }
  });
  return {
    get stdout() {
      return text.stdout;
    },
    get stderr() {
      return text.stderr;
    },
    lines,
    waitFor: (wanted, exit) => {
      const isWanted = typeof wanted === "string" ? hasMessage(wanted) : wanted;
      const found = lines.find(isWanted);
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve, reject) => {
        const what = typeof wanted === "string" ? `the line "${wanted}"` : "a line";
        const stop = (why: string): void => {
          clearTimeout(timer);
          waiting.delete(look);
          reject(new Error(`Sentinel ${why} before ${what}:\n${text.stdout}${text.stderr}`));
        };
        const timer = setTimeout(stop, patienceMs, `ran for ${patienceMs} ms`);
        const look = (line: LogLine): void => {
          if (!isWanted(line)) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        void exit.then(({ code, signal }) => {
          stop(`ended (${code ?? signal ?? "?"})`);
        }, reject);
      });
    },
  };
}

const hasMessage =
  (message: string) =>
  (line: LogLine): boolean =>
    line["msg"] === message;

function collect(child: ChildProcess, from: "stdout" | "stderr", take: (part: string) => void) {
  const decoder = new StringDecoder("utf8");
  child[from]?.on("data", (chunk: Buffer) => {
    take(decoder.write(chunk));
  });
}

/** The credentials of a first start are printed for people, so not every line is JSON. */
function parseLine(line: string): LogLine[] {
  if (!line.startsWith("{")) return [];
  return [JSON.parse(line) as LogLine];
}

interface KeptCredentials {
  readonly apiKey?: string;
  readonly adminToken?: string;
}

function readCredentials(dataDir: string): KeptCredentials {
  const path = join(dataDir, "credentials.json");
  if (!existsSync(path)) return {};
  return JSON.parse(readFileSync(path, "utf8")) as KeptCredentials;
}
