import { Failure } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { Lru } from "../lib/lru.ts";
import { hashToken, isPresentable, tokenLengthMax } from "./api-key.ts";
import { KeyLookUps, within } from "./key-look-ups.ts";
import { dayNumber, dayText, LastUsed } from "./last-used.ts";
import { isOver, refuse, whyRefused } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";
import type { FoundKey, KeyFinder } from "./tenant-store.ts";
import type { Caller } from "./tenant.ts";

/** Tells who presents a key. Runs once per request. Budget: 2 µs for a key that was seen lately. */
export interface Identifier extends AsyncDisposable {
  /**
   * Answers at once, not by a promise, for a key that was seen lately. Throws or rejects with
   * `invalid_api_key`; with `store_unavailable` or `overloaded` only where nothing is known of the key.
   */
  readonly identify: (token: string) => Caller | Promise<Caller>;
  /** To be called after the key has changed, was made, or is gone. Takes its hash or its id. */
  readonly invalidateKey: (hashOrKeyId: string) => void;
  /** To be called after the tenant has changed or is gone. */
  readonly invalidateTenant: (tenantId: string) => void;
  /** To be called when changes may have been missed. */
  readonly invalidateAll: () => void;
}

export interface IdentifierDeps {
  readonly store: KeyFinder;
  readonly clock: Clock;
  /** How long beyond its 30 s an answer of the store serves while the store is down. */
  readonly staleMs: number;
  /** Told what went wrong in the background: the day of last use could not be written. */
  readonly onError?: (error: unknown) => void;
}

export function createIdentifier(deps: IdentifierDeps): Identifier {
  return new CachingIdentifier(deps);
}

/** At each bound the entry that was used least recently is forgotten, and asked for again. */
const knownKeysMax = 10_000;
const refusedKeysMax = 10_000;

/** How long an answer holds by itself: a revocation of which we were not told takes effect after it. */
const freshMs = 30_000;
/** From this age a key in use is asked for again in the background, so that nobody waits for it. */
const refreshFromMs = 20_000;
const refusedMs = 1_000;

/** Who is known waits so long for a slow store, and is then served as before. */
const patienceMs = 50;
/** After that nobody who is known waits for so long. */
const impatienceMs = 1_000;

interface KnownKey {
  readonly caller: Caller;
  readonly expiresAtMs: number | null;
  readonly isRotated: boolean;
  readonly askedTickMs: number;
  /** Days since 1970. */
  lastUsedDay: number;
}

interface RefusedKey {
  readonly refusal: Refusal;
  readonly askedTickMs: number;
}

class CachingIdentifier implements Identifier {
  readonly #clock: Clock;
  readonly #staleMs: number;
  readonly #lookUps: KeyLookUps;
  readonly #lastUsed: LastUsed;
  readonly #known = new Lru<string, KnownKey>(knownKeysMax);
  readonly #refused = new Lru<string, RefusedKey>(refusedKeysMax);
  /** Goes up with each invalidation: an answer that was asked for before it is not kept. */
  #generation = 0;
  #impatientUntilTickMs = 0;
  /** What was asked before it may have changed since. */
  #missedTickMs = Number.NEGATIVE_INFINITY;

  constructor({ store, clock, staleMs, onError }: IdentifierDeps) {
    this.#clock = clock;
    this.#staleMs = staleMs;
    this.#lookUps = new KeyLookUps(store, clock);
    this.#lastUsed = new LastUsed(store, onError);
  }

