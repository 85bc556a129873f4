import { join } from "node:path";

import type { JournalBatch, JournalSink, TakenBatch } from "../../disk/journal-sink.ts";
import { AuditWriter } from "./audit-writer.ts";
import { auditFolder, chainPath, dayMs, dayStartMs } from "./day-files.ts";
import type { Day } from "./day-files.ts";
import { journalAge } from "./journal-age.ts";
import { LedgerWriter } from "./ledger-writer.ts";
import { forgetMarks, hasMarks, readMark, writeMark } from "./marks.ts";
import { fileId, openFile } from "./open-file.ts";
import { runRetention } from "./retention.ts";
import type { RetentionPolicies, RetentionReport } from "./retention.ts";

export interface SqliteSinkOptions {
  readonly dataDir: string;
  /** Signs what is said of records that are removed when their time is over. */
  readonly chainKey: Uint8Array;
  readonly nowMs?: () => number;
  /** Called when files are gone that may have had more than the journal still has. */
  readonly onLoss?: () => void;
}

/** A sink whose files are kept no longer than they may be. */
export interface SqliteSink extends JournalSink {
  /**
   * To be called once an hour, and again soon where it says that there is more. `policies` must have every tenant: of
   * one that is not in there no payloads are kept.
   */
  runRetention(policies: RetentionPolicies, nowMs: number): Promise<RetentionReport>;
}

type Rewind = Parameters<JournalSink["onRewind"]>[0];

/**
 * Audit files and `ledger.db`, for the books thread: every call blocks it. The audit rows are safe before the
 * ledger counts them; sums, budgets, the guard and the mark are one transaction.
 */
export function openSqliteSink(options: SqliteSinkOptions): Promise<SqliteSink> {
  const { dataDir, nowMs = Date.now } = options;
  return opened(() => {
    const ledger = new LedgerWriter(dataDir);
    const ageOf = journalAge(dataDir);
    const take = async (batch: JournalBatch, audit: AuditWriter): Promise<TakenBatch> => {
      if (ledger.reopenIfLost()) audit.onLost?.();
      const { added, own, refused } = audit.write(batch.lines);
      const now = nowMs();
      const forgetBeforeMs = await ageOf(now);
      const { writer, mark } = batch;
      const counted = ledger.take({ writer, records: own, mark, nowMs: now, forgetBeforeMs });
      const amendments = added.filter(({ record }) => record.object === "audit.amendment");
      return { added: counted.added + amendments.length, spent: counted.spent, refused };
    };
    return {
      name: "sqlite",
      mark: (writer) => ledger.mark(writer),
      hasMarks: () => ledger.hasMarks,
      forgetMarks: () => {
        ledger.forgetMarks();
      },
      take,
      prune: (now) => ledger.prune(now),
      close: () => {
        ledger.close();
      },
    };
  }, options);
}

/** Audit files alone, beside a ledger that is kept elsewhere. */
export function openAuditFilesSink(options: SqliteSinkOptions): Promise<SqliteSink> {
  return opened(() => {
    const marks = openFile("marks", join(auditFolder(options.dataDir), "marks.db"));
    return {
      name: "audit-files",
      mark: (writer) => readMark(marks, writer),
      hasMarks: () => hasMarks(marks),
      forgetMarks: () => {
        forgetMarks(marks);
      },
      take: ({ writer, lines, mark }, audit) => {
        const { added, refused } = audit.write(lines);
        if (mark !== undefined) writeMark(marks, writer, mark);
        return Promise.resolve({ added: added.length, spent: [], refused });
      },
      prune: () => 0,
      close: () => {
        marks.close();
      },
    };
  }, options);
}

/** What the two differ in. */
interface SinkParts {
  readonly name: string;
  mark(writer: string): ReturnType<typeof readMark>;
  hasMarks(): boolean;
  forgetMarks(): void;
  take(batch: JournalBatch, audit: AuditWriter): Promise<TakenBatch>;
  /** Forgets a bounded number of what is over; says how much. */
  prune(nowMs: number): number;
  close(): void;
}

// Async, so that what SQLite throws rejects.
async function opened(open: () => SinkParts, options: SqliteSinkOptions): Promise<SqliteSink> {
  const { dataDir, onLoss } = options;
  const isChainThere = fileId(chainPath(dataDir)) !== undefined;
  using opening = new DisposableStack();
  const parts = opening.adopt(open(), (each) => {
    each.close();
  });
  let isLost = !isChainThere && parts.hasMarks();
  // Before `chain.db` is made, which tells no later start that there was a loss.
  if (isLost) parts.forgetMarks();
  const audit = opening.adopt(new AuditWriter(dataDir), (each) => {
    each.close();
  });
  if (await mayBeInJournal(audit.daysLostBefore, options)) {
    isLost = true;
    parts.forgetMarks();
  }
  const kept = opening.move();
  const { name } = parts;
  const chainKey = Buffer.from(options.chainKey);
  return {
    name,
    // eslint-disable-next-line @typescript-eslint/require-await -- What it throws becomes a rejection.
    mark: async (writer) => parts.mark(writer),
    take: async (batch) => await parts.take(batch, audit),
    onRewind: (rewind: Rewind) => {
      const tell = (): void => {
        rewind("all");
        onLoss?.();
      };
      audit.onLost = () => {
        tell();
        // A writer whose mark was not asked for yet begins at its beginning too.
        parts.forgetMarks();
      };
      if (audit.takeLoss() || isLost) tell();
      isLost = false;
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- What it throws becomes a rejection.
    runRetention: async (policies, nowMs) => {
      const report = runRetention({ dataDir, audit, chainKey, policies, nowMs });
      const isFinished = parts.prune(nowMs) === 0;
      return { ...report, isFinished: report.isFinished && isFinished };
    },
    [Symbol.asyncDispose]: () => {
      kept.dispose();
      return Promise.resolve();
    },
  };
}

/** Whether the journal may have records of these days: older ones it cannot bring back, however often it is read. */
async function mayBeInJournal(
  days: readonly Day[],
  { dataDir, nowMs = Date.now }: SqliteSinkOptions,
): Promise<boolean> {
  if (days.length === 0) return false;
  const sinceMs = await journalAge(dataDir)(nowMs());
  // A request that began on a day may have ended on the next one.
  return sinceMs === undefined || days.some((day) => dayStartMs(day) + 2 * dayMs > sinceMs);
}
