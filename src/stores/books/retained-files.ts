import type { JournalBatch, TakenBatch } from "../disk/journal-sink.ts";
import type { SqliteSink } from "../sqlite/books/sinks.ts";
import type { TenantRetention } from "./protocol.ts";

/** Files are looked through so often for what has been kept long enough. */
const everyMs = 3_600_000;
/** And so soon again where there was more than is done at once, or where it failed. */
const againMs = 5_000;
const failedMs = 600_000;

export interface RetainedFiles extends SqliteSink {
  /** Nothing is removed before this was called: whoever is not named keeps no payloads. */
  keepFor(tenants: readonly TenantRetention[]): void;
}

/** The audit files' sink, with what is over removed from them in time: between batches, never in one. */
export function retainedFiles(
  sink: SqliteSink,
  {
    auditDays,
    onFailed,
  }: { readonly auditDays: number; readonly onFailed: (error: unknown) => void },
): RetainedFiles {
  let last: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let tenants: readonly TenantRetention[] = [];

  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const run = last.then(work);
    last = run.catch(() => undefined); // Whoever asked gets it.
    return run;
  };
  const runLater = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void run(), ms);
  };
  const run = async (): Promise<void> => {
    try {
      const policies = { auditDays, tenants };
      const report = await inTurn(() => sink.runRetention(policies, Date.now()));
      runLater(report.isFinished ? everyMs : againMs);
    } catch (error) {
      onFailed(error);
      runLater(failedMs);
    }
  };

  return {
    name: sink.name,
    mark: (writer) => sink.mark(writer),
    take: (batch: JournalBatch): Promise<TakenBatch> => inTurn(() => sink.take(batch)),
    onRewind: (rewind) => {
      sink.onRewind(rewind);
    },
    runRetention: (policies, nowMs) => inTurn(() => sink.runRetention(policies, nowMs)),
    keepFor: (told) => {
      tenants = told;
      runLater(againMs);
    },
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      await last;
      clearTimeout(timer); // The run that was under way has set it again.
      await sink[Symbol.asyncDispose]();
    },
  };
}
