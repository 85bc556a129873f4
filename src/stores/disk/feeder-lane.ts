import type { BudgetSpent } from "../../pipeline/cost/usage-ledger.ts";
import type { Backlog } from "./feeder-backlog.ts";
import type { BatchSource, NoBatch, SourceBatch } from "./feeder-batches.ts";
import { Track } from "./feeder-track.ts";
import type { Since } from "./feeder-track.ts";
import { isDoneWithin, pause, within } from "./feeder-waits.ts";
import type { JournalLine, JournalPosition } from "./journal-line.ts";
import type { JournalBatch, JournalSink, TakenBatch } from "./journal-sink.ts";

/** How patient a lane is; in milliseconds. */
export interface FeedingTimes {
  /** A call that takes longer has failed; what it did in the end is found out by trying again. */
  readonly callMsMax: number;
  /** Before the first new attempt; doubled for each that follows, up to the most. */
  readonly retryMs: number;
  readonly retryMsMax: number;
  /** Between two batches that are not full, so that they grow under load. */
  readonly restMs: number;
  readonly restMsMax: number;
}

export const feedingTimes: FeedingTimes = {
  callMsMax: 30_000,
  retryMs: 100,
  retryMsMax: 10_000,
  restMs: 50,
  restMsMax: 200,
};

/** A rest is so many times as long as the work before it: a store that is not behind uses a quarter of a core at most. */
const restPerWork = 3;

export interface LaneListener {
  marked(sink: string, writer: string, position: JournalPosition): void;
  spent(spent: readonly BudgetSpent[]): void;
  refused(sink: string, writer: string, line: JournalLine, text: string, reason: string): void;
  failed(sink: string, error: unknown): void;
  recovered(sink: string, downMs: number): void;
  rewound(sink: string, since: Since): void;
  /** It has given the store what there was. */
  caughtUp(): void;
}

export interface LaneStats {
  readonly sink: string;
  /** What its last call failed with; undefined: it works. */
  readonly failure: string | undefined;
  /** How long ago it last had all there was; 0: it has. */
  readonly lagMs: number;
  readonly lines: number;
  /** Records that were new to the store. */
  readonly added: number;
  readonly batches: number;
  readonly refused: number;
  readonly rewinds: number;
}

interface Waiter {
  /** Where each writer's journal ended when it was asked. */
  readonly targets: ReadonlyMap<string, JournalPosition>;
  readonly backlogNumber: number;
  /** The attempt that was under way or over. */
  readonly attempt: number;
  readonly resolve: (hasAll: boolean) => void;
}

/**
 * Feeds one store from all writers' journals, one batch after the other, at its own speed: a store that fails,
 * or hangs, holds up no other.
 */
export class Lane {
  readonly #sink: JournalSink;
  readonly #backlog: Backlog;
  readonly #times: FeedingTimes;
  readonly #listener: LaneListener;
  readonly #now: () => number;
  readonly #tracks = new Map<string, Track>();
  readonly #waiters = new Set<Waiter>();
  readonly #running: Promise<void>;
  readonly #counts = { lines: 0, added: 0, batches: 0, refused: 0, rewinds: 0 };
  #rewind: Since | undefined;
  /** Goes up when the store has lost something: what a call under way brings back is no progress then. */
  #losses = 0;
  #backlogSeen = 0;
  #isClosed = false;
  #bell = Promise.withResolvers<undefined>();
  #attempt = 0;
  #failures = 0;
  #failure: string | undefined;
  #failedAtMs = 0;
  #hadAllAtMs: number;

