import type { BudgetSpent } from "../../pipeline/cost/usage-ledger.ts";
import { Backlog } from "./feeder-backlog.ts";
import { BatchSource } from "./feeder-batches.ts";
import type { TornLine } from "./feeder-batches.ts";
import { feedingTimes, Lane } from "./feeder-lane.ts";
import type { FeedingTimes, LaneListener, LaneStats } from "./feeder-lane.ts";
import { isBefore, positionText } from "./feeder-positions.ts";
import { Quarantine } from "./feeder-quarantine.ts";
import type { Since } from "./feeder-track.ts";
import { isDoneWithin, pause } from "./feeder-waits.ts";
import type { JournalLine, JournalPosition } from "./journal-line.ts";
import type { JournalSink } from "./journal-sink.ts";

/** What happens to the feeding, for the log and the metrics. No names of tenants, keys or models. */
export type FeederEvent =
  | { readonly kind: "sink_failed"; readonly sink: string; readonly message: string }
  | { readonly kind: "sink_recovered"; readonly sink: string; readonly downMs: number }
  | { readonly kind: "sink_rewound"; readonly sink: string; readonly since: Since }
  | {
      readonly kind: "line_quarantined";
      /** The store that refused it, or `torn`. */
      readonly from: string;
      readonly writer: string;
      readonly place: string;
      readonly reason: string;
    };

export interface FeederOptions {
  readonly dataDir: string;
  readonly sinks: readonly JournalSink[];
  /** How far a store is, for the journal that deletes what nobody needs any more. May go back. */
  readonly onMark: (sink: string, writer: string, position: JournalPosition) => void;
  readonly onSpent: (spent: readonly BudgetSpent[]) => void;
  readonly onEvent: (event: FeederEvent) => void;
  readonly times?: FeedingTimes;
  readonly now?: () => number;
}

export interface FlushOutcome {
  /** The stores that do not have all of it: they failed, or the time was not enough. */
  readonly behind: readonly string[];
}

export interface FeederStats {
  readonly sinks: readonly LaneStats[];
  /** Since the start, by the store that refused a line, and `torn` for what nobody can read. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** Lines from memory that went before every store had them; the journal has them still. */
  readonly backlogDropped: number;
}

/** Gives the journal's lines to the stores, each at its own speed. */
export interface Feeder extends AsyncDisposable {
  /** A living writer's journal can be read up to here. */
  wrote(writer: string, position: JournalPosition): void;
  /** A dead writer's journal is to be read to its end. */
  adopt(writer: string): void;
  /** Lines that the disk does not take; they will be read from it some time. */
  takeUnwritten(writer: string, lines: readonly string[]): void;
  /** Resolves when every store that works has what could be read at the call, at the latest after `limitMs`. */
  flush(limitMs: number): Promise<FlushOutcome>;
  /** Gives a store again what the journal has since then. */
  rewind(sink: string, since: Since): void;
  stats(): FeederStats;
}

/** A store that does not end within this time is left behind. */
const closeMsMax = 5_000;

/** Starts at once. Closing it closes the sinks; what they have not got stays in the journal. */
export function openFeeder(options: FeederOptions): Feeder {
  return new JournalFeeder(options);
}

class JournalFeeder implements Feeder {
  readonly #dataDir: string;
  readonly #onEvent: FeederOptions["onEvent"];
  readonly #quarantine: Quarantine;
  readonly #backlog = new Backlog();
  readonly #sources = new Map<string, BatchSource>();
  readonly #lanes: readonly Lane[];

  constructor(options: FeederOptions) {
    const { dataDir, sinks, times = feedingTimes, now = Date.now } = options;
    this.#dataDir = dataDir;
    this.#onEvent = options.onEvent;
    this.#quarantine = new Quarantine(dataDir, now);
    const listener = this.#listener(options);
    const backlog = this.#backlog;
    this.#lanes = sinks.map((sink) => new Lane({ sink, backlog, times, listener, now }));
  }

