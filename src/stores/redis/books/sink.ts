import type { Clock } from "../../../lib/clock.ts";
import type { BudgetSpent } from "../../../pipeline/cost/usage-ledger.ts";
import type { TenantRetention } from "../../books/protocol.ts";
import type { JournalLine } from "../../disk/journal-line.ts";
import type { JournalBatch, JournalSink, TakenBatch } from "../../disk/journal-sink.ts";
import type { RedisConnection } from "../open.ts";
import { callOf } from "./batch-calls.ts";
import type { LineCall } from "./batch-calls.ts";
import { isRestored, watchLosses } from "./loss-watch.ts";
import type { Loss, LossWatch } from "./loss-watch.ts";
import { lostMsMax, RedisMarks } from "./marks.ts";
import { runCalls } from "./run-calls.ts";
import type { CallOutcome } from "./run-calls.ts";
import { readSpent } from "./spent.ts";
import { trimAudit } from "./trim.ts";
import { auditWindow } from "./window.ts";
import type { Window } from "./window.ts";

export interface RedisSinkOptions {
  /** Stays its owner's, who closes it after the sink. */
  readonly redis: RedisConnection;
  /** Marks are kept in it. */
  readonly dataDir: string;
  /** Records are there for so long after their hour, and so long nothing is counted twice. */
  readonly auditHours: number;
  readonly clock: Clock;
  /** Redis has lost something, or all; what the journal has of it comes again by itself. */
  readonly onLoss?: (loss: Loss) => void;
  /** The same and all else that the operator is to know, in a sentence. */
  readonly onNotice?: (sentence: string) => void;
}

export interface RedisSink extends JournalSink {
  /** How long the tenants' policies keep records and payloads; replaces what was said before. */
  keepFor(tenants: readonly TenantRetention[]): void;
}

/**
 * Audit, usage and budgets in Redis, fed from the journal. Runs in the books thread. Rejects where Redis does not
 * answer: it is opened again then.
 */
export async function openRedisSink(options: RedisSinkOptions): Promise<RedisSink> {
  const sink = new BooksSink(options);
  try {
    await sink.begin();
    return sink;
  } catch (error) {
    await sink[Symbol.asyncDispose]();
    throw error;
  }
}

const notices: Readonly<Record<Loss, string>> = {
  restarted:
    "Redis was restarted, or another server took over: the last minute of the journal is given to it again.",
  unsaved:
    "Redis was restarted and does not write to disk what it acknowledges (appendonly no): all of the journal that is there is given to it again.",
  emptied:
    "Redis is empty: budgets, usage, audit, tenants and keys that were in it are gone. The retained journal is given to it again; the rest has to come from a backup (sentinel restore).",
};

const trimEveryMs = 600_000;
const saveEveryMs = 1_000;

class BooksSink implements RedisSink {
  readonly name = "redis";
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #auditHours: number;
  readonly #window: Window;
  readonly #marks: RedisMarks;
  readonly #losses: LossWatch;
  readonly #onLoss: (loss: Loss) => void;
  readonly #onNotice: (sentence: string) => void;
  readonly #trimTimer: NodeJS.Timeout;
  #rewind: Parameters<JournalSink["onRewind"]>[0] | undefined;
  #retention: ReadonlyMap<string, TenantRetention> = new Map();
  /** When the last batch was acknowledged: what is lost was so before. */
  #acknowledgedMs: number;
  /** Goes up with each loss: a batch that was given before is no reason to say that what it had is there. */
  #lossCount = 0;
  #savedAtMs = Number.NEGATIVE_INFINITY;
  #saveTimer: NodeJS.Timeout | undefined;
  #isTrimming = false;
  #payloadsDropped = 0;
  #hasToldOfMarks = false;

