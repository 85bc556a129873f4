import { extname } from "node:path";

import type { Clock } from "../../../lib/clock.ts";
import type { ExactStore, Purge, StoredAnswer } from "../../../pipeline/cache/cache-store.ts";
import { decodeAnswer } from "../../answers/answer-codec.ts";
import { PurgeTimes } from "../../answers/purge-times.ts";
import { KnownKeys } from "./known-keys.ts";
import type { CacheCall, DropRow } from "./protocol.ts";
import { PutBatch } from "./put-batch.ts";
import { ThreadCalls } from "./thread-calls.ts";

export interface SqliteExactStoreOptions {
  /** `cache.db` in the data folder; a file of its own, made where it is not there. */
  readonly path: string;
  /** The file has no more. Beside it SQLite has up to 8 MB. */
  readonly bytesMax: number;
  /** A larger answer is not kept. */
  readonly answerBytesMax?: number;
  readonly clock: Clock;
  /** So long a look-up waits for the thread. */
  readonly answerMs?: number;
}

const answerBytesMaxDefault = 1024 * 1024;
/** Answers gather for so long, so that many are handed over and written at once: 20 µs of each are saved by that. */
const gatherMs = 50;
const batchRowsMax = 256;
const batchBytesMax = 4 * 1024 * 1024;

/**
 * The exact tier in a SQLite file, whose connection lives in a thread of its own. It is no harm to lose the file: what
 * is damaged is a miss, and where there can be no file every call is rejected at once. A look-up that is not answered in
 * time is rejected, and so are others until the thread answers again. `put` resolves when it is written.
 */
export function openSqliteExactStore(options: SqliteExactStoreOptions): ExactStore {
  return new SqliteExactStore(options);
}

interface Gathering {
  readonly batch: PutBatch;
  readonly written: Promise<void>;
  readonly settle: (writing: Promise<unknown>) => void;
}

class SqliteExactStore implements ExactStore {
  readonly #answerBytesMax: number;
  readonly #clock: Clock;
  readonly #purges = new PurgeTimes();
  readonly #thread: ThreadCalls<CacheCall, DropRow>;
  /** Handed over by `#flush`. */
  #gathering: Gathering | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Not known to be written: bounded by what may wait for the thread. */
  readonly #unwritten = new Set<PutBatch>();
  /** While it is undefined the thread is asked for every key. */
  #known: KnownKeys | undefined;
  #isClosed = false;

  constructor({ path, bytesMax, clock, answerBytesMax, answerMs }: SqliteExactStoreOptions) {
    this.#clock = clock;
    this.#answerBytesMax = Math.min(answerBytesMax ?? answerBytesMaxDefault, bytesMax / 16);
    this.#thread = new ThreadCalls({
      // The extension is this file's own: `.ts` as it is developed, `.js` as it is published.
      url: new URL(`cache-thread${extname(import.meta.url)}`, import.meta.url),
      name: "cache",
      settings: { path, bytesMax },
      clock,
      onTold: (memory) => {
        const isKnown = memory instanceof SharedArrayBuffer && !this.#isClosed;
        this.#known = isKnown ? new KnownKeys(memory) : undefined;
      },
      ...(answerMs === undefined ? {} : { answerMs }),
    });
  }

  /** Most keys that nobody has put are known to be missing, which costs 1 µs; to ask the thread costs both 60. */
  async get(tenantId: string, key: string): Promise<StoredAnswer | undefined> {
    if (!this.#mayHave(tenantId, key)) return undefined;
    const wanted = { tenantId, key };
    const nowMs = this.#clock.epochMs();
    const bytes = (await this.#thread.callInTime({ kind: "get", wanted, nowMs })) as
      Uint8Array | undefined;
    if (bytes === undefined) return undefined;
    const answer = decodeAnswer(bytes, wanted);
    if (answer === undefined) {
      this.#thread.tell({ kind: "drop", wanted });
      return undefined;
    }
    const isOver = answer.expiresAtEpochMs <= this.#clock.epochMs();
    return isOver || this.#purges.hides(answer) ? undefined : answer;
  }

  async put(key: string, answer: StoredAnswer): Promise<void> {
    const nowMs = this.#clock.epochMs();
    if (answer.expiresAtEpochMs <= nowMs || this.#purges.refuses(answer)) return;
    if (this.#isClosed) throw new Error("The cache is closed.");
    const { batch, written } = (this.#gathering ??= this.#gather());
    if (!batch.add(key, answer, this.#answerBytesMax)) return;
    if (batch.size >= batchRowsMax || batch.bytes.length >= batchBytesMax) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), gatherMs).unref();
    await written;
  }

  async purge(what: Purge): Promise<number> {
    const nowMs = this.#clock.epochMs();
    this.#purges.note(what, nowMs);
    this.#flush();
    return (await this.#thread.call({ kind: "purge", what, nowMs })) as number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flush();
    this.#isClosed = true;
    this.#known = undefined;
    await this.#thread[Symbol.asyncDispose]();
  }

  #mayHave(tenantId: string, key: string): boolean {
    if (this.#gathering?.batch.has(tenantId, key) === true) this.#flush();
    if (this.#known?.mayHave(tenantId, key) !== false) return true;
    for (const batch of this.#unwritten) if (batch.has(tenantId, key)) return true;
    return false;
  }

  #gather(): Gathering {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    // Whoever has put something hears of it; where all of it was too large nobody has.
    promise.catch(() => undefined);
    const settle = (writing: Promise<unknown>): void => {
      writing.then(() => {
        resolve(undefined);
      }, reject);
    };
    return { batch: new PutBatch(), written: promise, settle };
  }

  /** Hands over what has gathered. */
  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const gathering = this.#gathering;
    if (gathering === undefined || gathering.batch.size === 0) return;
    this.#gathering = undefined;
    const { batch, settle } = gathering;
    const { bytes } = batch;
    this.#unwritten.add(batch);
    const call = { kind: "put" as const, batch: bytes, nowMs: this.#clock.epochMs() };
    const writing = this.#thread.call(call, [bytes]);
    settle(writing.finally(() => this.#unwritten.delete(batch)));
  }
}
