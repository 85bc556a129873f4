import { removeDatabase } from "../books/day-files.ts";
import { isFull, isUnusable } from "./database-file.ts";

/** A file that could not be opened is tried again after this, by the next who asks. */
const openAgainMs = 1_000;

export interface KeptFile {
  /** Whether somebody deleted it, or put another in its place. */
  readonly isGone: boolean;
  /** Where the disk has no more room: less than what is used now. */
  makeRoom(): void;
  close(): void;
}

/** Has a thread's file there whenever it is asked for, however often it is lost. */
export class FileKeeper<File extends KeptFile> {
  readonly #path: string;
  readonly #openFile: () => File;
  #file: File | undefined;
  #failure: { readonly reason: string; readonly tickMs: number } | undefined;

  constructor(path: string, openFile: () => File) {
    this.#path = path;
    this.#openFile = openFile;
  }

  /** A damaged file is made anew, and what was wanted of it is done with the new one. */
  use<Result>(work: (file: File) => Result): Result {
    try {
      return work(this.#open());
    } catch (error) {
      if (!isUnusable(error) || this.#file === undefined) throw error;
      this.close();
      removeDatabase(this.#path);
      return work(this.#open());
    }
  }

  /** As `use`. A file that was deleted is made again, and one that is full makes room first. */
  write(work: (file: File) => void): void {
    if (this.#file?.isGone === true) this.close();
    this.use((file) => {
      try {
        work(file);
      } catch (error) {
        if (!isFull(error)) throw error;
        // The disk is full, or the file's own bound was met: what is there makes room, if that is enough.
        file.makeRoom();
        work(file);
      }
    });
  }

  close(): void {
    try {
      this.#file?.close();
    } catch {
      // It is damaged: there is nothing to be saved.
    }
    this.#file = undefined;
  }

  #open(): File {
    if (this.#file !== undefined) return this.#file;
    const nowMs = performance.now();
    if (this.#failure !== undefined && nowMs - this.#failure.tickMs < openAgainMs) {
      throw new Error(this.#failure.reason);
    }
    try {
      this.#file = this.#openFile();
      this.#failure = undefined;
      return this.#file;
    } catch (error) {
      this.#failure = { reason: reasonOf(error), tickMs: nowMs };
      throw error;
    }
  }
}

export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