  constructor(options: RedisSinkOptions) {
    const { redis, auditHours, clock, onNotice, onLoss } = options;
    this.#redis = redis;
    this.#clock = clock;
    this.#auditHours = auditHours;
    this.#acknowledgedMs = clock.epochMs();
    this.#onLoss = onLoss ?? (() => undefined);
    this.#onNotice = onNotice ?? (() => undefined);
    this.#window = auditWindow(auditHours, (id) => this.#retention.get(id)?.payloadDays);
    this.#marks = new RedisMarks(options.dataDir);
    this.#losses = watchLosses(
      redis,
      (loss) => {
        this.#noteLoss(loss);
      },
      () => {
        // The next batch fails too, and the feeder says so.
      },
    );
    this.#trimTimer = setInterval(() => void this.#trim(), trimEveryMs).unref();
  }

  async begin(): Promise<void> {
    const { epochs } = await this.#losses.look();
    const before = this.#marks.lastEpochs();
    // Marks of another data set are worth nothing by themselves: there is nothing to go back on.
    if (before !== undefined && before !== epochs && !(await isRestored(this.#redis, epochs))) {
      this.#tell("emptied");
    }
    this.#saveSafely(() => {
      this.#marks.saveEpochs(epochs);
    });
  }

  async mark(writer: string) {
    return this.#marks.of(writer, await this.#losses.look());
  }

  async take({ writer, lines, mark }: JournalBatch): Promise<TakenBatch> {
    const lossCount = this.#lossCount;
    const prepared = lines.map((line) => ({ line, call: callOf(line, this.#window) }));
    const calls = prepared.flatMap(({ call }) => ("call" in call ? [call] : []));
    const outcomes = await runCalls(
      this.#redis,
      calls.map(({ call }) => call),
    );
    const spent = await this.#spentOf(lines);
    // Whether what was just acknowledged can be lost is known only after a look at who acknowledged it.
    await this.#losses.lookIfDue();
    const taken = this.#resultOf(prepared, outcomes);
    this.#acknowledgedMs = this.#clock.epochMs();
    if (mark !== undefined && lossCount === this.#lossCount) {
      this.#marks.note(writer, mark, this.#acknowledgedMs);
      this.#saveSoon();
    }
    return { ...taken, spent };
  }

  onRewind(rewind: Parameters<JournalSink["onRewind"]>[0]): void {
    this.#rewind = rewind;
  }

  keepFor(tenants: readonly TenantRetention[]): void {
    this.#retention = new Map(tenants.map((tenant) => [tenant.tenantId, tenant]));
    void this.#trim();
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#trimTimer);
    clearTimeout(this.#saveTimer);
    this.#losses[Symbol.dispose]();
    this.#save();
    return Promise.resolve();
  }

  #spentOf(lines: readonly JournalLine[]): Promise<BudgetSpent[]> {
    const records = lines.flatMap((line) =>
      line.kind === "record" && line.record.object === "audit.record" ? [line.record] : [],
    );
    return readSpent(this.#redis, records);
  }

  #resultOf(
    prepared: readonly { readonly line: JournalLine; readonly call: LineCall }[],
    outcomes: readonly CallOutcome[],
  ): Omit<TakenBatch, "spent"> {
    let added = 0;
    let at = 0;
    const refused: { line: JournalLine; reason: string }[] = [];
    for (const { line, call } of prepared) {
      if (call.kind === "nothing") continue;
      if (call.kind === "refused") {
        refused.push({ line, reason: call.reason });
        continue;
      }
      const outcome = outcomes[at++] ?? { kind: "impossible", reason: "it was not run" };
      const verdict = this.#verdictOf(call.kind, outcome);
      if (verdict === "added") added += 1;
      else if (verdict !== "nothing") refused.push({ line, reason: verdict.reason });
    }
    return { added, refused };
  }

  #verdictOf(
    kind: "record" | "amendment" | "payload",
    outcome: CallOutcome,
  ): "added" | "nothing" | { readonly reason: string } {
    if (outcome.kind === "impossible") return { reason: outcome.reason };
    if (kind === "payload") {
      if (outcome.reply === 2) this.#notePayloadDropped();
      return "nothing";
    }
    if (outcome.reply === 2) return { reason: tooLate };
    return outcome.reply === 1 ? "added" : "nothing";
  }

  #notePayloadDropped(): void {
    this.#payloadsDropped += 1;
    // Each power of two: the first at once, and a flood not each time.
    if (Math.log2(this.#payloadsDropped) % 1 !== 0) return;
    this.#onNotice(
      `Redis has no room for more prompts and answers of a tenant's hour; ${this.#payloadsDropped} were not kept since the start.`,
    );
  }

  #noteLoss(loss: Loss): void {
    this.#lossCount += 1;
    const isShort = loss === "restarted";
    const since = isShort ? { epochMs: this.#acknowledgedMs - lostMsMax } : ("all" as const);
    this.#marks.goBack(since);
    this.#saveSoon();
    this.#tell(loss);
    this.#rewind?.(since);
  }

  #tell(loss: Loss): void {
    this.#onLoss(loss);
    this.#onNotice(notices[loss]);
  }

  #saveSoon(): void {
    if (performance.now() - this.#savedAtMs >= saveEveryMs) this.#save();
    else this.#saveTimer ??= setTimeout(() => this.#save(), saveEveryMs).unref();
  }

  #save(): void {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    this.#savedAtMs = performance.now();
    const identity = this.#losses.known;
    if (identity === undefined) return;
    this.#saveSafely(() => {
      this.#marks.save(identity);
      if (this.#marks.lastEpochs() !== identity.epochs) this.#marks.saveEpochs(identity.epochs);
    });
  }

  /** A mark that is not on disk lags, which costs a replay and nothing else. */
  #saveSafely(save: () => void): void {
    try {
      save();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (this.#hasToldOfMarks) return;
      this.#hasToldOfMarks = true;
      this.#onNotice(`Where Redis is in the journal cannot be written down: ${message}.`);
    }
  }

  async #trim(): Promise<void> {
    if (this.#isTrimming || !this.#redis.isReady) return;
    this.#isTrimming = true;
    try {
      const nowMs = this.#clock.epochMs();
      await trimAudit(this.#redis, [...this.#retention.values()], nowMs, this.#auditHours);
    } catch {
      // Redis is away; the next time comes.
    } finally {
      this.#isTrimming = false;
    }
  }
}

const tooLate =
  "Redis does not know any more whether it has counted it: its hour's records are gone (SENTINEL_AUDIT_REDIS_HOURS)";
