import { Cluster, Redis } from "ioredis";

import type { Log } from "../../telemetry/log.ts";
import { redisAddressOf } from "./address.ts";
import type { RedisAddress } from "./address.ts";
import { clientSettingsOf } from "./client-settings.ts";
import type { RedisPurpose } from "./client-settings.ts";
import { runScript } from "./script.ts";
import type { RedisScript, ScriptArgument } from "./script.ts";
import { serverProblem, serverWarnings } from "./server-info.ts";
import type { ServerInfo } from "./server-info.ts";
import { watchServers } from "./server-watch.ts";
import type { ServerChange, ServerWatch } from "./server-watch.ts";
import { slotOf } from "./slot.ts";

/** A connection to Redis, to one server or to all of a cluster. It is made anew by itself whenever it breaks. */
export interface RedisConnection extends AsyncDisposable {
  /** ioredis' own, for plain commands. What it sends is rejected at once while there is no connection. */
  readonly client: Redis | Cluster;
  readonly isCluster: boolean;
  /** Whether commands can be sent now. */
  readonly isReady: boolean;
  /** Runs a script. Its keys are of one tenant, and so on one server. */
  run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly ScriptArgument[],
  ): Promise<unknown>;
  /** Has every server know the scripts, also those that are connected to later: the first calls need not send them. */
  preload(scripts: readonly RedisScript[]): void;
  /** Names the server that has a key: what is sent to one may share a pipeline. Empty where there is one server. */
  nodeOf(key: string): string;
  /** A server was restarted, or another became master: what was acknowledged last may be lost. */
  onServerChange(listener: (change: ServerChange) => void): void;
}

export interface OpenRedisOptions {
  /** `SENTINEL_REDIS_URL`; `address.ts` says how it is written. */
  readonly urls: readonly string[];
  readonly purpose: RedisPurpose;
  /** Whether there is no start without it. Otherwise what needs it is degraded until it is there. */
  readonly isRequired?: boolean;
  /** Told of lost and regained connections and of servers that are set up badly. */
  readonly log?: Pick<Log, "info" | "warn">;
  /** Each time that a connection is ready to be used, the first time too. */
  readonly onReady?: () => void;
}

/** A start waits so long for Redis. */
const startWaitMs = 3_000;

/**
 * Connects. A Redis that does not answer within three seconds stops a start where it is required; otherwise what needs
 * it is degraded until it is there, as after any loss. One that answers and cannot be used always does: a wrong
 * password, a version too old. Rejects with a sentence that says how to fix it.
 */
export async function openRedis(options: OpenRedisOptions): Promise<RedisConnection> {
  const { purpose, isRequired = false, log, onReady } = options;
  const address = redisAddressOf(options.urls);
  const client = clientFor(address, purpose);
  const watch = watchServers(client);
  const refusal = Promise.withResolvers<never>();
  const told = new Set<string>();
  const warn = (sentence: string): void => {
    if (told.has(sentence)) return;
    told.add(sentence);
    log?.warn({ part: "redis", purpose }, sentence);
  };
  const checkServer = (info: ServerInfo): void => {
    const problem = serverProblem(info);
    if (problem !== undefined) refusal.reject(new Error(problem));
    if (purpose === "requests") serverWarnings(info).forEach(warn);
  };
  watch.onInfo(checkServer);
  watchConnection(client, { log, purpose, onReady, onRefused: refusal.reject });

  const connected = client.connect().then(
    () => watch.look(),
    () => undefined,
  );
  try {
    const isThere = await Promise.race([whenReady(client, connected), refusal.promise]);
    if (!isThere && isRequired) {
      throw new Error(
        `${unreachable(address)} Tenants and keys are in it: without it nobody could be served.`,
      );
    }
    if (!isThere) warn(unreachable(address));
  } catch (error) {
    client.disconnect();
    throw error;
  }
  refusal.promise.catch(() => {
    // After the start a problem is in the log; the parts that need Redis say that they are degraded.
  });
  return connectionOf(client, watch);
}

function connectionOf(client: Redis | Cluster, watch: ServerWatch): RedisConnection {
  const cluster = client instanceof Cluster ? client : undefined;
  return {
    client,
    isCluster: cluster !== undefined,
    get isReady() {
      return client.status === "ready";
    },
    run: (script, keys, args) => {
      if (client instanceof Redis) sendTogether(client);
      return runScript(client, script, keys, args);
    },
    nodeOf: (key) => (cluster === undefined ? "" : (cluster.slots[slotOf(key)]?.[0] ?? "")),
    preload: (scripts) => {
      watch.onServer((server) => {
        for (const { text } of scripts) {
          server.script("LOAD", text).catch(() => undefined); // The first call sends it then.
        }
      });
    },
    onServerChange: (listener) => {
      watch.onChange(listener);
    },
    [Symbol.asyncDispose]: async () => {
      await closeClient(client);
    },
  };
}

const corked = new WeakSet<object>();

