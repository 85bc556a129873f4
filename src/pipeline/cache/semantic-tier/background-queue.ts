import { within } from "./within.ts";

export interface BackgroundLimits {
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  /** Of one group: nobody's flood keeps the others out. */
  readonly groupWaitingMax: number;
  readonly atOnceMax: number;
}

/** At the end, what is under way is given so long. */
const closeMs = 2_000;

interface Job<Item> {
  readonly item: Item;
  readonly bytes: number;
  readonly controller: AbortController;
}

/**
 * Does things one after another beside the requests, some at a time and in the order in which they came. At a bound
 * what comes is dropped and counted: what has waited longest is the next to be done.
 */
export class BackgroundQueue<Item> implements AsyncDisposable {
  readonly #run: (item: Item, signal: AbortSignal) => Promise<void>;
  readonly #limits: BackgroundLimits;
  readonly #waiting = new Set<Job<Item>>();
  readonly #groupOf: (item: Item) => string;
  /** How many wait of each group; none that has none. */
  readonly #groups = new Map<string, number>();
  readonly #running = new Map<Job<Item>, Promise<void>>();
  #waitingBytes = 0;
  #dropped = 0;
  #isClosed = false;

  /** `run` sees to its own failures. */
  constructor(
    run: (item: Item, signal: AbortSignal) => Promise<void>,
    { groupOf, ...limits }: BackgroundLimits & { readonly groupOf: (item: Item) => string },
  ) {
    this.#run = run;
    this.#groupOf = groupOf;
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running.size;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get dropped(): number {
    return this.#dropped;
  }

  add(item: Item, bytes: number): void {
    const { waitingMax, waitingBytesMax, groupWaitingMax } = this.#limits;
    const group = this.#groupOf(item);
    const inGroup = this.#groups.get(group) ?? 0;
    const isFull = this.#waiting.size >= waitingMax || this.#waitingBytes + bytes > waitingBytesMax;
    if (isFull || inGroup >= groupWaitingMax || this.#isClosed) {
      this.#dropped++;
      return;
    }
    this.#groups.set(group, inGroup + 1);
    this.#waiting.add({ item, bytes, controller: new AbortController() });
    this.#waitingBytes += bytes;
    this.#startSoon();
  }

  /** Forgets what waits and ends what runs. */
  cancel(isMeant: (item: Item) => boolean, reason: Error): void {
    for (const job of [...this.#waiting]) if (isMeant(job.item)) this.#take(job);
    for (const { item, controller } of this.#running.keys())
      if (isMeant(item)) controller.abort(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#dropped += this.#waiting.size;
    this.cancel(() => true, new Error("The semantic tier is closing."));
    const ended = Promise.all(this.#running.values());
    await within(closeMs, () => ended).catch(() => undefined); // What does not end is left to the process.
  }

  /** In a later turn: whoever adds is about to answer somebody. */
  #startSoon(): void {
    if (this.#running.size < this.#limits.atOnceMax) setImmediate(() => this.#start());
  }

  #start(): void {
    for (const job of this.#waiting) {
      if (this.#running.size >= this.#limits.atOnceMax) return;
      this.#take(job);
      this.#running.set(job, this.#runOne(job));
    }
  }

  #take(job: Job<Item>): void {
    if (!this.#waiting.delete(job)) return;
    this.#waitingBytes -= job.bytes;
    const group = this.#groupOf(job.item);
    const left = (this.#groups.get(group) ?? 1) - 1;
    if (left === 0) this.#groups.delete(group);
    else this.#groups.set(group, left);
  }

  async #runOne(job: Job<Item>): Promise<void> {
    try {
      await this.#run(job.item, job.controller.signal);
    } catch {
      // `run` has said what there was to say.
    } finally {
      this.#running.delete(job);
      this.#start();
    }
  }
}
