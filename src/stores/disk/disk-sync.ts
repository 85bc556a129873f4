import { fdatasync } from "node:fs";
import { open } from "node:fs/promises";
import { promisify } from "node:util";

import { closeQuietly } from "./segment-writer.ts";

/** What a power cut may cost. */
export const syncMs = 100;

const syncData = promisify(fdatasync);

/** Brings to the disk, off the event loop and at most every `syncMs`, what was appended. */
export class DiskSync {
  readonly #folder: string;
  readonly #onFailed: (error: unknown) => void;
  /** Segments that are full: synced once more, then closed. */
  #ended: number[] = [];
  #current: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #failures = 0;

  /** Files are made in `folder`. */
  constructor({
    folder,
    onFailed,
  }: {
    readonly folder: string;
    readonly onFailed: (error: unknown) => void;
  }) {
    this.#folder = folder;
    this.#onFailed = onFailed;
  }

  get failures(): number {
    return this.#failures;
  }

  /** There is something new in a file. */
  touch(descriptor: number): void {
    this.#current = descriptor;
    this.#timer ??= setTimeout(this.#onTimer, syncMs).unref();
  }

  /** Nothing is added to a file any more. */
  end(descriptor: number): void {
    if (this.#current === descriptor) this.#current = undefined;
    this.#ended.push(descriptor);
    this.#timer ??= setTimeout(this.#onTimer, syncMs).unref();
  }

  /** Rejects where the disk says that it failed: what that was is lost to a power cut, and to nothing else. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const run = this.#running.then(() => this.#sync());
    this.#running = run.catch(() => undefined); // Whoever asked gets it; the event has been told.
    return run;
  }

  readonly #onTimer = (): void => {
    this.flush().catch(() => undefined); // Told as an event.
  };

  async #sync(): Promise<void> {
    const current = this.#current;
    const ended = this.#ended;
    this.#current = undefined;
    this.#ended = [];
    const errors: unknown[] = [];
    const attempt = (work: Promise<void>) =>
      work.catch((error: unknown) => void errors.push(error));
    for (const descriptor of ended) {
      await attempt(syncData(descriptor));
      closeQuietly(descriptor);
    }
    if (current !== undefined) await attempt(syncData(current));
    if (ended.length > 0) await attempt(syncFolder(this.#folder));
    if (errors.length === 0) return;
    this.#failures++;
    this.#onFailed(errors[0]);
    throw new Error("The journal could not be brought to the disk.", { cause: errors[0] });
  }
}

/** That files were made or deleted in it. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
