import type { JournalStats } from "../../src/stores/disk/disk-journal.ts";
import { auditEntry, linesOf, startJournal, startRecord } from "./journal-lab.ts";

/** What a test asks of a process with a journal (`journal-process.ts`), one at a time. */
export type ToChild =
  | { readonly kind: "start"; readonly ids: readonly string[]; readonly lease?: string }
  | { readonly kind: "record"; readonly ids: readonly string[] }
  | { readonly kind: "payload"; readonly id: string; readonly length: number }
  | { readonly kind: "adopt" }
  | { readonly kind: "status" }
  | { readonly kind: "read" }
  | { readonly kind: "close" };

export type FromChild =
  | { readonly kind: "opened"; readonly writer: string; readonly adopted: readonly string[] }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "adopted"; readonly writers: readonly string[] }
  | {
      readonly kind: "status";
      readonly stats: JournalStats;
      readonly mustRefuse: boolean;
      readonly events: readonly string[];
      /** Lines that sinks were given because the disk did not take them. */
      readonly unwritten: number;
    }
  | { readonly kind: "read"; readonly ids: readonly string[]; readonly damaged: number }
  | { readonly kind: "done" };

const settings = JSON.parse(process.argv[2] ?? "{}") as { readonly dataDir: string };
const say = (answer: FromChild): void => void process.send?.(answer);

try {
  const { journal, events } = await startJournal(settings.dataDir, settings);
  let unwritten = 0;
  journal.onUnwritten((lines) => {
    unwritten += lines.length;
  });
  const answer = async (command: ToChild): Promise<FromChild> => {
    switch (command.kind) {
      case "start":
        for (const id of command.ids)
          journal.start(startRecord({ id, lease: command.lease ?? null }));
        break;
      case "record":
        for (const id of command.ids) journal.record(auditEntry({ id }));
        break;
      case "payload": {
        const prompt = "p".repeat(command.length);
        journal.payload({ id: command.id, tenant: "acme", prompt, answer: "", cut: false });
        break;
      }
      case "adopt":
        return { kind: "adopted", writers: await journal.adoptDead() };
      case "status": {
        const { stats, mustRefuse } = journal;
        return {
          kind: "status",
          stats,
          mustRefuse,
          events: events.map(({ kind }) => kind),
          unwritten,
        };
      }
      case "read": {
        const { lines, damaged } = await linesOf(settings.dataDir, journal.writer);
        const records = lines.filter((line) => line.kind === "record");
        return { kind: "read", ids: records.map((line) => line.record.id), damaged };
      }
      case "close":
        await journal[Symbol.asyncDispose]();
    }
    return { kind: "done" };
  };
  process.on("message", (command: ToChild) => {
    answer(command).then(say, (error: unknown) => {
      say({ kind: "failed", message: String(error) });
    });
  });
  process.on("disconnect", () => process.exit());
  say({ kind: "opened", writer: journal.writer, adopted: journal.adopted });
} catch (error) {
  say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  process.disconnect?.();
}
