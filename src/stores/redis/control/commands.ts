import { Failure } from "../../../errors.ts";

/** What this folder needs of a connection to Redis, single or cluster. */
export interface RedisCommands {
  call(command: string, ...values: (string | number)[]): Promise<unknown>;
}

/** A client can try again a little later. */
const retryAfterMs = 1_000;

/** The same connection, whose calls reject with `store_unavailable` instead of what Redis or its client said. */
export const withFailures = (inner: RedisCommands): RedisCommands => ({
  call: (command, ...values) => inner.call(command, ...values).catch(fail),
});

function fail(cause: unknown): never {
  throw new Failure("store_unavailable", "Sentinel's Redis does not answer. Try again shortly.", {
    cause,
    retryAfterMs,
  });
}

/** Runs a script that is small and rare, so that it travels as text. */
export function runScript(
  redis: RedisCommands,
  script: string,
  keys: readonly string[],
  values: readonly (string | number)[],
): Promise<unknown> {
  return redis.call("EVAL", script, keys.length, ...keys, ...values);
}

/** A list of text, with null for what is missing; Redis gives no other here. */
export const asTexts = (reply: unknown): (string | null)[] => reply as (string | null)[];

export const asText = (reply: unknown): string | undefined =>
  typeof reply === "string" ? reply : undefined;
