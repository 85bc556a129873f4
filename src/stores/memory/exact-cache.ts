import type { Clock } from "../../lib/clock.ts";
import { bodyBytes } from "../../pipeline/cache/cache-store.ts";
import type {
  ExactStore,
  Purge,
  StoredAnswer,
  StoredBody,
} from "../../pipeline/cache/cache-store.ts";
import { rememberReplays, replayWeight } from "../../pipeline/cache/replay/remembered.ts";
import { isPurgedBy, PurgeTimes } from "../answers/purge-times.ts";

export interface MemoryExactCacheOptions {
  /** All answers together weigh no more; the least recently used are forgotten first. */
  readonly bytesMax: number;
  /** An answer that is larger is not kept: one must not drive out all the others. */
  readonly answerBytesMax?: number;
  readonly clock: Clock;
}

/** What an answer weighs beside its body and its texts: 0.8 kB of objects were measured, and the allocator's share. */
const overheadBytes = 1_200;
/** What each chunk of a stream weighs beside its bytes. Measured: 113. */
const chunkOverheadBytes = 128;

/** An answer may have this part of all the room there is. */
const answerShare = 16;

interface KeptAnswer {
  readonly answer: StoredAnswer;
  /** With what is remembered of its replays, once there is room for that. */
  weight: number;
  hits: number;
}

/** From its second hit on an answer is one that is asked for: its replay is remembered then. */
const rememberedFromHits = 2;

/**
 * The exact tier's first level: answers in this process, bounded by what they weigh. Everything is done at once.
 * Runs once per cacheable request: a look-up costs 1.5 µs; a put of 2 kB costs 25 µs, nearly all of it for memory of its own,
 * which only a miss pays.
 */
export class MemoryExactCache {
  /** By tenant and key; the least recently used first. */
  readonly #kept = new Map<string, KeptAnswer>();
  readonly #purges = new PurgeTimes();
  readonly #bytesMax: number;
  readonly #answerBytesMax: number;
  readonly #clock: Clock;
  #bytes = 0;

  constructor(options: MemoryExactCacheOptions) {
    this.#bytesMax = options.bytesMax;
    this.#answerBytesMax = options.answerBytesMax ?? options.bytesMax / answerShare;
    this.#clock = options.clock;
  }

  /** What all answers weigh. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(tenantId: string, key: string): StoredAnswer | undefined {
    const name = nameOf(tenantId, key);
    const kept = this.#kept.get(name);
    if (kept?.answer.tenantId !== tenantId) return undefined;
    this.#kept.delete(name);
    const { answer, weight } = kept;
    if (answer.expiresAtEpochMs <= this.#clock.epochMs() || this.#purges.hides(answer)) {
      this.#bytes -= weight;
      return undefined;
    }
    this.#kept.set(name, kept);
    kept.hits += 1;
    if (kept.hits === rememberedFromHits) this.#remember(kept);
    return answer;
  }

  /** Keeps a copy, unless it is over, too large, or was purged since its request began. */
  put(key: string, answer: StoredAnswer): void {
    if (answer.expiresAtEpochMs <= this.#clock.epochMs() || this.#purges.refuses(answer)) return;
    const weight = weightOf(key, answer);
    if (weight > this.#answerBytesMax) return;
    const name = nameOf(answer.tenantId, key);
    this.#forget(name);
    this.#kept.set(name, {
      answer: { ...answer, body: copyOf(answer.body) },
      weight,
      hits: 0,
    });
    this.#bytes += weight;
    if (this.#bytes > this.#bytesMax) this.#makeRoom();
  }

  /** Forgets what was asked for until now, and says how many answers that were. 1 µs for each that is kept. */
  purge(what: Purge, atEpochMs = this.#clock.epochMs()): number {
    this.#purges.note(what, atEpochMs);
    const nowMs = this.#clock.epochMs();
    let forgotten = 0;
    for (const [name, { answer }] of this.#kept) {
      if (!isPurgedBy(what, answer)) continue;
      this.#forget(name);
      if (answer.expiresAtEpochMs > nowMs) forgotten += 1;
    }
    return forgotten;
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }

  /** Others make room for that, which are asked for less. */
  #remember(kept: KeptAnswer): void {
    const { body } = kept.answer;
    const more = replayWeight(body);
    if (kept.weight + more > this.#answerBytesMax) return;
    rememberReplays(body);
    kept.weight += more;
    this.#bytes += more;
    if (this.#bytes > this.#bytesMax) this.#makeRoom();
  }

  #forget(name: string): void {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    this.#kept.delete(name);
    this.#bytes -= kept.weight;
  }

  #makeRoom(): void {
    for (const [name, { weight }] of this.#kept) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#kept.delete(name);
      this.#bytes -= weight;
    }
  }
}

/** The same as a store, for a gateway that has no other. */
export function memoryExactStore(options: MemoryExactCacheOptions): ExactStore {
  const cache = new MemoryExactCache(options);
  return {
    get: (tenantId, key) => Promise.resolve(cache.get(tenantId, key)),
    put: (key, answer) => {
      cache.put(key, answer);
      return Promise.resolve();
    },
    purge: (what) => Promise.resolve(cache.purge(what)),
    [Symbol.asyncDispose]: () => {
      cache.clear();
      return Promise.resolve();
    },
  };
}

/** Neither has a line feed: tenants' ids are checked at the door, keys are hashes. */
const nameOf = (tenantId: string, key: string): string => `${tenantId}\n${key}`;

function weightOf(key: string, { body, tags, ...texts }: StoredAnswer): number {
  let weight = overheadBytes + bodyBytes(body) + 2 * (key.length + texts.tenantId.length);
  weight += texts.model.length + texts.servedModel.length + texts.contentType.length;
  for (const name in tags) weight += 64 + name.length + (tags[name]?.length ?? 0);
  return body.kind === "whole" ? weight : weight + chunkOverheadBytes * body.chunks.length;
}

/**
 * In one piece of memory of its own. What came from a socket is a part of a larger piece, all of which would stay for
 * as long as the part does.
 */
function copyOf(body: StoredBody): StoredBody {
  const all = Buffer.allocUnsafeSlow(bodyBytes(body));
  if (body.kind === "whole") {
    all.set(body.bytes);
    return { kind: "whole", bytes: all };
  }
  let at = 0;
  const chunks = body.chunks.map((chunk) => {
    all.set(chunk, at);
    at += chunk.length;
    return all.subarray(at - chunk.length, at);
  });
  return { kind: "events", chunks };
}
