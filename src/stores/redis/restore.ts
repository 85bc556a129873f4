import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

import {
  bookKeyPattern,
  controlKeyPattern,
  headerSchema,
  keySchema,
  trailerSchema,
} from "./backup-format.ts";
import type { BackupKey } from "./backup-format.ts";
import { noteRestored } from "./books/loss-watch.ts";
import { scanKeys } from "./masters.ts";
import type { RedisConnection } from "./open.ts";

export interface RestoreOptions {
  readonly redis: RedisConnection;
  readonly path: string;
}

/**
 * Puts a backup into an empty Redis, of any shape. The gateways must not run: they would begin to fill it with what
 * their journals have, which they add at their next start. The file is read twice: nothing is written before all of
 * it is known to be whole. Rejects with a sentence that says what to do.
 */
export async function importRedis({
  redis,
  path,
}: RestoreOptions): Promise<{ readonly keys: number }> {
  await refuseUnlessEmpty(redis);
  for await (const _ of readBackup(path)) {
    // Only whether it can be read to its end.
  }
  let keys = 0;
  for await (const found of readBackup(path)) {
    await writeKey(redis, found);
    keys += 1;
  }
  await noteRestored(redis);
  return { keys };
}

async function refuseUnlessEmpty(redis: RedisConnection): Promise<void> {
  for await (const keys of scanKeys(redis, "{*}:*")) {
    const found = keys.find((key) => controlKeyPattern.test(key) || bookKeyPattern.test(key));
    if (found === undefined) continue;
    throw new Error(
      `Redis is not empty: it has ${found}. Stop all gateways, run FLUSHALL if what is there may go, and restore again.`,
    );
  }
}

async function* readBackup(path: string): AsyncGenerator<BackupKey, void> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  let number = 0;
  let isWhole = false;
  for await (const line of lines) {
    number += 1;
    const content = parsed(line);
    if (number === 1) {
      if (headerSchema.safeParse(content).success) continue;
      throw new Error(`${path} is no backup of Sentinel's Redis, or one of a later version.`);
    }
    const found = keySchema.safeParse(content);
    if (found.success && !isWhole) {
      yield found.data;
      continue;
    }
    isWhole = !isWhole && trailerSchema.safeParse(content).data?.keys === number - 2;
    if (!isWhole) throw new Error(`Line ${number} of ${path} is damaged. Use another backup.`);
  }
  if (!isWhole) throw new Error(`${path} was cut short. Use another backup.`);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Fits no schema, which says the rest.
  }
}

/** Fields for one command. */
const atOnce = 500;

async function writeKey({ client }: RedisConnection, found: BackupKey): Promise<void> {
  const { key } = found;
  switch (found.type) {
    case "string":
      await client.set(key, found.value);
      break;
    case "hash":
      for (const some of chunks(found.value)) await client.hset(key, ...some.flat());
      break;
    case "zset":
      for (const some of chunks(found.value)) {
        await client.zadd(key, ...some.flatMap(([member, score]) => [score, member]));
      }
      break;
    case "set":
      for (const some of chunks(found.value)) await client.sadd(key, ...some);
      break;
    case "counted":
      // Places without a record: the guard against counting twice, and nothing to read.
      for (const some of chunks(found.value)) {
        await client.hset(key, ...some.flatMap((id) => [id, ""]));
      }
      break;
  }
  if (found.expires_at_ms !== undefined) await client.pexpireat(key, found.expires_at_ms);
}

function chunks<Value>(values: readonly Value[]): Value[][] {
  return Array.from({ length: Math.ceil(values.length / atOnce) }, (_, at) =>
    values.slice(at * atOnce, (at + 1) * atOnce),
  );
}
