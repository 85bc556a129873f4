import { hash } from "node:crypto";

import { Failure } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { Lru } from "../lib/lru.ts";
import { WriteBehind } from "./write-behind.ts";
import type {
  OwnerRecord,
  Ownership,
  ResponseOwner,
  ResponseOwners,
  ResponseOwnerStore,
  WantedOwner,
} from "./response-owners.ts";

/** For as long as OpenAI keeps a stored response. (https://developers.openai.com/api/docs/guides/your-data, read 2026-11-21) */
export const ownersKeptMs = 30 * 86_400_000;

/** At the bound the one used least recently is looked up in the store when it is asked for again. */
const recentMax = 10_000;
/** Servers that give all their answers the same id have many tenants own it; the latest of them are known here. */
const ownersOfOneMax = 8;

/** A store that takes longer is down; after a failure it is left alone for a moment. */
const lookUpMs = 1_000;
const pauseMs = 1_000;

/** Between two rounds of forgetting what has expired, and how much one round forgets. */
const forgetEveryMs = 600_000;
const forgottenMax = 1_000;

export interface RememberedResponsesDeps {
  readonly store: ResponseOwnerStore;
  readonly clock: Clock;
  /** Told what went wrong in the background. */
  readonly onError: (error: unknown) => void;
}

/** Owners of stored responses: the recent ones in memory, all of them in a store that is written to behind. */
export class RememberedResponses implements ResponseOwners, AsyncDisposable {
  readonly #store: ResponseOwnerStore;
  readonly #clock: Clock;
  readonly #recent = new Lru<string, readonly OwnerRecord[]>(recentMax);
  readonly #writes: WriteBehind<OwnerRecord>;
  #downUntilTickMs = 0;
  #forgetFromTickMs = 0;

  constructor({ store, clock, onError }: RememberedResponsesDeps) {
    this.#store = store;
    this.#clock = clock;
    this.#writes = new WriteBehind(async (records) => {
      await store.putOwners(records);
      await this.#forget();
    }, onError);
  }

  remember(responseId: string, owner: ResponseOwner): void {
    const record: OwnerRecord = {
      ...owner,
      responseHash: hashOf(responseId),
      expiresAtMs: this.#clock.epochMs() + ownersKeptMs,
    };
    this.#keep(record);
    this.#writes.add(record);
  }

  find(responseId: string, tenantId: string): Ownership | Promise<Ownership> {
    const responseHash = hashOf(responseId);
    const nowMs = this.#clock.epochMs();
    const recent = this.#recent.get(responseHash)?.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    const own = recent?.find((record) => record.tenantId === tenantId);
    if (own !== undefined) return { kind: "own", owner: own };
    // Another's is not all that there is: servers that give every answer the same id have many owners of one.
    return this.#ask({ responseHash, tenantId, nowMs }, recent?.[0]);
  }

  /** Writes what waits. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#writes[Symbol.asyncDispose]();
  }

  async #ask(wanted: WantedOwner, other: OwnerRecord | undefined): Promise<Ownership> {
    let found: OwnerRecord | undefined;
    try {
      found = await this.#look(wanted);
    } catch (unavailable) {
      if (other !== undefined) return { kind: "other" };
      throw unavailable;
    }
    // Only now: what was written before the store was asked is in its answer, and the rest is still here.
    const records = [this.#unwritten(wanted), found, other];
    const record =
      records.find((known) => known?.tenantId === wanted.tenantId) ??
      records.find((known) => known !== undefined);
    if (record === undefined) return { kind: "unknown" };
    if (record !== other) this.#keep(record);
    return ownership(record, wanted.tenantId);
  }

  async #look(wanted: WantedOwner): Promise<OwnerRecord | undefined> {
    if (this.#clock.tickMs() < this.#downUntilTickMs) throw storeUnavailable();
    try {
      return await within(this.#store.findOwner(wanted), lookUpMs);
    } catch (cause) {
      this.#downUntilTickMs = this.#clock.tickMs() + pauseMs;
      throw storeUnavailable(cause);
    }
  }

  /** What memory has let go of before it was written. */
  #unwritten({ responseHash, tenantId, nowMs }: WantedOwner): OwnerRecord | undefined {
    let other: OwnerRecord | undefined;
    for (const record of this.#writes.waiting) {
      if (record.responseHash !== responseHash || record.expiresAtMs <= nowMs) continue;
      if (record.tenantId === tenantId) return record;
      other = record;
    }
    return other;
  }

  #keep(record: OwnerRecord): void {
    const others = (this.#recent.get(record.responseHash) ?? []).filter(
      ({ tenantId }) => tenantId !== record.tenantId,
    );
    this.#recent.set(record.responseHash, [record, ...others].slice(0, ownersOfOneMax));
  }

  async #forget(): Promise<void> {
    if (this.#clock.tickMs() < this.#forgetFromTickMs) return;
    const forgotten = await this.#store.forgetExpired(this.#clock.epochMs(), forgottenMax);
    // Where there may be more, the next write goes on.
    if (forgotten < forgottenMax) this.#forgetFromTickMs = this.#clock.tickMs() + forgetEveryMs;
  }
}

function ownership(owner: OwnerRecord, tenantId: string): Ownership {
  return owner.tenantId === tenantId ? { kind: "own", owner } : { kind: "other" };
}

function hashOf(responseId: string): string {
  return hash("sha256", responseId);
}

async function within<Value>(promise: Promise<Value>, ms: number): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`The store of responses took longer than ${ms} ms.`));
  }, ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function storeUnavailable(cause?: unknown): Failure {
  const message =
    "Sentinel cannot look up whose response 'previous_response_id' names. Try again shortly, or send " +
    "the whole conversation as 'input' without it.";
  const param = "previous_response_id";
  return new Failure("store_unavailable", message, { cause, param, retryAfterMs: pauseMs });
}
