/** Where Redis is, read from `SENTINEL_REDIS_URL`. */
export type RedisAddress =
  | ({ readonly kind: "single"; readonly node: RedisNode } & RedisAccess)
  | ({ readonly kind: "cluster"; readonly nodes: readonly RedisNode[] } & RedisAccess)
  | ({
      readonly kind: "sentinel";
      /** Of the Redis Sentinels, not of Redis. */
      readonly nodes: readonly RedisNode[];
      /** The master's name, as the Redis Sentinels know it. */
      readonly masterName: string;
      readonly sentinelPassword: string | undefined;
    } & RedisAccess);

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisAccess {
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

/**
 * One URL is a single server, several are nodes of a cluster, and `?sentinel=<master's name>` says that they are
 * Redis Sentinels, who know which server is master:
 *
 *     redis://user:password@host:6379/0
 *     rediss://host:6379                                         TLS
 *     redis://a:7000,redis://b:7000                              Cluster
 *     redis://:password@s1:26379/0?sentinel=mymaster,redis://s2:26379
 *
 * User, password and database are Redis' own, the first URL's that has them; Redis Sentinels that want a password
 * get `&sentinel_password=`. Throws an error with a sentence for the operator.
 */
export function redisAddressOf(urls: readonly string[]): RedisAddress {
  const parsed = urls.map((url) => new URL(url));
  if (parsed.length === 0) throw new Error("SENTINEL_REDIS_URL is empty.");
  const query = (name: string): string | undefined =>
    parsed.map(({ searchParams }) => searchParams.get(name)).find((value) => value !== null) ??
    undefined;
  const masterName = query("sentinel");
  const nodes = parsed.map((url) => nodeOf(url, masterName === undefined ? 6_379 : 26_379));
  const access = accessOf(parsed);
  checkQueries(parsed);
  if (masterName !== undefined) {
    const sentinelPassword = query("sentinel_password");
    return { kind: "sentinel", nodes, masterName, sentinelPassword, ...access };
  }
  const [node] = nodes;
  if (nodes.length === 1 && node !== undefined) return { kind: "single", node, ...access };
  if (access.database !== 0) {
    throw new Error(
      "SENTINEL_REDIS_URL: a Redis Cluster has database 0 alone. Take the number out.",
    );
  }
  return { kind: "cluster", nodes, ...access };
}

function nodeOf({ hostname, port }: URL, defaultPort: number): RedisNode {
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? defaultPort : Number(port),
  };
}

function accessOf(urls: readonly URL[]): RedisAccess {
  const first = (read: (url: URL) => string): string | undefined =>
    urls.map(read).find((text) => text !== "");
  const [isTls = false, ...others] = urls.map(({ protocol }) => protocol === "rediss:");
  if (others.some((other) => other !== isTls)) {
    throw new Error("SENTINEL_REDIS_URL has redis:// and rediss:// mixed: all must be the same.");
  }
  const database = first(({ pathname }) => pathname.slice(1)) ?? "0";
  if (!/^\d{1,5}$/.test(database)) {
    throw new Error(
      "SENTINEL_REDIS_URL: what follows the host must be a database's number, as /0.",
    );
  }
  const username = first((url) => decodeURIComponent(url.username));
  const password = first((url) => decodeURIComponent(url.password));
  return { isTls, username, password, database: Number(database) };
}

const knownQueries = ["sentinel", "sentinel_password"];

function checkQueries(urls: readonly URL[]): void {
  const names = urls.flatMap(({ searchParams }) => [...searchParams.keys()]);
  const unknown = names.find((name) => !knownQueries.includes(name));
  if (unknown === undefined) return;
  throw new Error(
    `SENTINEL_REDIS_URL has ?${unknown}=, which Sentinel does not know. It knows ${knownQueries.join(" and ")}.`,
  );
}
