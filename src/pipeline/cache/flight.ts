import { Failure } from "../../errors.ts";

/** What comes of a call after its head, batch by batch; an `EventStream` is one. */
export interface BatchSource<Batch> {
  /** Not to be called again before it has settled, nor after the last batch or a failure. */
  next(): Promise<Batch>;
  /** May be called at any time, and again. */
  cancel(): void;
}

export interface Started<Head, Batch> {
  readonly head: Head;
  /** Undefined where the head is all there is. */
  readonly source: BatchSource<Batch> | undefined;
}

export interface FlightLimits {
  /** What one flight keeps. At the bound nobody can join it any more, and the fastest waits for the slowest. */
  readonly windowBytesMax: number;
  /** What all flights keep. At the bound a flight that grows can no longer be joined, and keeps only what it must. */
  readonly heldBytesMax: number;
}

interface FlightOptions<Batch> {
  /** See `Asking`. */
  readonly isPersonal: boolean;
  readonly limits: FlightLimits;
  /** Shared by all flights. */
  readonly held: { bytes: number };
  readonly sizeOf: (batch: Batch) => number;
  /** Called when nobody can join any more. */
  readonly onClosed: () => void;
}

interface FlightHead<Head> {
  readonly value: Head;
  readonly hasBatches: boolean;
}

/**
 * One call that several read. It reads on when the fastest of them wants more, so that readers who all stop also stop the
 * call's source; it keeps every batch while somebody may still join, and after that those that somebody has yet to read.
 */
export class Flight<Head, Batch extends { readonly isLast: boolean }> {
  readonly #options: FlightOptions<Batch>;
  readonly #readers = new Set<FlightReader<Head, Batch>>();
  readonly #abort = new AbortController();
  #head: FlightHead<Head> | undefined;
  #source: BatchSource<Batch> | undefined;
  #failure: { readonly thrown: unknown } | undefined;
  /** Those that are kept: the first of them has the number `#firstNumber`. */
  readonly #batches: Batch[] = [];
  #firstNumber = 0;
  #bytes = 0;
  #isJoinable = true;
  #isPulling = false;
  #isOver = false;

  constructor(options: FlightOptions<Batch>) {
    this.#options = options;
  }

  /** A reader from the first batch on; only while it can be joined. Leaves by itself when the signal is aborted. */
  enter(signal: AbortSignal): FlightReader<Head, Batch> {
    const reader = new FlightReader(this, signal);
    this.#readers.add(reader);
    return reader;
  }

  begin(start: (signal: AbortSignal) => Promise<Started<Head, Batch>>): void {
    const call = async (): Promise<void> => {
      try {
        this.#took(await start(this.#abort.signal));
      } catch (thrown) {
        this.#fail(thrown);
      }
    };
    void call();
  }

