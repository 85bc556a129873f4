import { Cluster } from "ioredis";
import type { Redis } from "ioredis";

import type { RedisConnection } from "./open.ts";

/** Every server that takes writes: what is asked of all of a data set is asked of each of them. */
export const mastersOf = ({ client }: Pick<RedisConnection, "client">): readonly Redis[] =>
  client instanceof Cluster ? client.nodes("master") : [client];

/** A server looks at about so many keys for one call: it serves others in between. */
const scanCount = 1_000;

/** The keys of all servers that fit a pattern, some at a time. One may come twice. */
export async function* scanKeys(
  redis: Pick<RedisConnection, "client">,
  pattern: string,
): AsyncGenerator<readonly string[], void> {
  for (const node of mastersOf(redis)) {
    let cursor = "0";
    do {
      const [next, keys] = await node.scan(cursor, "MATCH", pattern, "COUNT", scanCount);
      cursor = next;
      if (keys.length > 0) yield keys;
    } while (cursor !== "0");
  }
}