/**
 * What is sent in one turn of the event loop leaves in one piece: a write of its own for each command costs more
 * than all else about it. ioredis' own pipelining waits for the answers of the pipeline before.
 */
function sendTogether({ stream }: Redis): void {
  if (corked.has(stream)) return;
  corked.add(stream);
  stream.cork();
  process.nextTick(() => {
    corked.delete(stream);
    stream.uncork();
  });
}

/** What was sent is answered first, if that is soon. */
async function closeClient(client: Redis | Cluster): Promise<void> {
  if (client.status === "ready") {
    await Promise.race([
      client.quit().catch(() => undefined), // It is gone already, which is what was wanted.
      new Promise((resolve) => setTimeout(resolve, closeWaitMs).unref()),
    ]);
  }
  client.disconnect();
}
const closeWaitMs = 500;

function clientFor(address: RedisAddress, purpose: RedisPurpose): Redis | Cluster {
  const settings = clientSettingsOf(purpose);
  const { retryStrategy, ...perNode } = settings;
  const access = {
    connectionName: `sentinel-${purpose}`,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.isTls ? { tls: {} } : {}),
  };
  switch (address.kind) {
    case "single":
      return new Redis({ ...settings, ...access, ...address.node, db: address.database });
    case "sentinel": {
      const guarded = {
        ...settings,
        ...access,
        db: address.database,
        sentinels: [...address.nodes],
        name: address.masterName,
        failoverDetector: true,
        sentinelCommandTimeout: 1_000,
        sentinelRetryStrategy: (times: number) => Math.min(50 * times, 500),
        enableTLSForSentinelMode: address.isTls,
        ...(address.isTls ? { sentinelTLS: {} } : {}),
        ...(address.sentinelPassword === undefined
          ? {}
          : { sentinelPassword: address.sentinelPassword }),
      };
      return new Redis(guarded);
    }
    case "cluster":
      return new Cluster([...address.nodes], {
        lazyConnect: true,
        enableOfflineQueue: settings.enableOfflineQueue ?? false,
        clusterRetryStrategy: (times) => Math.min(50 * times, 500),
        // A node that comes back at its place is connected to again without waiting for somebody's error.
        clusterNodeRetryStrategy: retryStrategy ?? null,
        slotsRefreshTimeout: 2_000,
        slotsRefreshInterval: 2_000,
        maxRedirections: purpose === "requests" ? 4 : 16,
        retryDelayOnClusterDown: 100,
        // Certificates name hosts, the cluster's map has addresses.
        ...(address.isTls
          ? {
              dnsLookup: (host: string, done: (e: null, found: string) => void) => {
                done(null, host);
              },
            }
          : {}),
        redisOptions: { ...perNode, ...access },
      });
  }
}

interface ConnectionListeners {
  readonly log: OpenRedisOptions["log"];
  readonly purpose: RedisPurpose;
  readonly onReady: (() => void) | undefined;
  readonly onRefused: (error: Error) => void;
}

/** Errors come with each attempt to connect; the log hears of the first, and of the connection's return. */
function watchConnection(client: Redis | Cluster, listeners: ConnectionListeners): void {
  const { log, purpose, onReady, onRefused } = listeners;
  let isLost = false;
  const noteError = (error: Error): void => {
    const cause = causeOf(error);
    if (isRefusal(cause)) {
      onRefused(
        new Error(
          `Redis refuses the connection (${cause.message}) Put the right user and password into SENTINEL_REDIS_URL: redis://user:password@host:6379.`,
        ),
      );
    }
    if (!isLost) {
      isLost = true;
      log?.warn({ part: "redis", purpose, reason: cause.message }, "Redis does not answer");
    }
  };
  client.on("error", noteError);
  if (client instanceof Cluster) client.on("node error", noteError);
  client.on("ready", () => {
    if (isLost) log?.info({ part: "redis", purpose }, "Redis answers again");
    isLost = false;
    onReady?.();
  });
}

/** A cluster's error has the last node's within. */
function causeOf(error: Error & { readonly lastNodeError?: unknown }): Error {
  return error.lastNodeError instanceof Error ? error.lastNodeError : error;
}

const isRefusal = ({ message }: Error): boolean => /^(?:NOAUTH|WRONGPASS|NOPERM)\b/.test(message);

/** Whether it is there within the time that a start waits. */
async function whenReady(client: Redis | Cluster, connected: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, startWaitMs);
  });
  const ready = new Promise<void>((resolve) => client.once("ready", () => resolve()));
  await Promise.race([Promise.all([ready, connected]), tooLate]);
  clearTimeout(timer);
  return client.status === "ready";
}

function unreachable(address: RedisAddress): string {
  const nodes = address.kind === "single" ? [address.node] : address.nodes;
  const named = nodes.map(({ host, port }) => `${host}:${port}`).join(", ");
  return `Redis is not reachable at ${named}. Start it, or correct SENTINEL_REDIS_URL.`;
}
