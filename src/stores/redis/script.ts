import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import type { Cluster, Redis } from "ioredis";

/** A Lua script, which a server runs as one step. It lies in a `.lua` file beside the code that calls it. */
export interface RedisScript {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
}

export type ScriptArgument = string | number | Buffer;

/**
 * Reads a script, and before it the fragments that it uses: functions that several scripts share, one after the
 * other in the order given.
 */
export function readScript(file: URL, fragments: readonly URL[] = []): RedisScript {
  const text = [...fragments, file].map((part) => readFileSync(part, "utf8")).join("\n");
  return scriptOf(file.pathname.slice(file.pathname.lastIndexOf("/") + 1), text);
}

export function scriptOf(name: string, text: string): RedisScript {
  return { name, text, sha: createHash("sha1").update(text).digest("hex") };
}

/** By its hash, and by its text where the server does not know it: after a restart, a failover, SCRIPT FLUSH. */
export async function runScript(
  client: Redis | Cluster,
  { sha, text }: RedisScript,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<unknown> {
  try {
    return await client.evalsha(sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return client.eval(text, keys.length, ...keys, ...args);
  }
}
