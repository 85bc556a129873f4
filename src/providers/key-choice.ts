import { hash } from "node:crypto";

import { Lru } from "../lib/lru.ts";
import { drawFromHash } from "./routing/weighted-order.ts";

/**
 * Which of a provider's keys a request goes with, as functions of the keys and the time. A key that was
 * refused rests for every model; one that has reached a limit, or may not use a model, rests for that model.
 */
export interface ProviderKey {
  /** As `Attempt.keyId` has it. */
  readonly id: string;
  readonly secret: string;
  refused: Rest | undefined;
  /** By the provider's name of the model. */
  readonly byModel: Lru<string, Rest>;
}

export interface Rest {
  /** The only model that the key rests for; undefined for all of them. */
  readonly model: string | undefined;
  /** The status that the provider answered with. */
  readonly status: number;
  /** Both on the clock that never jumps. */
  readonly sinceMs: number;
  readonly untilMs: number;
}

export interface KeyNeed {
  readonly model: string;
  /** What the request goes on from is with this one's account alone, so no other key stands in for it. */
  readonly pinnedKeyId: string | undefined;
  /** Goes first if it is awake. */
  readonly homeKeyId: string | undefined;
  /** The hash of the conversation, which stays with its key; requests without one go round. */
  readonly stickTo: string | undefined;
  /** Goes up by one with each request that goes round. */
  readonly turn: number;
  /** The keys that this request was sent with before. */
  readonly tried: ReadonlySet<string>;
}

/** At the bound the model that was asked for least recently is forgotten: its next request finds out again. */
const restingModelsMax = 100;

export function newKey(secret: string): ProviderKey {
  return { id: keyIdOf(secret), secret, refused: undefined, byModel: new Lru(restingModelsMax) };
}

const keyIdLength = 8;

/** A name for a key that stays the same and gives nothing of it away: the beginning of its SHA-256. */
export function keyIdOf(secret: string): string {
  return hash("sha256", secret).slice(0, keyIdLength);
}

/**
 * The key for the next attempt: the pinned one, or one that is awake. If there is none the request goes out all the same, with
 * the key that rests for the shortest time, but only once: what it then hears is how things stand.
 */
export function chooseKey(
  keys: readonly ProviderKey[],
  need: KeyNeed,
  nowMs: number,
): ProviderKey | undefined {
  const pinned = keys.find(({ id }) => id === need.pinnedKeyId);
  if (pinned !== undefined && isAccepted(pinned, nowMs)) {
    return need.tried.has(pinned.id) ? undefined : pinned;
  }
  const awake = keys.filter(
    (key) => !need.tried.has(key.id) && wakesAtMs(key, need.model) <= nowMs,
  );
  if (awake.length === 0) {
    return need.tried.size === 0 ? firstToWake(keys, need.model, nowMs) : undefined;
  }
  const home = awake.find(({ id }) => id === need.homeKeyId);
  if (home !== undefined) return home;
  const { stickTo } = need;
  // Rendezvous hashing: a conversation keeps its key, whichever others come, go or rest.
  return stickTo === undefined
    ? awake[need.turn % awake.length]
    : highest(awake, (key) => drawFromHash(stickTo, key.id));
}

/** One that has reached a limit before one that was refused: its answer is one that waiting helps against. */
function firstToWake(
  keys: readonly ProviderKey[],
  model: string,
  nowMs: number,
): ProviderKey | undefined {
  const accepted = keys.filter((key) => isAccepted(key, nowMs));
  return highest(accepted.length > 0 ? accepted : keys, (key) => -wakesAtMs(key, model));
}

const isAccepted = ({ refused }: ProviderKey, nowMs: number): boolean =>
  (refused?.untilMs ?? 0) <= nowMs;

/** When a request for this model may go with the key. In the past, or 0, for one that is awake. */
export function wakesAtMs(key: ProviderKey, model: string): number {
  return Math.max(key.refused?.untilMs ?? 0, key.byModel.get(model)?.untilMs ?? 0);
}

function highest(
  keys: readonly ProviderKey[],
  rank: (key: ProviderKey) => number,
): ProviderKey | undefined {
  let best: ProviderKey | undefined;
  let bestRank = Number.NEGATIVE_INFINITY;
  for (const key of keys) {
    const ranked = rank(key);
    if (ranked <= bestRank) continue;
    best = key;
    bestRank = ranked;
  }
  return best;
}
