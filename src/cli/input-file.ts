import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";

import { CommandFailed } from "./gateway-client.ts";

/** A file, or stdin for `-`. Not opened before it is read from. */
export const openFile = (file: string): Readable =>
  file === "-" ? process.stdin : createReadStream(file);

/** What to say of a file that cannot be read; anything else is passed on. */
export function unreadable(file: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  if (code === undefined || !/^E[A-Z]+$/.test(code)) return error;
  const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
  return new CommandFailed(`${file} ${why}.`, { cause: error });
}