  readonly identify = (token: string): Caller | Promise<Caller> => {
    if (token.length > tokenLengthMax) throw refuse("malformed");
    const hash = hashToken(token);
    const nowMs = this.#clock.tickMs();
    const known = this.#known.get(hash);
    if (known === undefined) return this.#identifyNew(token, hash, nowMs);

    const ageMs = nowMs - known.askedTickMs;
    if (known.askedTickMs > this.#missedTickMs) {
      if (ageMs < refreshFromMs) return this.#use(known);
      if (ageMs < freshMs) {
        this.#refresh(hash, nowMs);
        return this.#use(known);
      }
    }
    if (ageMs < freshMs + this.#staleMs) return this.#identifyAgain(hash, known, nowMs);
    return this.#identifyNew(token, hash, nowMs);
  };

  readonly invalidateKey = (hashOrKeyId: string): void => {
    this.#known.delete(hashOrKeyId);
    this.#known.deleteWhere(({ caller }) => caller.keyId === hashOrKeyId);
    this.#askAfresh();
  };

  readonly invalidateTenant = (tenantId: string): void => {
    this.#known.deleteWhere(({ caller }) => caller.tenantId === tenantId);
    this.#askAfresh();
  };

  /** The store is asked about each anew. Who is known is served if it is down, which is when changes are missed. */
  readonly invalidateAll = (): void => {
    this.#missedTickMs = this.#clock.tickMs();
    this.#askAfresh();
  };

  /** Writes down the days of last use that wait. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#lastUsed[Symbol.asyncDispose]();
  }

  #askAfresh(): void {
    this.#generation += 1;
    this.#refused.clear();
    this.#lookUps.startAfresh();
  }

  #use(known: KnownKey): Caller {
    const nowMs = this.#clock.epochMs();
    if (isOver(known.expiresAtMs, nowMs)) throw refuse(known.isRotated ? "rotated" : "expired");
    const today = dayNumber(nowMs);
    if (known.lastUsedDay < today) {
      const use = { keyId: known.caller.keyId, day: dayText(today) };
      if (this.#lastUsed.note(use)) known.lastUsedDay = today;
    }
    return known.caller;
  }

  #identifyNew(token: string, hash: string, nowMs: number): Promise<Caller> {
    if (!isPresentable(token)) throw refuse("malformed");
    const refused = this.#refused.get(hash);
    if (refused !== undefined && nowMs - refused.askedTickMs < refusedMs) {
      throw refuse(refused.refusal);
    }
    return this.#ask(hash, nowMs).then((known) => this.#use(known));
  }

  /** The store is asked first, so that a revocation is seen; who is known does not depend on an answer. */
  #identifyAgain(hash: string, known: KnownKey, nowMs: number): Caller | Promise<Caller> {
    const mayWait = !this.#lookUps.isPaused(nowMs) && nowMs >= this.#impatientUntilTickMs;
    if (mayWait) return this.#identifyPatiently(hash, known, nowMs);
    this.#refresh(hash, nowMs);
    return this.#use(known);
  }

  async #identifyPatiently(hash: string, known: KnownKey, nowMs: number): Promise<Caller> {
    let answer: KnownKey | "late";
    try {
      answer = await within(this.#ask(hash, nowMs), patienceMs);
    } catch (error) {
      if (error instanceof Failure && error.kind === "invalid_api_key") throw error;
      return this.#use(known);
    }
    if (answer !== "late") return this.#use(answer);
    this.#impatientUntilTickMs = this.#clock.tickMs() + impatienceMs;
    return this.#use(known);
  }

  #refresh(hash: string, nowMs: number): void {
    if (this.#lookUps.isRunning(hash) || this.#lookUps.isPaused(nowMs)) return;
    // What it found is in the caches; if it failed, the next use asks again.
    this.#ask(hash, nowMs).catch(() => undefined);
  }

  /** Asks the store, and keeps what it says unless something was invalidated in the meantime. */
  async #ask(hash: string, nowMs: number): Promise<KnownKey> {
    const generation = this.#generation;
    const found = await this.#lookUps.find(hash, nowMs);
    const mayKeep = generation === this.#generation;
    const answer = judge(found, { askedTickMs: nowMs, epochMs: this.#clock.epochMs() });
    if ("refusal" in answer) {
      if (mayKeep) {
        this.#known.delete(hash);
        this.#refused.set(hash, answer);
      }
      throw refuse(answer.refusal);
    }
    if (mayKeep) this.#known.set(hash, answer);
    return answer;
  }
}

function judge(
  found: FoundKey | undefined,
  { askedTickMs, epochMs }: { readonly askedTickMs: number; readonly epochMs: number },
): KnownKey | RefusedKey {
  if (found === undefined) return { refusal: "unknown", askedTickMs };
  const refusal = whyRefused(found, epochMs);
  if (refusal !== undefined) return { refusal, askedTickMs };
  const { key, tenant } = found;
  return {
    caller: {
      tenantId: tenant.id,
      keyId: key.id,
      role: key.role,
      policies: [tenant.policy, key.policy],
    },
    expiresAtMs: key.expiresAtMs,
    isRotated: key.rotatedTo !== null,
    askedTickMs,
    lastUsedDay: key.lastUsedDay === null ? -1 : dayNumber(Date.parse(key.lastUsedDay)),
  };
}
