import type { Redis } from "ioredis";

/** What one server says of itself. */
export interface ServerInfo {
  /** Another after each start of the server: what it had not written to disk is lost then. */
  readonly runId: string;
  readonly version: string;
  readonly isMaster: boolean;
  readonly evictionPolicy: string;
  readonly isPersistent: boolean;
}

export async function readServerInfo(node: Redis): Promise<ServerInfo> {
  const text = await node.info();
  const fields = new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(":");
      return colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]];
    }),
  );
  const read = (name: string): string => fields.get(name) ?? "";
  return {
    runId: read("run_id"),
    version: read("redis_version"),
    isMaster: read("role") !== "slave",
    evictionPolicy: read("maxmemory_policy"),
    isPersistent: read("aof_enabled") !== "0",
  };
}

const majorMin = 7;

/** What makes a server unusable, in a sentence with the fix; undefined where it will do. */
export function serverProblem({ version }: ServerInfo): string | undefined {
  if (Number.parseInt(version, 10) >= majorMin) return undefined;
  return `Redis is version ${version}, and Sentinel needs ${majorMin} or later (or Valkey). Upgrade it, or use SENTINEL_STORE=sqlite.`;
}

/** What will go wrong one day, each in a sentence with the fix. */
export function serverWarnings(info: ServerInfo): string[] {
  const found: string[] = [];
  if (info.evictionPolicy !== "" && info.evictionPolicy !== "noeviction") {
    found.push(
      `Redis' maxmemory-policy is ${info.evictionPolicy}: when its memory is full it deletes budgets and records. Run CONFIG SET maxmemory-policy noeviction, and put it into redis.conf.`,
    );
  }
  if (!info.isPersistent) {
    found.push(
      "Redis does not write to disk what it acknowledges (appendonly no): a restart loses it, and only what the journal still has comes back. Run CONFIG SET appendonly yes, and put it into redis.conf.",
    );
  }
  if (!info.isMaster) {
    found.push(
      "Redis is a replica, which takes no writes. SENTINEL_REDIS_URL must name the master, or Redis Sentinels with ?sentinel=<master's name>.",
    );
  }
  return found;
}
