import { setImmediate as nextTurn } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

import { deflateAnswer } from "../../answers/answer-codec.ts";
import { CacheFile } from "./cache-file.ts";
import type { DatabaseFileSettings } from "./database-file.ts";
import { FileKeeper, reasonOf } from "./file-keeper.ts";
import { KeyCensus } from "./key-census.ts";
import type { CacheCall, DropRow, WantedRow } from "./protocol.ts";
import { rowsOf } from "./put-batch.ts";
import type { CloseThread, FromThread } from "./thread-calls.ts";

/** A purge deletes so many at a time: look-ups get their turn in between. */
const purgedAtOnce = 500;

type Send = (message: FromThread, transfer?: ArrayBuffer[]) => void;

/** What the thread does with its file: everything that is asked of it, in order, however often the file is lost. */
class CacheThread {
  readonly #files: FileKeeper<CacheFile>;
  readonly #send: Send;
  readonly #census: KeyCensus;

  constructor(settings: DatabaseFileSettings, send: Send) {
    this.#files = new FileKeeper(settings.path, () => {
      this.#census.forget();
      return new CacheFile(settings);
    });
    this.#census = new KeyCensus({
      use: (work) => this.#files.use(work),
      publish: (memory) => {
        send({ kind: "told", value: memory });
      },
    });
    this.#send = send;
  }

  get(id: number, wanted: WantedRow, nowMs: number): void {
    this.#answer([id], () => {
      const bytes = this.#files.use((file) => file.get(wanted, nowMs));
      const transfer = bytes?.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
      this.#send({ kind: "done", ids: [id], value: bytes }, transfer);
    });
  }

  put(id: number, batch: Uint8Array<ArrayBuffer>, nowMs: number): void {
    const rows = rowsOf(batch).map((row) => ({ ...row, bytes: deflateAnswer(row.bytes) }));
    this.#answer([id], () => {
      this.#files.write((file) => {
        if (file.wasChangedByOthers()) this.#census.forget();
        file.put(rows, nowMs);
      });
      this.#census.add(rows);
      this.#send({ kind: "done", ids: [id] });
    });
  }

  async purge(id: number, what: Extract<CacheCall, { kind: "purge" }>): Promise<void> {
    try {
      const lastRowId = this.#files.use((file) => file.lastRowId);
      let count = 0;
      for (;;) {
        const limits = { lastRowId, limit: purgedAtOnce, nowMs: what.nowMs };
        const { deleted, alive } = this.#files.use((file) => file.purge(what.what, limits));
        count += alive;
        if (deleted < purgedAtOnce) break;
        await nextTurn();
      }
      this.#files.use((file) => {
        file.emptyLog();
      });
      this.#send({ kind: "done", ids: [id], value: count });
    } catch (error) {
      this.#send({ kind: "failed", ids: [id], reason: reasonOf(error) });
    }
  }

  drop(wanted: WantedRow): void {
    this.#answer([], () => {
      this.#files.use((file) => {
        file.drop(wanted);
      });
    });
  }

  close(): void {
    this.#files.close();
  }

  #answer(ids: readonly number[], work: () => void): void {
    try {
      work();
      this.#census.settle();
    } catch (error) {
      this.#census.withhold();
      if (ids.length > 0) this.#send({ kind: "failed", ids, reason: reasonOf(error) });
    }
  }
}

/** It is started by `exact-store.ts` and by nothing else. */
function serve(settings: DatabaseFileSettings, port: NonNullable<typeof parentPort>): void {
  const thread = new CacheThread(settings, (message, transfer = []) => {
    port.postMessage(message, transfer);
  });
  port.on("message", (message: CacheCall | DropRow | CloseThread) => {
    switch (message.kind) {
      case "get":
        thread.get(message.id, message.wanted, message.nowMs);
        break;
      case "put":
        thread.put(message.id, message.batch, message.nowMs);
        break;
      case "purge":
        void thread.purge(message.id, message);
        break;
      case "drop":
        thread.drop(message.wanted);
        break;
      case "close":
        thread.close();
        port.close();
        break;
    }
  });
}

if (parentPort !== null) serve(workerData as DatabaseFileSettings, parentPort);
