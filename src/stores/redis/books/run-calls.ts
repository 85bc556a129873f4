import type { RedisConnection } from "../open.ts";
import type { ScriptCall } from "./settle-call.ts";

/** What a script gave, or why a server will never run it. */
export type CallOutcome =
  | { readonly kind: "done"; readonly reply: number }
  | { readonly kind: "impossible"; readonly reason: string };

/**
 * Runs many scripts: in one pipeline for each server, and all servers at once. What one server cannot do now stops
 * none of the others; then it rejects, and to run all of it again is safe.
 */
export async function runCalls(
  redis: RedisConnection,
  calls: readonly ScriptCall[],
): Promise<CallOutcome[]> {
  const outcomes = new Array<CallOutcome | undefined>(calls.length);
  const groups = Map.groupBy(calls.keys(), (at) => redis.nodeOf(calls[at]?.keys[0] ?? ""));
  const settled = await Promise.allSettled(
    [...groups.values()].map((places) => runGroup(redis, calls, places, outcomes)),
  );
  const failed = settled.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return outcomes.map((outcome) => outcome ?? { kind: "impossible", reason: "it was not run" });
}

async function runGroup(
  redis: RedisConnection,
  calls: readonly ScriptCall[],
  places: readonly number[],
  outcomes: (CallOutcome | undefined)[],
): Promise<void> {
  const unknown = await pipelined(redis, calls, places, outcomes);
  if (unknown.length === 0) return;
  // The server has not seen the scripts, or has forgotten them. Each is given to it once, with the first call that needs
  // it: of two that say different things of one id, the first is to be the one that counts.
  const firsts = new Map(unknown.toReversed().map((at) => [calls[at]?.script.sha, at]));
  for (const at of firsts.values()) outcomes[at] = await runAlone(redis, calls[at]);
  const rest = unknown.filter((at) => outcomes[at] === undefined);
  const stillUnknown = await pipelined(redis, calls, rest, outcomes);
  for (const at of stillUnknown) outcomes[at] = await runAlone(redis, calls[at]);
}

/** Returns those whose script is unknown there. */
async function pipelined(
  { client }: RedisConnection,
  calls: readonly ScriptCall[],
  places: readonly number[],
  outcomes: (CallOutcome | undefined)[],
): Promise<number[]> {
  if (places.length === 0) return [];
  const pipeline = client.pipeline();
  const sent = places.flatMap((at) => {
    const call = calls[at];
    if (call === undefined) return [];
    pipeline.evalsha(call.script.sha, call.keys.length, ...call.keys, ...call.args);
    return [at];
  });
  const replies = (await pipeline.exec()) ?? [];
  const unknown: number[] = [];
  let failure: Error | undefined;
  for (const [index, at] of sent.entries()) {
    const [error, reply] = replies[index] ?? [new Error("Redis gave too few replies."), undefined];
    if (error === null) outcomes[at] = { kind: "done", reply: Number(reply) };
    else if (error.message.startsWith("NOSCRIPT")) unknown.push(at);
    else if (isForGood(error)) outcomes[at] = { kind: "impossible", reason: error.message };
    else failure ??= error;
  }
  if (failure !== undefined) throw failure;
  return unknown;
}

async function runAlone(
  redis: RedisConnection,
  call: ScriptCall | undefined,
): Promise<CallOutcome | undefined> {
  if (call === undefined) return undefined;
  try {
    const reply = await redis.run(call.script, call.keys, call.args);
    return { kind: "done", reply: Number(reply) };
  } catch (error) {
    if (error instanceof Error && isForGood(error)) {
      return { kind: "impossible", reason: error.message };
    }
    throw error;
  }
}

/** Somebody else's data is in the way: no other time will be better, and all that follows would wait for it. */
const isForGood = ({ message }: Error): boolean =>
  /\bWRONGTYPE\b|is not an integer|would overflow/.test(message);
