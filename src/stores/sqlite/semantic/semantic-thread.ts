import { setImmediate as nextTurn } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

import { deflateAnswer } from "../../answers/answer-codec.ts";
import { FileKeeper, reasonOf } from "../cache/file-keeper.ts";
import type { CloseThread, FromThread } from "../cache/thread-calls.ts";
import type { DropAnswer, EntryRow, SemanticCall, SemanticFileSettings } from "./protocol.ts";
import { SemanticFile } from "./semantic-file.ts";
import type { PurgedSome } from "./semantic-file.ts";

/** Entries gather for so long, so that many are written by one transaction. */
const gatherMs = 20;
const batchRowsMax = 256;
const batchBytesMax = 4 * 1024 * 1024;
/** A purge deletes so many at a time: look-ups get their turn in between. */
const purgedAtOnce = 500;

type Send = (message: FromThread, transfer?: ArrayBuffer[]) => void;

/** What the thread does with its file: everything that is asked of it, in order, however often the file is lost. */
class SemanticThread {
  readonly #files: FileKeeper<SemanticFile>;
  readonly #send: Send;
  /** To be written, by the ids of their entries: whoever asks for one has them written first. */
  readonly #waiting = new Map<string, { readonly calls: number[]; readonly row: EntryRow }>();
  #waitingBytes = 0;
  #nowMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: SemanticFileSettings, send: Send) {
    this.#files = new FileKeeper(settings.path, () => new SemanticFile(settings));
    this.#send = send;
  }

  take(call: SemanticCall): void {
    const { id, nowMs } = call;
    switch (call.kind) {
      case "put":
        this.#put(call, call.row);
        break;
      case "answer":
        // Only what it is about needs to be written: a look-up is in a hurry.
        if (this.#waiting.has(call.wanted.entryId)) this.flush();
        this.#reply(id, (file) => {
          const bytes = file.answerOf(call.wanted, nowMs);
          return { value: bytes, moved: bytes === undefined ? [] : [bytes] };
        });
        break;
      case "load":
        this.flush();
        this.#reply(id, (file) => {
          const rows = file.load(call.where, call.entriesMax, nowMs);
          return { value: rows, moved: rows.entries.map(({ bytes }) => bytes) };
        });
        break;
      case "tally":
        this.flush();
        this.#reply(id, (file) => {
          file.tally(call.where, call.isRight);
          return {};
        });
        break;
      case "purge":
        void this.#purge(call);
        break;
      case "policy":
        this.#reply(id, (file) => ({ value: file.policy(call.where, nowMs) }));
        break;
      case "save":
        this.#done([id], () => {
          this.#files.write((file) => {
            file.savePolicy(call.where, call.json, nowMs);
          });
        });
        break;
    }
  }

  drop({ wanted }: DropAnswer): void {
    try {
      this.#files.use((file) => {
        file.drop(wanted);
      });
    } catch {
      // It is dropped when it is over.
    }
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.size === 0) return;
    const batch = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#done(
      batch.flatMap(({ calls }) => calls),
      () => {
        this.#files.write((file) => {
          file.put(
            batch.map(({ row }) => row),
            this.#nowMs,
          );
        });
      },
    );
  }

  close(): void {
    this.flush();
    this.#files.close();
  }

  #put({ id, nowMs }: Pick<SemanticCall, "id" | "nowMs">, row: EntryRow): void {
    this.#nowMs = nowMs;
    // One of this id waits, perhaps another tenant's: it goes first.
    if (this.#waiting.has(row.entryId)) this.flush();
    const { answer } = row;
    const kept =
      answer === undefined
        ? row
        : { ...row, answer: { ...answer, bytes: deflateAnswer(answer.bytes) } };
    this.#waiting.set(row.entryId, { calls: [id], row: kept });
    this.#waitingBytes += kept.bytes.length + (kept.answer?.bytes.length ?? 0);
    if (this.#waiting.size >= batchRowsMax || this.#waitingBytes >= batchBytesMax) this.flush();
    else
      this.#timer ??= setTimeout(() => {
        this.flush();
      }, gatherMs);
  }

  async #purge({ id, what, nowMs }: Extract<SemanticCall, { kind: "purge" }>): Promise<void> {
    this.flush();
    try {
      const to = this.#files.use((file) => file.lastRowId);
      let count = 0;
      let from: number | undefined = 0;
      while (from !== undefined) {
        const range = { from, to, limit: purgedAtOnce };
        const purged: PurgedSome = this.#files.use((file) => file.purge(what, range, nowMs));
        count += purged.alive;
        from = purged.last;
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

  #reply(id: number, work: (file: SemanticFile) => Reply): void {
    try {
      const { value, moved = [] } = this.#files.use(work);
      const buffers = moved.flatMap(({ buffer }) =>
        buffer instanceof ArrayBuffer ? [buffer] : [],
      );
      this.#send({ kind: "done", ids: [id], value }, buffers);
    } catch (error) {
      this.#send({ kind: "failed", ids: [id], reason: reasonOf(error) });
    }
  }

  #done(ids: readonly number[], work: () => void): void {
    try {
      work();
      this.#send({ kind: "done", ids });
    } catch (error) {
      this.#send({ kind: "failed", ids, reason: reasonOf(error) });
    }
  }
}

interface Reply {
  readonly value?: unknown;
  /** Its bytes, which are the main thread's then. */
  readonly moved?: readonly Uint8Array[];
}

/** It is started by `semantic-store.ts` and by nothing else. */
function serve(settings: SemanticFileSettings, port: NonNullable<typeof parentPort>): void {
  const thread = new SemanticThread(settings, (message, transfer = []) => {
    port.postMessage(message, transfer);
  });
  port.on("message", (message: SemanticCall | DropAnswer | CloseThread) => {
    switch (message.kind) {
      case "drop":
        thread.drop(message);
        break;
      case "close":
        thread.close();
        port.close();
        break;
      default:
        thread.take(message);
    }
  });
}

if (parentPort !== null) serve(workerData as SemanticFileSettings, parentPort);
