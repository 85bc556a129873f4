import type { Clock } from "../../src/lib/clock.ts";
import { bodyBytes } from "../../src/pipeline/cache/cache-store.ts";
import type { Purge, StoredAnswer } from "../../src/pipeline/cache/cache-store.ts";
import type {
  SemanticChange,
  SemanticEntry,
  SemanticStore,
  Tally,
} from "../../src/pipeline/cache/semantic-store.ts";
import { isWelcome } from "../../src/stores/answers/is-welcome.ts";
import { aliasOf, isPurgedBy, PurgeTimes } from "../../src/stores/answers/purge-times.ts";

type Listener = (change: SemanticChange) => void;

interface MemoryLimits {
  readonly shardEntriesMax: number;
  readonly answerBytesMax: number;
  readonly textLengthMax: number;
}

const defaults: MemoryLimits = {
  shardEntriesMax: 2_000,
  answerBytesMax: 1024 * 1024,
  textLengthMax: 64 * 1024,
};

interface KeptAnswer {
  readonly answer: StoredAnswer;
  readonly shard: string;
}

/** What a database keeps: several stores opened on one are replicas of one another. */
export class SemanticBackend {
  readonly entries = new Map<string, SemanticEntry>();
  readonly answers = new Map<string, KeptAnswer>();
  readonly tallies = new Map<string, Tally>();
  readonly policies = new Map<string, string>();
  readonly purges = new PurgeTimes();
  readonly listeners = new Map<object, Listener>();
  readonly clock: Clock;
  readonly limits: MemoryLimits;

  constructor(clock: Clock, limits: Partial<MemoryLimits> = {}) {
    this.clock = clock;
    this.limits = { ...defaults, ...limits };
  }

  open(): MemorySemanticStore {
    return new MemorySemanticStore(this);
  }
}

const keyOf = (tenantId: string, id: string): string => `${tenantId}\n${id}`;

/** The port in memory, as databases implement it (tests/contract/semantic-store.ts). `calls` counts what it was asked. */
export class MemorySemanticStore implements SemanticStore {
  readonly calls: Record<string, number> = {};
  /** What happens to each call before it is done: a test has it hang or fail there. */
  before: (call: string) => Promise<void> = () => Promise.resolve();
  readonly #backend: SemanticBackend;

  constructor(backend: SemanticBackend) {
    this.#backend = backend;
  }

