import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  journalFolder,
  listSegments,
  segmentPath,
  writerFolder,
} from "../../src/stores/disk/journal-files.ts";
import type { JournalPosition } from "../../src/stores/disk/journal-line.ts";

/**
 * A writer's folder as it is at this instant, which is what a killed process leaves; its lock goes with the process.
 * `putBack` is called when the process has been closed, and undoes what it did in its last moments.
 */
export function takeImage(dataDir: string, writer: string): { putBack(): void } {
  const folder = writerFolder(dataDir, writer);
  const image = join(dataDir, "image", writer);
  rmSync(image, { recursive: true, force: true });
  mkdirSync(image, { recursive: true });
  // A note that is being written may get its name at any moment; without it, it is no note.
  const isKept = (path: string): boolean => !/\/(lock|scan-from\.\d+)$/.test(path);
  cpSync(folder, image, { recursive: true, filter: isKept });
  const headPath = join(journalFolder(dataDir), "head.json");
  const head = existsSync(headPath) ? readFileSync(headPath) : undefined;
  return {
    putBack: () => {
      if (head === undefined) rmSync(headPath, { force: true });
      else writeFileSync(headPath, head);
      rmSync(folder, { recursive: true, force: true });
      cpSync(image, folder, { recursive: true });
      rmSync(image, { recursive: true, force: true });
    },
  };
}

/** What a process leaves that was killed in the middle of an append which nobody was told of. */
export async function leaveTornTail(dataDir: string, writer: string, text: string): Promise<void> {
  const segment = (await listSegments(dataDir, writer)).at(-1);
  if (segment !== undefined) appendFileSync(segmentPath(dataDir, writer, segment), text);
}

/** What a power cut leaves: everything up to the place that was synced, and some of what follows, cut at any byte. */
export async function cutPower(options: {
  readonly dataDir: string;
  readonly writer: string;
  readonly synced: JournalPosition;
  readonly random: () => number;
}): Promise<JournalPosition> {
  const { dataDir, writer, synced, random } = options;
  const segments = (await listSegments(dataDir, writer)).filter((each) => each >= synced.segment);
  const segment = segments[Math.floor(random() * segments.length)];
  if (segment === undefined) return synced;
  const path = segmentPath(dataDir, writer, segment);
  const { size } = statSync(path);
  // What it says of requests that have ended may rest on what is cut off. It is a note that may be missing.
  rmSync(join(writerFolder(dataDir, writer), "scan-from"), { force: true });
  const kept = segment === synced.segment ? synced.offset : 0;
  const offset = kept + Math.floor(random() * (size - kept + 1));
  truncateSync(path, offset);
  for (const lost of segments.filter((each) => each > segment)) {
    rmSync(segmentPath(dataDir, writer, lost));
  }
  return { segment, offset };
}
