import type { Connection } from "../connection.ts";
import { fileId } from "./open-file.ts";

interface OpenFile {
  readonly connection: Connection;
  readonly file: number | undefined;
}

/** Connections that stay open for the next call, the one that was used least recently closed at the bound. */
export class OpenFiles {
  readonly #open: (path: string) => Connection | undefined;
  readonly #filesMax: number;
  readonly #files = new Map<string, OpenFile>();

  constructor(open: (path: string) => Connection | undefined, filesMax: number) {
    this.#open = open;
    this.#filesMax = filesMax;
  }

  /** Valid until the next call: that may close it. */
  get(path: string): Connection | undefined {
    const known = this.#files.get(path);
    if (known !== undefined) {
      this.#files.delete(path);
      this.#files.set(path, known);
      return known.connection;
    }
    const connection = this.#open(path);
    if (connection === undefined) return undefined;
    this.#files.set(path, { connection, file: fileId(path) });
    if (this.#files.size > this.#filesMax) {
      const [oldest] = this.#files.keys();
      if (oldest !== undefined) this.close(oldest);
    }
    return connection;
  }

  /** Closes what was removed or replaced since it was opened; says whether that was so. */
  closeIfLost(path: string): boolean {
    const known = this.#files.get(path);
    if (known === undefined || known.file === fileId(path)) return false;
    this.close(path);
    return true;
  }

  close(path: string): void {
    const known = this.#files.get(path);
    this.#files.delete(path);
    known?.connection.close();
  }

  closeAll(): void {
    for (const path of [...this.#files.keys()]) this.close(path);
  }
}