  constructor(options: {
    readonly sink: JournalSink;
    readonly backlog: Backlog;
    readonly times: FeedingTimes;
    readonly listener: LaneListener;
    readonly now: () => number;
  }) {
    this.#sink = options.sink;
    this.#backlog = options.backlog;
    this.#times = options.times;
    this.#listener = options.listener;
    this.#now = options.now;
    this.#hadAllAtMs = this.#now();
    this.#sink.onRewind((since) => {
      this.rewind(since);
    });
    this.#running = this.#run();
  }

  get name(): string {
    return this.#sink.name;
  }

  /** The number up to which it needs nothing of the backlog any more. */
  get backlogSeen(): number {
    return this.#backlogSeen;
  }

  get hasAll(): boolean {
    const isThrough = this.#backlogSeen >= this.#backlog.last && this.#rewind === undefined;
    return isThrough && [...this.#tracks.values()].every(({ hasMore }) => !hasMore);
  }

  stats(): LaneStats {
    const lagMs = this.hasAll ? 0 : Math.max(0, this.#now() - this.#hadAllAtMs);
    return { sink: this.name, failure: this.#failure, lagMs, ...this.#counts };
  }

  follow(source: BatchSource): void {
    this.#tracks.set(source.writer, new Track(source, this.#now));
    this.wake();
  }

  /** There is something new. */
  wake(): void {
    this.#bell.resolve(undefined);
  }

  rewind(since: Since): void {
    this.#losses += 1;
    this.#counts.rewinds += 1;
    this.#rewind = earliest(this.#rewind, since);
    this.#listener.rewound(this.name, since);
    this.wake();
  }

  /**
   * Resolves to true when the store has what was readable at the call, to false when it fails meanwhile. A
   * pause before another attempt is cut short.
   */
  flush(): Promise<boolean> {
    const targets = new Map<string, JournalPosition>();
    for (const { source } of this.#tracks.values()) {
      if (source.readable !== undefined) targets.set(source.writer, source.readable);
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiters.add({
      targets,
      backlogNumber: this.#backlog.last,
      attempt: this.#attempt,
      resolve,
    });
    this.wake();
    this.#answerWaiters();
    return promise;
  }

  /** A call under way is waited for, until it has had its time. */
  async close(callMs: number): Promise<void> {
    this.#isClosed = true;
    this.wake();
    await isDoneWithin(callMs, this.#running);
    for (const waiter of this.#waiters) waiter.resolve(false);
    this.#waiters.clear();
    const closing = Promise.resolve(this.#sink[Symbol.asyncDispose]());
    await within(callMs, closing, `${this.name} did not close`);
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const begunMs = performance.now();
      try {
        const isFull = await this.#round();
        if (this.hasAll) this.#noteHasAll();
        this.#answerWaiters();
        if (!isFull) await this.#rest(performance.now() - begunMs);
        await this.#untilThereIsMore();
      } catch (error) {
        this.#fail(error);
        await this.#backOff();
      }
    }
  }

  /** One batch of each writer that has more. Returns whether one of them was full. */
  async #round(): Promise<boolean> {
    this.#attempt += 1;
    let isFull = await this.#feedBacklog();
    let unreadable: Error | undefined;
    for (const track of this.#tracks.values()) {
      if (this.#isClosed) return false;
      await this.#place(track);
      if (!track.hasMore) continue;
      const losses = this.#losses;
      const batch = await readNext(track);
      if (batch instanceof Error) {
        // One writer's files cannot be read, which is no reason to keep the others' from the store.
        unreadable ??= batch;
        continue;
      }
      // A mark beyond what the store has just lost must not reach it.
      if (losses !== this.#losses) continue;
      const { writer } = track.source;
      if (batch.lines !== undefined) {
        await this.#give({ writer, lines: batch.lines, mark: batch.end }, batch.texts);
        isFull ||= batch.isFull;
      }
      if (losses !== this.#losses) continue;
      if (batch.lines === undefined) {
        track.finish(batch.readTo);
      } else {
        track.advance(batch.end);
        this.#tellMark(track);
      }
    }
    if (unreadable !== undefined) throw unreadable;
    this.#works();
    return isFull;
  }

  async #feedBacklog(): Promise<boolean> {
    const batch = this.#backlog.after(this.#backlogSeen);
    if (batch === undefined) return false;
    const { writer, lines, texts, number } = batch;
    if (lines.length > 0) await this.#give({ writer, lines, mark: undefined }, texts);
    this.#backlogSeen = number;
    return number < this.#backlog.last;
  }

  /** Asks the store for its mark, the first time; and goes back where it has lost something. */
  async #place(track: Track): Promise<void> {
    if (!track.isPlaced) {
      const { writer } = track.source;
      const asked = Promise.resolve(this.#sink.mark(writer));
      const mark = await within(this.#times.callMsMax, asked, `${this.name} does not answer`);
      track.begin(mark);
      this.#tellMark(track);
    }
    const since = this.#rewind;
    if (since === undefined) return;
    this.#rewind = undefined;
    for (const other of this.#tracks.values()) {
      // The mark of one that was not asked for yet will be of the time after the loss.
      if (!other.isPlaced) continue;
      other.goBack(since);
      this.#tellMark(other);
    }
  }

  #tellMark({ source, place }: Track): void {
    this.#listener.marked(this.name, source.writer, place);
  }

  async #give(batch: JournalBatch, texts: readonly string[]): Promise<void> {
    const taking = Promise.resolve(this.#sink.take(batch));
    const late = `${this.name} did not take a batch in time`;
    const taken = await within(this.#times.callMsMax, taking, late);
    this.#counts.batches += 1;
    this.#counts.lines += batch.lines.length;
    this.#counts.added += taken.added;
    if (taken.spent.length > 0) this.#listener.spent(taken.spent);
    this.#noteRefused(batch, texts, taken);
  }

  #noteRefused(batch: JournalBatch, texts: readonly string[], { refused }: TakenBatch): void {
    for (const { line, reason } of refused) {
      this.#counts.refused += 1;
      const text = texts[batch.lines.indexOf(line)] ?? "";
      this.#listener.refused(this.name, batch.writer, line, text, reason);
    }
  }

  #works(): void {
    if (this.#failure === undefined) return;
    this.#failures = 0;
    this.#failure = undefined;
    this.#listener.recovered(this.name, Math.max(0, this.#now() - this.#failedAtMs));
  }

  #fail(error: unknown): void {
    if (this.#failure === undefined) this.#failedAtMs = this.#now();
    this.#failures += 1;
    const message = error instanceof Error ? error.message : String(error);
    if (message !== this.#failure) this.#listener.failed(this.name, error);
    this.#failure = message;
    for (const waiter of this.#waiters) {
      // One that came while this attempt was under way gets another.
      if (waiter.attempt >= this.#attempt) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(false);
    }
  }

  #answerWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!this.#hasGiven(waiter)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(true);
    }
  }

  #hasGiven({ targets, backlogNumber }: Waiter): boolean {
    if (this.#rewind !== undefined || this.#backlogSeen < backlogNumber) return false;
    return [...this.#tracks.values()].every((track) =>
      track.reaches(targets.get(track.source.writer)),
    );
  }

  #noteHasAll(): void {
    this.#hadAllAtMs = this.#now();
    this.#listener.caughtUp();
  }

  async #untilThereIsMore(): Promise<void> {
    while (this.hasAll && !this.#isClosed) {
      this.#bell = Promise.withResolvers();
      await this.#bell.promise;
      this.#hadAllAtMs = this.#now();
    }
  }

  /** Nothing but a flush cuts it short: more to read is what it is for. */
  async #rest(workMs: number): Promise<void> {
    const { restMs, restMsMax } = this.#times;
    await this.#quiet(Math.min(restMsMax, Math.max(restMs, restPerWork * workMs)));
  }

  async #backOff(): Promise<void> {
    const { retryMs, retryMsMax } = this.#times;
    const ms = Math.min(retryMsMax, retryMs * 2 ** Math.min(this.#failures - 1, 20));
    await this.#quiet(ms * (0.75 + Math.random() / 2));
  }

  async #quiet(ms: number): Promise<void> {
    using wait = pause(ms);
    while (!wait.isOver && !this.#isClosed && this.#waiters.size === 0) {
      this.#bell = Promise.withResolvers();
      await Promise.race([wait.over, this.#bell.promise]);
    }
  }
}

async function readNext({ source, place }: Track): Promise<SourceBatch | NoBatch | Error> {
  try {
    return await source.batchAfter(place);
  } catch (error) {
    return new Error(`The journal of ${source.writer} cannot be read.`, { cause: error });
  }
}

function earliest(left: Since | undefined, right: Since): Since {
  if (left === undefined || right === "all") return right;
  return left === "all" || left.epochMs < right.epochMs ? left : right;
}
