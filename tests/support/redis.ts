import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Redis } from "ioredis";

import { commandExists } from "./command-exists.ts";

/** A Redis process of a test's own, on a free port, in a temporary folder. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Sends one command and gives its reply; over a connection of its own, made when it is first needed. */
  command(name: string, ...args: (string | number)[]): Promise<unknown>;
  /** As a power cut does: SIGKILL. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** Stops answering without closing anything, until `resume`: a black hole. */
  pause(): void;
  resume(): void;
  /** Kills what runs and starts again on the same port, with what it had written to its folder. */
  restart(): Promise<void>;
}

export interface RedisServerOptions {
  /** Acknowledged writes are on disk within a second, and read again at a restart. */
  readonly appendOnly?: boolean;
  /** Bytes, or as `8mb`. */
  readonly maxMemory?: string;
  readonly password?: string;
  /** More of redis-server's arguments, as `["--databases", "4"]`. */
  readonly args?: readonly string[];
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const { appendOnly = false, maxMemory, password } = options;
  const more = [
    ["--appendonly", appendOnly ? "yes" : "no"],
    ["--maxmemory-policy", "noeviction"],
    maxMemory === undefined ? [] : ["--maxmemory", maxMemory],
    password === undefined ? [] : ["--requirepass", password],
    options.args ?? [],
  ].flat();
  return startProcess({ args: more, password });
}

/** A master, a replica of it, and a Redis Sentinel that makes the replica master when the master is gone. */
export interface RedisPair extends AsyncDisposable {
  /** As `SENTINEL_REDIS_URL` takes it: the address of Redis Sentinel with the master's name. */
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinel: RedisServer;
}

/** So long a master is silent before Redis Sentinel takes it for dead. */
const downAfterMs = 500;