  async loadShard(where: { readonly tenantId: string; readonly shard: string }, most: number) {
    await this.#called("loadShard");
    const living = this.#inShard(where).filter((entry) => this.#answerFor(entry) !== undefined);
    const newest = living.slice(-most);
    const answers = new Set(newest.map(({ answerId }) => keyOf(where.tenantId, answerId)));
    const tallies = [...this.#backend.tallies].filter(([key]) => answers.has(key));
    return { entries: newest.map(copied), tallies: tallies.map(([, tally]) => tally) };
  }

  async put(
    entry: SemanticEntry,
    answer: StoredAnswer | undefined,
    replaced?: string,
  ): Promise<void> {
    await this.#called("put");
    const { answers, entries, purges, clock, limits } = this.#backend;
    const answerKey = keyOf(entry.tenantId, entry.answerId);
    const isWanted = isWelcome(entry, answer, { purges, nowEpochMs: clock.epochMs() });
    if (!isWanted || !this.#fits(entry, answer)) return;
    const kept = answers.get(answerKey) ?? (answer && { answer, shard: entry.shard });
    if (kept === undefined || !this.#maySay(entry, kept)) return;
    answers.set(answerKey, kept);
    const own = copied(entry);
    entries.set(keyOf(entry.tenantId, entry.id), own);
    const old =
      replaced === entry.id ? undefined : entries.get(keyOf(entry.tenantId, replaced ?? ""));
    if (old?.shard === entry.shard) this.#forget(old);
    for (const old of this.#inShard(entry).slice(0, -limits.shardEntriesMax)) this.#forget(old);
    this.#tell({ kind: "added", entry: own });
  }

  async answerOf({ tenantId, id, answerId }: Pick<SemanticEntry, "id" | "tenantId" | "answerId">) {
    await this.#called("answerOf");
    const entry = this.#backend.entries.get(keyOf(tenantId, id));
    return entry?.answerId === answerId ? this.#answerFor(entry) : undefined;
  }

  async tally(
    where: { readonly tenantId: string; readonly shard: string; readonly answerId: string },
    isRight: boolean,
  ): Promise<void> {
    await this.#called("tally");
    const { tenantId, shard, answerId } = where;
    const key = keyOf(tenantId, answerId);
    if (this.#backend.answers.get(key)?.shard !== shard) return;
    const before = this.#backend.tallies.get(key);
    const tally = {
      answerId,
      confirmations: (before?.confirmations ?? 0) + (isRight ? 1 : 0),
      refutations: (before?.refutations ?? 0) + (isRight ? 0 : 1),
    };
    this.#backend.tallies.set(key, tally);
    this.#tell({ kind: "tallied", tenantId, shard, tally });
  }

  async purge(what: Purge): Promise<number> {
    await this.#called("purge");
    const { answers, entries, purges, clock } = this.#backend;
    purges.note(what, clock.epochMs());
    const meant = [...entries.values()].filter((entry) => {
      const answer = answers.get(keyOf(entry.tenantId, entry.answerId))?.answer;
      if (answer === undefined || entry.tenantId !== what.tenantId) return false;
      return isPurgedBy(what, answer) || isPurgedBy(what, aliasOf(entry, answer));
    });
    const living = meant.filter(({ expiresAtEpochMs }) => expiresAtEpochMs > clock.epochMs());
    for (const entry of meant) this.#forget(entry);
    const entryIds = meant.map(({ id }) => id);
    this.#tell({ kind: "removed", tenantId: what.tenantId, entryIds });
    return living.length;
  }

  async loadPolicy(where: { readonly tenantId: string; readonly embedderId: string }) {
    await this.#called("loadPolicy");
    const text = this.#backend.policies.get(keyOf(where.tenantId, where.embedderId));
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  }

  async savePolicy(
    where: { readonly tenantId: string; readonly embedderId: string },
    snapshot: unknown,
  ): Promise<void> {
    await this.#called("savePolicy");
    const text = JSON.stringify(snapshot);
    if (text.length > 1024 * 1024) throw new Error("The policy is too large.");
    this.#backend.policies.set(keyOf(where.tenantId, where.embedderId), text);
  }

  watch(listener: Listener): AsyncDisposable {
    const { listeners } = this.#backend;
    listeners.set(this, listener);
    return {
      [Symbol.asyncDispose]: () => {
        listeners.delete(this);
        return Promise.resolve();
      },
    };
  }

  /** As a replica hears that it has missed something. */
  loseTrack(): void {
    this.#backend.listeners.get(this)?.({ kind: "unknown" });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** The oldest first. */
  #inShard(where: { readonly tenantId: string; readonly shard: string }): SemanticEntry[] {
    return [...this.#backend.entries.values()].filter(
      ({ tenantId, shard }) => tenantId === where.tenantId && shard === where.shard,
    );
  }

  #fits(entry: SemanticEntry, answer: StoredAnswer | undefined): boolean {
    const { limits } = this.#backend;
    const bytes = answer === undefined ? 0 : bodyBytes(answer.body);
    return entry.text.length <= limits.textLengthMax && bytes <= limits.answerBytesMax;
  }

  /** Whether the entry is new and the answer one that it may have. */
  #maySay(entry: SemanticEntry, { answer, shard }: KeptAnswer): boolean {
    const { entries, purges, clock } = this.#backend;
    if (entries.has(keyOf(entry.tenantId, entry.id)) || shard !== entry.shard) return false;
    const isPurged = purges.refuses(answer) || purges.refuses(aliasOf(entry, answer));
    return !isPurged && answer.expiresAtEpochMs > clock.epochMs();
  }

  /** With its last entry goes an answer, and what is known of it. */
  #forget({ tenantId, id, answerId }: SemanticEntry): void {
    const { entries, answers, tallies } = this.#backend;
    entries.delete(keyOf(tenantId, id));
    for (const other of entries.values())
      if (other.tenantId === tenantId && other.answerId === answerId) return;
    answers.delete(keyOf(tenantId, answerId));
    tallies.delete(keyOf(tenantId, answerId));
  }

  #answerFor(entry: SemanticEntry): StoredAnswer | undefined {
    const { answers, clock } = this.#backend;
    const answer = answers.get(keyOf(entry.tenantId, entry.answerId))?.answer;
    if (answer === undefined) return undefined;
    const endsEpochMs = Math.min(entry.expiresAtEpochMs, answer.expiresAtEpochMs);
    return endsEpochMs <= clock.epochMs() ? undefined : answer;
  }

  async #called(call: string): Promise<void> {
    this.calls[call] = (this.calls[call] ?? 0) + 1;
    await this.before(call);
  }

  #tell(change: SemanticChange): void {
    for (const [store, listener] of this.#backend.listeners) if (store !== this) listener(change);
  }
}

/** A database gives back what was written, not the same piece of memory. */
const copied = (entry: SemanticEntry): SemanticEntry => ({
  ...entry,
  vector: entry.vector && Float32Array.from(entry.vector),
});
