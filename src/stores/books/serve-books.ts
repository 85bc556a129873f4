import type { MessagePort } from "node:worker_threads";

import type { BudgetSpent } from "../../pipeline/cost/usage-ledger.ts";
import { openFeeder } from "../disk/feeder.ts";
import type { Feeder } from "../disk/feeder.ts";
import type { FeedingTimes } from "../disk/feeder-lane.ts";
import type { JournalSink } from "../disk/journal-sink.ts";
import { reportEveryMs } from "./protocol.ts";
import type { FromBooks, SinkEvent, SinkMark, TenantRetention, ToBooks } from "./protocol.ts";

/** The stores that are fed in the books thread. */
export interface BookStores {
  readonly sinks: readonly JournalSink[];
  keepFor(tenants: readonly TenantRetention[]): void;
}

export interface BooksThread {
  readonly dataDir: string;
  readonly stores: BookStores;
  readonly times?: FeedingTimes;
}

/** What the budgets have come to is told together for so long. */
const spentEveryMs = 20;

export const eventPoster =
  (port: MessagePort) =>
  (event: SinkEvent): void => {
    port.postMessage({ kind: "event", event } satisfies FromBooks);
  };

/** The books thread's life: feeds the stores as the main thread says, until it says `close`. */
export function serveBooks(port: MessagePort, { dataDir, stores, times }: BooksThread): void {
  const post = (message: FromBooks): void => {
    port.postMessage(message);
  };
  const marks = new Map<string, SinkMark>();
  const spentGatherer = gatherSpent((spent) => {
    post({ kind: "spent", spent });
  });
  const feeder = openFeeder({
    dataDir,
    sinks: stores.sinks,
    onMark: (sink, writer, position) => {
      marks.set(`${sink} ${writer}`, { sink, writer, position });
    },
    onSpent: spentGatherer.add,
    onEvent: (event) => {
      post({ kind: "event", event });
    },
    ...(times === undefined ? {} : { times }),
  });
  const report = (): void => {
    post({ kind: "report", marks: [...marks.values()], stats: feeder.stats() });
    marks.clear();
  };
  const reporting = setInterval(report, reportEveryMs);

  const close = async (): Promise<void> => {
    clearInterval(reporting);
    try {
      await feeder[Symbol.asyncDispose]();
    } finally {
      spentGatherer.flush();
      report();
      port.close();
    }
  };
  const flush = async (id: number, limitMs: number): Promise<void> => {
    const { behind } = await feeder.flush(limitMs);
    spentGatherer.flush();
    report();
    post({ kind: "flushed", id, behind });
  };
  port.on("message", (message: ToBooks) => {
    // An error in here ends the thread, which the main thread reports and puts right.
    if (message.kind === "flush") void flush(message.id, message.limitMs);
    else if (message.kind === "close") void close();
    else hear(message, feeder, stores);
  });
  post({ kind: "ready", sinks: stores.sinks.map(({ name }) => name) });
}

function hear(
  message: Exclude<ToBooks, { kind: "flush" | "close" }>,
  feeder: Feeder,
  stores: BookStores,
): void {
  switch (message.kind) {
    case "wrote":
      feeder.wrote(message.writer, message.position);
      break;
    case "adopt":
      for (const writer of message.writers) feeder.adopt(writer);
      break;
    case "unwritten":
      feeder.takeUnwritten(message.writer, message.lines);
      break;
    case "retention":
      stores.keepFor(message.tenants);
      break;
    case "rewind":
      feeder.rewind(message.sink, message.since);
      break;
  }
}

/** The last word on each budget counts: what came before it need not be told. */
function gatherSpent(tell: (spent: readonly BudgetSpent[]) => void) {
  const gathered = new Map<string, BudgetSpent>();
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (gathered.size === 0) return;
    tell([...gathered.values()]);
    gathered.clear();
  };
  const add = (spent: readonly BudgetSpent[]): void => {
    for (const each of spent) {
      gathered.set(`${each.periodId} ${each.keyId ?? ""} ${each.tenantId}`, each);
    }
    timer ??= setTimeout(flush, spentEveryMs);
  };
  return { add, flush };
}
