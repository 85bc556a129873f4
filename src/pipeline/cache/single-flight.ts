import { Flight } from "./flight.ts";
import type { BatchSource, FlightLimits, Started } from "./flight.ts";

/**
 * Of several callers who want the same at the same time one asks, and all of them get what comes, live: each from the
 * first batch on and at its own speed. Knows nothing of models or caches.
 *
 * A leader who fails takes no follower along: one of them asks in its place, unless the failure lies in the request. What
 * fails after a follower has been given something fails it too: a second answer would not go on where the first broke off.
 */
export interface SingleFlightOptions<Batch> extends Partial<FlightLimits> {
  /** What a batch weighs, in bytes. */
  readonly sizeOf: (batch: Batch) => number;
  /** Whether everyone who asks the same would fail the same way, so that nobody else needs to try. */
  readonly isEveryones?: (failure: unknown) => boolean;
}

export interface Asking<Head, Batch> {
  /**
   * Makes the call. Its signal is not the caller's own: it is aborted when nobody waits for the call any more. Runs at
   * most once for each caller.
   */
  readonly start: (signal: AbortSignal) => Promise<Started<Head, Batch>>;
  /** Aborted when this caller leaves. */
  readonly signal: AbortSignal;
  /** Its call may fail for what the others do not say: whatever the failure is, it is nobody else's. */
  readonly isPersonal?: boolean;
}

export interface Seat<Head, Batch> {
  /** Who made the call accounts for it; who follows has nothing to pay. */
  readonly role: "leader" | "follower";
  readonly head: Head;
  /** Undefined where the head is all there is. */
  readonly source: BatchSource<Batch> | undefined;
}

/** What one flight keeps for those who join later, and for those who read slower than others: some 18,000 tokens. */
const windowBytesMax = 16 * 1024 * 1024;
/** What all flights keep together. At the bound flights keep nothing for who might still come. */
const heldBytesMax = 256 * 1024 * 1024;
/** After so many calls of others that failed, a caller makes its own: a queue of failures would be worse than a crowd. */
const failuresFollowedMax = 2;

export class SingleFlight<Head, Batch extends { readonly isLast: boolean }> {
  readonly #flights = new Map<string, Flight<Head, Batch>>();
  readonly #isEveryones: (failure: unknown) => boolean;
  readonly #sizeOf: (batch: Batch) => number;
  readonly #limits: FlightLimits;
  /** Of all flights, in bytes. */
  readonly #held = { bytes: 0 };

  constructor(options: SingleFlightOptions<Batch>) {
    this.#sizeOf = options.sizeOf;
    this.#isEveryones = options.isEveryones ?? (() => false);
    this.#limits = {
      windowBytesMax: options.windowBytesMax ?? windowBytesMax,
      heldBytesMax: options.heldBytesMax ?? heldBytesMax,
    };
  }

  /** Calls that can be joined. */
  get size(): number {
    return this.#flights.size;
  }

  /** Lets nobody join what has begun before now. */
  closeAll(): void {
    for (const flight of [...this.#flights.values()]) flight.close();
  }

  get heldBytes(): number {
    return this.#held.bytes;
  }

  /**
   * A place in the call under way for this key, or the call itself where there is none. A follower's resolves with the
   * first batch, or when that has not come for a while after the head. Rejects with the failure of the caller's own call, or with its signal's reason.
   */
  async join(key: string, asking: Asking<Head, Batch>): Promise<Seat<Head, Batch>> {
    for (let failures = 0; failures < failuresFollowedMax; failures++) {
      asking.signal.throwIfAborted();
      const flight = this.#flights.get(key);
      if (flight === undefined) return this.#lead(key, asking);
      const seat = await this.#follow(flight, asking.signal);
      if (seat !== undefined) return seat;
    }
    return this.#lead(undefined, asking);
  }

  /** Without a key nobody can follow. */
  async #lead(
    key: string | undefined,
    { start, signal, isPersonal = false }: Asking<Head, Batch>,
  ): Promise<Seat<Head, Batch>> {
    const flight = new Flight<Head, Batch>({
      isPersonal,
      limits: this.#limits,
      held: this.#held,
      sizeOf: this.#sizeOf,
      onClosed: () => {
        if (key !== undefined && this.#flights.get(key) === flight) this.#flights.delete(key);
      },
    });
    if (key === undefined) flight.close();
    else this.#flights.set(key, flight);
    const reader = flight.enter(signal);
    flight.begin(start);
    const head = await reader.head();
    return { role: "leader", head: head.value, source: head.hasBatches ? reader : undefined };
  }

  /** Undefined if the call failed before there was anything of it. */
  async #follow(
    flight: Flight<Head, Batch>,
    signal: AbortSignal,
  ): Promise<Seat<Head, Batch> | undefined> {
    const reader = flight.enter(signal);
    try {
      const head = await reader.head();
      if (head.hasBatches) await begun(reader);
      return { role: "follower", head: head.value, source: head.hasBatches ? reader : undefined };
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      if (!flight.isPersonal && this.#isEveryones(thrown)) throw thrown;
      return undefined;
    }
  }
}

/** So long a provider's headers are kept from whoever else asks as well (`with-point-of-no-return.ts`). */
const silenceMs = 500;

/** A call that fails before can be made by somebody else; after that it has begun. */
async function begun(reader: { first(): Promise<void> }): Promise<void> {
  const { promise: silence, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, silenceMs, undefined);
  try {
    await Promise.race([reader.first(), silence]);
  } finally {
    clearTimeout(timer);
  }
}