export async function startRedisPair(): Promise<RedisPair> {
  await using made = new AsyncDisposableStack();
  const master = made.use(await startRedis({ args: ["--repl-diskless-sync-delay", "0"] }));
  const replicaOf = ["--replicaof", master.host, String(master.port)];
  const replica = made.use(
    await startRedis({ args: [...replicaOf, "--repl-diskless-sync-delay", "0"] }),
  );
  await untilTrue("the replica has all that the master has", async () =>
    String(await replica.command("INFO", "replication")).includes("master_link_status:up"),
  );
  const sentinel = made.use(await startProcess({ args: [], isSentinel: true }));
  await sentinel.command("SENTINEL", "MONITOR", "mymaster", master.host, master.port, 1);
  const set = (name: string, value: number): Promise<unknown> =>
    sentinel.command("SENTINEL", "SET", "mymaster", name, value);
  await set("down-after-milliseconds", downAfterMs);
  // One that came to nothing is tried again after twice that, while a test still waits.
  await set("failover-timeout", 2_000);
  await untilTrue("Redis Sentinel knows the replica", async () => {
    const replicas = await sentinel.command("SENTINEL", "REPLICAS", "mymaster");
    return JSON.stringify(replicas).includes(String(replica.port));
  });
  const url = `redis://${sentinel.host}:${sentinel.port}/0?sentinel=mymaster`;
  const owned = made.move();
  return { url, master, replica, sentinel, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Three masters that share all slots. */
export interface RedisCluster extends AsyncDisposable {
  readonly urls: readonly string[];
  readonly nodes: readonly RedisServer[];
  /** Which of the nodes has the key. */
  nodeOf(key: string): Promise<RedisServer>;
}

const slotCount = 16_384;

export async function startRedisCluster(): Promise<RedisCluster> {
  await using made = new AsyncDisposableStack();
  const busPorts = await Promise.all([freePort(), freePort(), freePort()]);
  const nodes = await Promise.all(
    busPorts.map((busPort) =>
      startRedis({
        args: [
          ["--cluster-enabled", "yes", "--cluster-port", String(busPort)],
          ["--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"],
        ].flat(),
      }),
    ),
  );
  for (const node of nodes) made.use(node);
  const bounds = nodes.map((_, index) => Math.floor((index * slotCount) / nodes.length));
  for (const [index, node] of nodes.entries()) {
    const end = (bounds[index + 1] ?? slotCount) - 1;
    await node.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    await node.command("CLUSTER", "ADDSLOTSRANGE", bounds[index] ?? 0, end);
    for (const [other, met] of nodes.entries()) {
      if (other >= index) continue;
      await node.command("CLUSTER", "MEET", met.host, met.port, busPorts[other] ?? 0);
    }
  }
  await untilTrue("all nodes know of all slots", async () => {
    const infos = await Promise.all(nodes.map((node) => node.command("CLUSTER", "INFO")));
    return infos.every((info) => /cluster_state:ok[^]*cluster_known_nodes:3/.test(String(info)));
  });
  const owned = made.move();
  return {
    urls: nodes.map(({ url }) => url),
    nodes,
    nodeOf: async (key) => {
      const slot = Number(await nodes[0]?.command("CLUSTER", "KEYSLOT", key));
      const index = bounds.findLastIndex((start) => start <= slot);
      const node = nodes[index];
      if (node === undefined) throw new Error(`no node has slot ${slot}`);
      return node;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface ProcessSettings {
  readonly args: readonly string[];
  readonly password?: string | undefined;
  readonly isSentinel?: boolean;
}

const host = "127.0.0.1";
const patienceMs = 20_000;

/** Another process may take a port between our look and the start: then another port is tried. */
const startsMax = 5;

async function startProcess(settings: ProcessSettings): Promise<RedisServer> {
  if (!commandExists("redis-server")) {
    throw new Error(
      "These tests need redis-server, version 7 or later: apt-get install redis-server (macOS: brew install redis).",
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "sentinel-redis-"));
  try {
    for (let start = 1; ; start += 1) {
      const server = new ServerProcess(folder, await freePort(), settings);
      try {
        await server.start();
        return server;
      } catch (error) {
        if (start === startsMax || !String(error).includes("Address already in use")) throw error;
      }
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    throw error;
  }
}

const running = new Set<ChildProcess>();

/** A test run that is broken off leaves no process behind. */
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

class ServerProcess implements RedisServer {
  readonly host = host;
  readonly port: number;
  readonly url: string;
  readonly #folder: string;
  readonly #settings: ProcessSettings;
  #child: ChildProcess | undefined;
  #client: Redis | undefined;

  constructor(folder: string, port: number, settings: ProcessSettings) {
    this.#folder = folder;
    this.#settings = settings;
    this.port = port;
    const password = settings.password === undefined ? "" : `:${settings.password}@`;
    this.url = `redis://${password}${host}:${port}`;
  }

  async start(): Promise<void> {
    const { args, isSentinel = false } = this.#settings;
    const command = isSentinel
      ? [await this.#writeSentinelFile(), "--sentinel"]
      : ["--save", "", "--enable-debug-command", "yes"];
    const place = ["--port", String(this.port), "--bind", host, "--dir", this.#folder];
    const child = spawn("redis-server", [...command, ...place, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    child.once("exit", () => running.delete(child));
    this.#child = child;
    await untilReady(child, isSentinel ? "Sentinel ID is" : "Ready to accept connections");
  }

  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const { password } = this.#settings;
    const client = (this.#client ??= new Redis({
      host,
      port: this.port,
      ...(password === undefined ? {} : { password }),
      maxRetriesPerRequest: 3,
    }).on("error", () => {
      // What a command meets, the command says.
    }));
    return client.call(name, ...args);
  }

  async kill(): Promise<void> {
    this.#client?.disconnect();
    this.#client = undefined;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Redis Sentinel insists on a file that it can write its state to. */
  async #writeSentinelFile(): Promise<string> {
    const { appendFile } = await import("node:fs/promises");
    const path = join(this.#folder, "sentinel.conf");
    await appendFile(path, "");
    return path;
  }
}

function untilReady(child: ChildProcess, wanted: string): Promise<void> {
  let printed = "";
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`redis-server ${why}:\n${printed}`));
    };
    const timer = setTimeout(fail, patienceMs, `was not ready after ${patienceMs} ms`);
    const read = (part: Buffer): void => {
      printed = (printed + part.toString()).slice(-20_000);
      if (!printed.includes(wanted)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("error", (error) => fail(`cannot be started: ${error.message}`));
    child.once("close", (code) => fail(`ended with ${code ?? "a signal"}`));
  });
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Waits for something that is asked for by a promise. Rejects with `what` after twenty seconds. */
export async function untilTrue(
  what: string,
  isTrue: () => Promise<boolean>,
  waitMs = patienceMs,
): Promise<void> {
  const deadlineMs = performance.now() + waitMs;
  while (!(await isTrue())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
