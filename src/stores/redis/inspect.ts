import type { Redis } from "ioredis";

import { mastersOf } from "./masters.ts";
import type { RedisConnection } from "./open.ts";
import { readServerInfo, serverWarnings } from "./server-info.ts";

/** How one server is doing, for `sentinel doctor`. */
export interface ServerState {
  /** `host:port`. */
  readonly name: string;
  readonly version: string;
  /** The quickest of some pings: what the network takes. */
  readonly pingMs: number;
  /** How far its clock is ahead of ours. */
  readonly aheadMs: number;
  readonly memoryBytes: number;
  /** 0: no limit. */
  readonly memoryBytesMax: number;
  /** What will go wrong one day, each in a sentence with the fix. */
  readonly warnings: readonly string[];
}

/** Every server that takes writes. Rejects if one does not answer. */
export function inspectServers(redis: RedisConnection): Promise<readonly ServerState[]> {
  return Promise.all(mastersOf(redis).map(inspect));
}

async function inspect(node: Redis): Promise<ServerState> {
  const info = await readServerInfo(node);
  const memory = await node.info("memory");
  const { pingMs, aheadMs } = await measure(node);
  return {
    name: nameOf(node),
    version: info.version,
    pingMs,
    aheadMs,
    memoryBytes: numberOf(memory, "used_memory"),
    memoryBytesMax: numberOf(memory, "maxmemory"),
    warnings: serverWarnings(info),
  };
}

/** Redis Sentinel says who is master: the options do not. */
function nameOf({ options, stream }: Redis): string {
  const { host = "", port = 0, sentinels } = options;
  if (!Array.isArray(sentinels)) return `${host}:${port}`;
  return `${stream.remoteAddress ?? host}:${"remotePort" in stream ? stream.remotePort : port}`;
}

const pings = 5;

/** Its clock, as of the quickest answer: half of the way there, and half of the way back. */
async function measure(node: Redis): Promise<{ pingMs: number; aheadMs: number }> {
  let best = { pingMs: Number.POSITIVE_INFINITY, aheadMs: 0 };
  for (let ping = 0; ping < pings; ping++) {
    const [sentMs, begunMs] = [Date.now(), performance.now()];
    const [seconds, microseconds] = await node.time();
    const pingMs = performance.now() - begunMs;
    const theirsMs = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
    if (pingMs < best.pingMs) best = { pingMs, aheadMs: theirsMs - (sentMs + pingMs / 2) };
  }
  return best;
}

const numberOf = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
