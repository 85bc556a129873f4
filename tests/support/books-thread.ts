import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";

import type { BooksConfig } from "../../src/stores/books/protocol.ts";
import { serveBooks } from "../../src/stores/books/serve-books.ts";
import type { JournalBatch, TakenBatch } from "../../src/stores/disk/journal-sink.ts";
import { MemoryBooks } from "./memory-books.ts";

/**
 * A books thread that misbehaves as its prompt says: the first payload of a batch is an order. What it was given
 * in its lives is in `taken.json` of its data directory.
 */
const { dataDir } = workerData as BooksConfig;
const takenPath = join(dataDir, "taken.json");
const donePath = join(dataDir, "orders-done.json");

const read = (path: string): string[] => {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as string[];
  } catch {
    return []; // Nothing so far.
  }
};

/** Each order is followed once: a thread that dies of one finds it again in its next life. */
function obey(batch: JournalBatch): void {
  for (const line of batch.lines) {
    if (line.kind !== "payload" || read(donePath).includes(line.payload.id)) continue;
    writeFileSync(donePath, JSON.stringify([...read(donePath), line.payload.id]));
    if (line.payload.prompt === "exit") process.exit(1);
    if (line.payload.prompt === "throw") {
      setImmediate(() => {
        throw new Error("a slip");
      });
    }
    if (line.payload.prompt === "block")
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    if (line.payload.prompt === "fill the heap") {
      const held: string[][] = [];
      for (;;) held.push(Array.from({ length: 10_000 }, (_, index) => `text ${index}`));
    }
  }
}

const books = new MemoryBooks();
books.before = (batch): Promise<TakenBatch["refused"]> => {
  obey(batch);
  return Promise.resolve([]);
};
books.after = () => {
  writeFileSync(takenPath, JSON.stringify([...new Set([...read(takenPath), ...books.ids])]));
  return Promise.resolve();
};

if (parentPort !== null) {
  const stores = { sinks: [books.open()], keepFor: () => undefined };
  serveBooks(parentPort, { dataDir, stores });
}
