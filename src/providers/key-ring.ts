import type { Clock } from "../lib/clock.ts";
import { Lru } from "../lib/lru.ts";
import type { Conversation } from "./conversation.ts";
import { chooseKey, newKey } from "./key-choice.ts";
import type { KeyNeed, ProviderKey, Rest } from "./key-choice.ts";
import type { ProviderCall } from "./provider.ts";

/** A key that the provider refused is left out for this long, then tried again: it may have been topped up. */
const refusedMs = 60_000;
/** A key that has reached a limit, where the provider does not say when that ends. */
export const limitedMsDefault = 5_000;
/** However long a provider asks for, a key is tried again after this: limits are lifted, and clocks are wrong. */
export const limitedMsMax = 600_000;

/** At the bound the conversation that was silent for longest goes by its hash: about 150 bytes each. */
const homesMax = 10_000;
const nowhere = { stickTo: undefined, homeKeyId: undefined } as const;

export interface KeyRingOptions {
  /** What may be shown of a key. */
  readonly mask?: (secret: string) => string;
  /** Hears of each rest when it begins, not when it is prolonged. */
  readonly onRest?: (rest: BegunRest) => void;
}

export interface BegunRest {
  readonly keyId: string;
  readonly status: number;
  /** The only model that it rests for; undefined for all of them. */
  readonly model: string | undefined;
  readonly restMs: number;
}

/** What a request says about the key that it should go with. */
export interface KeyWish extends Pick<ProviderCall, "model" | "pin"> {
  readonly conversation: Pick<Conversation, "isSticky" | "isOpening" | "hash">;
}

/** A key in the hands of one attempt. */
export interface KeyUse {
  readonly key: ProviderKey;
  readonly takenMs: number;
}

/** How a key stands, for the admin API. */
export interface KeyStatus {
  readonly id: string;
  readonly masked: string;
  /** One for a refusal that is for all models, and one for each model by itself. */
  readonly rests: readonly (Pick<Rest, "model" | "status"> & { readonly leftMs: number })[];
}

/** The keys of one provider: which one a request goes with, and which of them rest. */
export class KeyRing {
  readonly #keys: readonly ProviderKey[];
  readonly #clock: Clock;
  readonly #mask: (secret: string) => string;
  readonly #onRest: ((rest: BegunRest) => void) | undefined;
  /** The keys of conversations that began too short to be placed by their hash, by that hash. */
  readonly #homes = new Lru<string, string>(homesMax);
  #turn = 0;

  constructor(secrets: readonly string[], clock: Clock, options: KeyRingOptions = {}) {
    this.#keys = [...new Set(secrets)].map(newKey);
    this.#clock = clock;
    this.#mask = options.mask ?? (() => "…");
    this.#onRest = options.onRest;
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** The key to try next; undefined if none is left that may do better than those `tried`. */
  take({ model, pin, conversation }: KeyWish, tried: ReadonlySet<string>): KeyUse | undefined {
    const takenMs = this.#clock.tickMs();
    const [only] = this.#keys;
    if (only !== undefined && this.#keys.length === 1) {
      return tried.has(only.id) ? undefined : { key: only, takenMs };
    }
    const isPlaced = conversation.isSticky;
    const need = {
      model,
      pinnedKeyId: pin?.keyId,
      ...(isPlaced ? this.#placeOf(conversation.hash) : nowhere),
      turn: tried.size === 0 && !isPlaced ? this.#turn++ : this.#turn,
      tried,
    };
    const key = chooseKey(this.#keys, need, takenMs);
    if (key === undefined) return undefined;
    if (conversation.isOpening) this.#homes.set(conversation.hash, key.id);
    return { key, takenMs };
  }

  /** It works: whatever rest began before it was taken is over. An answer that was long under way ends none. */
  noteAnswered({ key, takenMs }: KeyUse, model: string): void {
    if (key.refused !== undefined && key.refused.sinceMs <= takenMs) key.refused = undefined;
    const rest = key.byModel.get(model);
    if (rest !== undefined && rest.sinceMs <= takenMs) key.byModel.delete(model);
  }

  /** The provider does not take the key, or its account has nothing left. */
  noteRefused({ key }: KeyUse, status: number): void {
    const before = key.refused;
    key.refused = this.#rest(key, before, { status, model: undefined, restMs: refusedMs });
  }

  /** The key may not use this model. */
  noteModelRefused({ key }: KeyUse, model: string, status: number): void {
    this.#restFor(key, { status, model, restMs: refusedMs });
  }

  /** The key has reached a limit, which is one of this model. */
  noteLimited({ key }: KeyUse, model: string, retryAfterMs: number | undefined): void {
    const restMs = Math.min(retryAfterMs ?? limitedMsDefault, limitedMsMax);
    this.#restFor(key, { status: 429, model, restMs });
  }

  status(): readonly KeyStatus[] {
    return this.#keys.map((key) => ({
      id: key.id,
      masked: this.#mask(key.secret),
      rests: [...(key.refused === undefined ? [] : [key.refused]), ...key.byModel.values()]
        .map(({ model, status, untilMs }) => ({ model, status, leftMs: this.#leftMs(untilMs) }))
        .filter(({ leftMs }) => leftMs > 0),
    }));
  }

  #placeOf(hash: string): Pick<KeyNeed, "stickTo" | "homeKeyId"> {
    return { stickTo: hash, homeKeyId: this.#homes.get(hash) };
  }

  #restFor(key: ProviderKey, rest: Omit<BegunRest, "keyId"> & { readonly model: string }): void {
    key.byModel.set(rest.model, this.#rest(key, key.byModel.get(rest.model), rest));
  }

  #rest(key: ProviderKey, before: Rest | undefined, rest: Omit<BegunRest, "keyId">): Rest {
    const { model, status, restMs } = rest;
    const isNew = before === undefined || this.#leftMs(before.untilMs) === 0;
    if (isNew && restMs > 0) this.#onRest?.({ keyId: key.id, ...rest });
    const nowMs = this.#clock.tickMs();
    const untilMs = Math.max(nowMs + restMs, before?.untilMs ?? 0);
    return { model, status, sinceMs: nowMs, untilMs };
  }

  #leftMs(untilMs: number): number {
    return Math.max(0, untilMs - this.#clock.tickMs());
  }
}
