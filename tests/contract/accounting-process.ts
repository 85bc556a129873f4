import type { Clock } from "../../src/lib/clock.ts";
import type { AuditRecord } from "../../src/pipeline/audit/entry.ts";
import type { StartRecord } from "../../src/pipeline/journal.ts";
import type { DiskJournal } from "../../src/stores/disk/disk-journal.ts";
import { openFeeder } from "../../src/stores/disk/feeder.ts";
import type { Feeder } from "../../src/stores/disk/feeder.ts";
import type { JournalPosition } from "../../src/stores/disk/journal-line.ts";
import type { JournalSink } from "../../src/stores/disk/journal-sink.ts";
import { openJournal } from "../../src/stores/disk/open-journal.ts";
import { takeImage } from "../support/crash-image.ts";
import type { AccountingReference } from "./accounting-reference.ts";

/** A gateway, as far as accounting is concerned: a journal, and the feeding of the stores from it. */
export interface ModelProcess {
  readonly writer: string;
  readonly feeder: Feeder;
  /** Requests that were admitted and have no record. */
  readonly running: StartRecord[];
  readonly problems: readonly string[];
  start(record: StartRecord): void;
  record(record: AuditRecord): void;
  /** Everything so far survives a power cut. */
  sync(): Promise<void>;
  readonly synced: JournalPosition;
  close(): Promise<void>;
  /** As SIGKILL does. Its folder is as it was at that instant. */
  kill(): Promise<void>;
}

export const modelChainKey = Buffer.alloc(32, 7);

export interface ModelProcessOptions {
  readonly dataDir: string;
  readonly sinks: readonly JournalSink[];
  readonly clock: Clock;
  readonly isShared: boolean;
  readonly reference: AccountingReference;
}

const quickTimes = { callMsMax: 5_000, retryMs: 1, retryMsMax: 4, restMs: 0, restMsMax: 2 };
/** Small, so that there are many. */
const segmentBytesMax = 12_000;

export async function startModelProcess(options: ModelProcessOptions): Promise<ModelProcess> {
  const { dataDir, clock, isShared, sinks, reference } = options;
  const problems: string[] = [];
  const journal = await openJournal({
    dataDir,
    chainKey: modelChainKey,
    clock,
    bytesMax: 1024 * 1024 * 1024,
    keepMs: 24 * 3_600_000,
    isShared,
    onDiskFull: "continue",
    segmentBytesMax,
    onEvent: ({ kind, message }) => {
      if (kind !== "journal_adopted") problems.push(message);
    },
  });
  const feeder = openFeeder({
    dataDir,
    sinks,
    onMark: (sink, writer, position) => {
      journal.acknowledge(sink, writer, position);
    },
    onSpent: () => undefined,
    onEvent: () => undefined,
    times: quickTimes,
  });
  journal.useSinks(sinks.map(({ name }) => name));
  for (const writer of journal.adopted) feeder.adopt(writer);
  const wrote = (): void => {
    feeder.wrote(journal.writer, journal.position);
  };
  journal.onWritten(wrote);
  wrote();
  return processOf({ journal, feeder, problems, dataDir, reference });
}

function processOf(parts: {
  readonly journal: DiskJournal;
  readonly feeder: Feeder;
  readonly problems: readonly string[];
  readonly dataDir: string;
  readonly reference: AccountingReference;
}): ModelProcess {
  const { journal, feeder, problems, dataDir, reference } = parts;
  const { writer } = journal;
  const running: StartRecord[] = [];
  // What it wrote for dead writers is on disk before it says that it has finished with them.
  let synced = journal.position;
  const end = async (): Promise<void> => {
    await feeder[Symbol.asyncDispose]();
    await journal[Symbol.asyncDispose]();
  };
  return {
    writer,
    feeder,
    running,
    problems,
    get synced() {
      return synced;
    },
    start: (record) => {
      journal.start(record);
      running.push(record);
      reference.started(record, { writer, end: journal.position });
    },
    record: (record) => {
      journal.record(record);
      reference.recorded(record, { writer, end: journal.position });
    },
    sync: async () => {
      const { position } = journal;
      await journal.sync();
      synced = position;
    },
    close: async () => {
      await feeder.flush(1_000);
      await end();
    },
    kill: async () => {
      const image = takeImage(dataDir, writer);
      await end();
      image.putBack();
    },
  };
}
