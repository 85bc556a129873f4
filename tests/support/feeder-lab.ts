import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect } from "vitest";

import { feedingTimes } from "../../src/stores/disk/feeder-lane.ts";
import type { FeedingTimes } from "../../src/stores/disk/feeder-lane.ts";
import { openFeeder } from "../../src/stores/disk/feeder.ts";
import type { Feeder, FeederEvent } from "../../src/stores/disk/feeder.ts";
import type { JournalPosition } from "../../src/stores/disk/journal-line.ts";
import { journalFile } from "./journal-file.ts";
import { MemoryBooks } from "./memory-books.ts";
import { tempFolder } from "./temp-folder.ts";

const quickTimes: FeedingTimes = { ...feedingTimes, callMsMax: 300, retryMs: 20, retryMsMax: 100 };

/** A feeder with quick pauses, its stores, and what it said. */
export interface FeederLab extends AsyncDisposable {
  readonly path: string;
  readonly feeder: Feeder;
  readonly books: readonly MemoryBooks[];
  readonly marks: ReadonlyMap<string, JournalPosition>;
  readonly events: readonly FeederEvent[];
  journal(): ReturnType<typeof journalFile>;
  quarantined(from: string): Promise<Record<string, unknown>[]>;
}

type Given = MemoryBooks | ReturnType<MemoryBooks["open"]> | { readonly now: () => number };

export async function feederLab(...given: readonly Given[]): Promise<FeederLab> {
  const folder = await tempFolder();
  const marks = new Map<string, JournalPosition>();
  const events: FeederEvent[] = [];
  const clock = given.find((each) => "now" in each);
  const feeder = openFeeder({
    dataDir: folder.path,
    sinks: given.flatMap((each) =>
      each instanceof MemoryBooks ? [each.open()] : "mark" in each ? [each] : [],
    ),
    onMark: (sink, writer, position) => marks.set(`${sink} ${writer}`, position),
    onSpent: () => undefined,
    onEvent: (event) => events.push(event),
    times: quickTimes,
    ...clock,
  });
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await feeder[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  return {
    path: folder.path,
    feeder,
    books: given.filter((each) => each instanceof MemoryBooks),
    marks,
    events,
    journal: () => journalFile(folder.path),
    quarantined: async (from) => {
      const path = join(folder.path, "journal-quarantine", `${from}.log`);
      await expect.poll(() => readFile(path, "utf8").catch(() => "")).not.toBe("");
      const text = await readFile(path, "utf8");
      return text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}