  wrote(writer: string, position: JournalPosition): void {
    const source = this.#sourceOf(writer, "living");
    if (source.readable !== undefined && !isBefore(source.readable, position)) return;
    source.readable = position;
    this.#wake();
  }

  adopt(writer: string): void {
    this.#sourceOf(writer, "ended");
  }

  takeUnwritten(writer: string, lines: readonly string[]): void {
    this.#backlog.add(writer, lines);
    this.#wake();
  }

  async flush(limitMs: number): Promise<FlushOutcome> {
    using limit = pause(limitMs);
    const late = limit.over.then(() => false);
    const given = await Promise.all(this.#lanes.map((lane) => Promise.race([lane.flush(), late])));
    return { behind: this.#lanes.flatMap(({ name }, index) => (given[index] ? [] : [name])) };
  }

  rewind(sink: string, since: Since): void {
    for (const lane of this.#lanes) if (lane.name === sink) lane.rewind(since);
  }

  stats(): FeederStats {
    return {
      sinks: this.#lanes.map((lane) => lane.stats()),
      quarantined: this.#quarantine.counts,
      backlogDropped: this.#backlog.dropped,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = await Promise.allSettled(this.#lanes.map((lane) => lane.close(closeMsMax)));
    await isDoneWithin(closeMsMax, this.#quarantine.written());
    for (const outcome of closed) if (outcome.status === "rejected") throw outcome.reason;
  }

  #sourceOf(writer: string, state: "living" | "ended"): BatchSource {
    const known = this.#sources.get(writer);
    if (known !== undefined) return known;
    const source = new BatchSource({
      dataDir: this.#dataDir,
      writer,
      isEnded: state === "ended",
      onTorn: (line) => {
        this.#quarantineTorn(line);
      },
    });
    this.#sources.set(writer, source);
    for (const lane of this.#lanes) lane.follow(source);
    return source;
  }

  #wake(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  #listener({ onMark, onSpent, onEvent }: FeederOptions): LaneListener {
    return {
      marked: onMark,
      spent: onSpent,
      refused: (sink, writer, line, text, reason) => {
        this.#putAside({ from: sink, writer, place: nameOf(line), reason, text });
      },
      failed: (sink, error) => {
        const message = error instanceof Error ? error.message : String(error);
        onEvent({ kind: "sink_failed", sink, message });
      },
      recovered: (sink, downMs) => {
        onEvent({ kind: "sink_recovered", sink, downMs });
      },
      rewound: (sink, since) => {
        onEvent({ kind: "sink_rewound", sink, since });
      },
      caughtUp: () => {
        this.#releaseMemory();
      },
    };
  }

  /** What one store has had, and no other waits for, is not held. */
  #releaseMemory(): void {
    this.#backlog.release(Math.min(...this.#lanes.map(({ backlogSeen }) => backlogSeen)));
    if (!this.#lanes.every(({ hasAll }) => hasAll)) return;
    for (const source of this.#sources.values()) source.release();
  }

  #quarantineTorn({ writer, position, text, reason }: TornLine): void {
    this.#putAside({ from: "torn", writer, place: positionText(position), reason, text });
  }

  #putAside(line: Parameters<Quarantine["add"]>[0]): void {
    if (!this.#quarantine.add(line)) return;
    const { from, writer, place, reason } = line;
    this.#onEvent({ kind: "line_quarantined", from, writer, place, reason });
  }
}

/** Names a line the same way wherever it was read. */
function nameOf(line: JournalLine): string {
  switch (line.kind) {
    case "start":
      return `start ${line.start.id}`;
    case "record":
      return `record ${line.record.id} ${line.chain.seq}`;
    case "payload":
      return `payload ${line.payload.id}`;
    case "jobs":
      return `jobs ${line.checksum}`;
    case "checkpoint":
      return `checkpoint ${line.seq} ${line.epochMs}`;
  }
}
