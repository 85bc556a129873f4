import type { RedisConnection } from "../open.ts";
import { mastersOf } from "../masters.ts";

const lookEveryMs = 5_000;

/**
 * Which servers have room for a cache. Redis keeps limits and books as well, and refuses every write when its memory is
 * full: long before that nothing more is put into the cache.
 */
export class ServerRoom implements Disposable {
  readonly #redis: RedisConnection;
  readonly #shareMax: number;
  readonly #timer: NodeJS.Timeout;
  /** As `RedisConnection.nodeOf` names them. */
  #full: ReadonlySet<string> = new Set();

  /** A server is full when so much of its `maxmemory` is used. One without a bound never is. */
  constructor(redis: RedisConnection, shareMax: number) {
    this.#redis = redis;
    this.#shareMax = shareMax;
    this.#timer = setInterval(() => void this.look(), lookEveryMs);
    this.#timer.unref();
    void this.look();
  }

  isFull(node: string): boolean {
    return this.#full.has(node);
  }

  async look(): Promise<void> {
    const full = await Promise.all(
      mastersOf(this.#redis).map(async (server) => {
        // One that does not answer takes no writes either.
        const memory = await server.info("memory").catch(() => "");
        if (usedShare(memory) <= this.#shareMax) return [];
        const { host = "", port = "" } = server.options;
        return this.#redis.isCluster ? [`${host}:${port}`] : [""];
      }),
    );
    this.#full = new Set(full.flat());
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

function usedShare(memory: string): number {
  const numberOf = (name: string): number =>
    Number(new RegExp(`^${name}:(\\d+)`, "m").exec(memory)?.[1] ?? 0);
  const most = numberOf("maxmemory");
  return most === 0 ? 0 : numberOf("used_memory") / most;
}