  /** Lets nobody in any more, and forgets what everybody has read. */
  close(): void {
    if (!this.#isJoinable) return;
    this.#isJoinable = false;
    this.#options.onClosed();
    this.#forgetRead();
  }

  get isPersonal(): boolean {
    return this.#options.isPersonal;
  }

  get head(): FlightHead<Head> | undefined {
    return this.#head;
  }

  get failure(): { readonly thrown: unknown } | undefined {
    return this.#failure;
  }

  has(number: number): boolean {
    return number < this.#firstNumber + this.#batches.length;
  }

  /** The batch of this number, which the reader has not had before. */
  take(number: number): Batch | undefined {
    return this.#batches[number - this.#firstNumber];
  }

  /** Reads the next batch, unless that is under way or somebody is too far behind. Readers are woken afterwards. */
  pull(): void {
    if (this.#isPulling || this.#isOver || this.#failure !== undefined) return;
    const source = this.#source;
    if (source === undefined) return;
    const { windowBytesMax } = this.#options.limits;
    if (this.#bytes >= windowBytesMax) this.close();
    if (this.#bytes >= windowBytesMax) return;
    this.#isPulling = true;
    void this.#read(source);
  }

  /** A reader has gone a batch further. */
  passed(number: number): void {
    if (!this.#isJoinable && number === this.#firstNumber) this.#forgetRead();
  }

  leave(reader: FlightReader<Head, Batch>, reason: unknown): void {
    if (!this.#readers.delete(reader)) return;
    if (this.#readers.size === 0) this.#end(reason);
    else if (!this.#isJoinable) this.#forgetRead();
  }

  #took({ head, source }: Started<Head, Batch>): void {
    if (this.#readers.size === 0) {
      source?.cancel();
      return;
    }
    this.#head = { value: head, hasBatches: source !== undefined };
    this.#source = source;
    if (source === undefined) {
      this.#isOver = true;
      this.close();
    }
    this.#wakeAll();
  }

  async #read(source: BatchSource<Batch>): Promise<void> {
    try {
      const batch = await source.next();
      this.#isPulling = false;
      if (this.#readers.size > 0) this.#add(batch);
    } catch (thrown) {
      this.#isPulling = false;
      this.#fail(thrown);
    }
  }

  #add(batch: Batch): void {
    const { held, limits, sizeOf } = this.#options;
    const bytes = sizeOf(batch);
    this.#batches.push(batch);
    this.#bytes += bytes;
    held.bytes += bytes;
    this.#isOver = batch.isLast;
    const isTooMuch = this.#bytes > limits.windowBytesMax || held.bytes > limits.heldBytesMax;
    if (batch.isLast || isTooMuch) this.close();
    this.#wakeAll();
  }

  #fail(thrown: unknown): void {
    this.#failure = { thrown };
    this.close();
    this.#wakeAll();
  }

  /** Nobody reads any more. */
  #end(reason: unknown): void {
    this.close();
    this.#forget(this.#batches.length);
    if (this.#isOver || this.#failure !== undefined) return;
    this.#abort.abort(reason);
    this.#source?.cancel();
  }

  /** Forgets the batches that every reader has had; who waits for room is woken. */
  #forgetRead(): void {
    let slowest = this.#firstNumber + this.#batches.length;
    for (const { number } of this.#readers) {
      if (number <= this.#firstNumber) return;
      if (number < slowest) slowest = number;
    }
    if (this.#forget(slowest - this.#firstNumber)) this.#wakeAll();
  }

  #forget(count: number): boolean {
    if (count === 0) return false;
    let bytes = 0;
    for (const batch of this.#batches.splice(0, count)) bytes += this.#options.sizeOf(batch);
    this.#firstNumber += count;
    this.#bytes -= bytes;
    this.#options.held.bytes -= bytes;
    return true;
  }

  #wakeAll(): void {
    for (const reader of this.#readers) reader.wake();
  }
}

/** One who reads a flight. */
export class FlightReader<
  Head,
  Batch extends { readonly isLast: boolean },
> implements BatchSource<Batch> {
  readonly #flight: Flight<Head, Batch>;
  readonly #signal: AbortSignal;
  /** Of the next batch to read. */
  #number = 0;
  #wake: (() => void) | undefined;
  #hasLeft = false;
  #leftReason: unknown;

  constructor(flight: Flight<Head, Batch>, signal: AbortSignal) {
    this.#flight = flight;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
  }

  get number(): number {
    return this.#number;
  }

  /** Resolves once the call has a head. */
  async head(): Promise<FlightHead<Head>> {
    for (;;) {
      const { head } = this.#flight;
      this.#check(head !== undefined);
      if (head !== undefined) {
        if (!head.hasBatches) this.#leave(undefined);
        return head;
      }
      await this.#woken();
    }
  }

  /** Resolves once the first batch can be read. */
  async first(): Promise<void> {
    for (;;) {
      const isThere = this.#flight.has(this.#number);
      this.#check(isThere);
      if (isThere) return;
      this.#flight.pull();
      await this.#woken();
    }
  }

  async next(): Promise<Batch> {
    await this.first();
    this.#check(true);
    const number = this.#number++;
    const batch = this.#flight.take(number);
    if (batch === undefined) throw new RangeError("This flight has been read to its end.");
    if (batch.isLast) this.#leave(undefined);
    else this.#flight.passed(number);
    return batch;
  }

  cancel(): void {
    this.#leave(new Failure("client_closed_request", "Everyone who waited for this answer left."));
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  readonly #onAbort = (): void => this.#leave(this.#signal.reason);

  /** Throws if nothing more comes; what is there is read first. */
  #check(isThere: boolean): void {
    if (this.#hasLeft) throw this.#leftReason;
    const { failure } = this.#flight;
    if (isThere || failure === undefined) return;
    this.#leave(failure.thrown);
    throw failure.thrown;
  }

  #leave(reason: unknown): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#leftReason = reason;
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#flight.leave(this, reason);
    this.wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
