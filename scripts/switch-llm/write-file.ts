import { randomUUID } from "node:crypto";
import { realpath, rename, rm, stat, writeFile } from "node:fs/promises";

const defaultMode = 0o644;

/** Whoever reads sees the old file or the new one. Its mode stays, and what is behind a link is written. */
export async function writeInPlace(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path); // A new file has none.
  const mode = await stat(target).then(
    (known) => known.mode & 0o777,
    () => defaultMode,
  );
  const unfinished = `${target}.${randomUUID()}`;
  try {
    await writeFile(unfinished, text, { mode, flag: "wx" });
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
