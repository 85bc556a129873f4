import { randomUUID } from "node:crypto";

import type { RedisConnection } from "../open.ts";
import { readServerInfo } from "../server-info.ts";
import { mastersOf } from "../masters.ts";
import { slotOf } from "../slot.ts";

/** Which data set this is, and which servers hold it. Each is another text when something may be lost. */
export interface RedisIdentity {
  readonly epochs: string;
  readonly servers: string;
}

/**
 * `restarted`: another process serves, which may not have what was acknowledged last. `unsaved`: the same, and
 * the servers do not write to disk what they acknowledge. `emptied`: what was there is gone.
 */
export type Loss = "restarted" | "unsaved" | "emptied";

export interface LossWatch extends Disposable {
  /** What the last look has found. */
  readonly known: RedisIdentity | undefined;
  /** Tells of a loss since the last look, before it resolves. Rejects while a server does not answer. */
  look(): Promise<RedisIdentity>;
  /** A look where there is reason for one: the connection was lost, or the last look was a second ago. */
  lookIfDue(): Promise<void>;
}

/** An empty data set is noticed after so long: one MGET's worth of work. */
const lookEveryMs = 1_000;
/** And where nothing is written, after so long. */
const idleLookMs = 5_000;

/**
 * Redis does not say that it has lost something, so it is asked: who it is, after each break of the connection, and
 * once a second for keys that are made once and never change. There are several, spread over a cluster's slots, so
 * that one node of it that comes back empty is noticed too.
 */
export function watchLosses(
  redis: RedisConnection,
  onLoss: (loss: Loss) => void,
  onError: (error: unknown) => void,
): LossWatch {
  let known: RedisIdentity | undefined;
  let isSuspect = true;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<RedisIdentity> | undefined;

  const lookNow = async (): Promise<RedisIdentity> => {
    const asksServers = isSuspect || known === undefined;
    isSuspect = false;
    try {
      const asked = asksServers ? await serversOf(redis) : undefined;
      const epochs = await readEpochs(redis);
      const before = known;
      known = { epochs, servers: serversNow(asked, before) };
      lookedAtMs = performance.now();
      if (before !== undefined) tell(before, known, asked?.areSaved ?? true);
      return known;
    } catch (error) {
      isSuspect ||= asksServers;
      throw error;
    }
  };
  const tell = (before: RedisIdentity, now: RedisIdentity, areSaved: boolean): void => {
    if (before.epochs !== now.epochs) onLoss("emptied");
    else if (before.servers !== now.servers) onLoss(areSaved ? "restarted" : "unsaved");
  };
  const look = (): Promise<RedisIdentity> => {
    looking ??= lookNow().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const suspect = (): void => {
    isSuspect = true;
  };
  const lookIfDue = async (): Promise<void> => {
    if (isSuspect || performance.now() - lookedAtMs >= lookEveryMs) await look();
  };
  for (const event of ["close", "+node", "-node"]) redis.client.on(event, suspect);
  redis.onServerChange(suspect);
  const timer = setInterval(() => {
    if (redis.isReady) lookIfDue().catch(onError);
  }, idleLookMs).unref();
  return {
    get known() {
      return known;
    },
    look,
    lookIfDue,
    [Symbol.dispose]: () => {
      clearInterval(timer);
      for (const event of ["close", "+node", "-node"]) redis.client.off(event, suspect);
    },
  };
}

interface Servers {
  readonly ids: string;
  readonly areSaved: boolean;
}

const serversNow = (asked: Servers | undefined, before: RedisIdentity | undefined): string =>
  asked?.ids ?? before?.servers ?? "";

async function serversOf(redis: RedisConnection): Promise<Servers> {
  const infos = await Promise.all(mastersOf(redis).map(readServerInfo));
  return {
    ids: infos
      .map(({ runId }) => runId)
      .sort()
      .join(" "),
    areSaved: infos.every(({ isPersistent }) => isPersistent),
  };
}

/** Which data set a backup was put into: all of it is new, and that is no loss. */
const restoredKey = "{books}:restored";

export async function noteRestored(redis: RedisConnection): Promise<void> {
  await redis.client.set(restoredKey, await readEpochs(redis));
}

export const isRestored = async (redis: RedisConnection, epochs: string): Promise<boolean> =>
  (await redis.client.get(restoredKey)) === epochs;

/** Reads the keys that are made once; what is missing is made. The same text as long as none was lost. */
async function readEpochs(redis: RedisConnection): Promise<string> {
  const { client } = redis;
  const keys = redis.isCluster ? epochKeys : epochKeys.slice(0, 1);
  const read = await Promise.all(keys.map((key) => client.get(key)));
  // Replicas look at the same time: the first one's word is everybody's.
  const made = await Promise.all(
    keys.map(async (key, at) => {
      const value = read[at];
      if (value !== null && value !== undefined) return value;
      const fresh = randomUUID();
      return (await client.set(key, fresh, "NX")) === null ? await client.get(key) : fresh;
    }),
  );
  return made.join(" ");
}

/** One in each sixteenth of a cluster's slots. */
const epochKeyCount = 16;
const slotCount = 16_384;

const epochKeys = Array.from({ length: epochKeyCount }, (_, part) => {
  for (let number = 0; ; number += 1) {
    const key = `{books:${number}}:epoch`;
    if (Math.floor((slotOf(key) * epochKeyCount) / slotCount) === part) return key;
  }
});
