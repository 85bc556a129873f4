import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { noHash } from "../../pipeline/audit/chain.ts";
import { isErrorCode, journalFolder, listSegments, listWriters } from "./journal-files.ts";
import { parseLine } from "./journal-line.ts";
import { readLineBlocks } from "./read-lines.ts";

/** The end of a writer's chain: what the next writer's first record names. */
export interface ChainHead {
  readonly writer: string;
  readonly seq: number;
  readonly hash: string;
}

const headSchema = z.object({
  writer: z.string(),
  seq: z.int().positive(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Where the newest head is kept when the segments that held it are deleted. */
function headPath(dataDir: string): string {
  return join(journalFolder(dataDir), "head.json");
}

/** The hash that a new writer's first record names. */
export async function hashBefore(dataDir: string, writer: string): Promise<string> {
  const kept = await readHead(dataDir);
  const earlier = (await listWriters(dataDir)).filter((other) => other < writer);
  for (const other of earlier.reverse()) {
    if (kept !== undefined && other < kept.writer) break;
    const head = await lastHead(dataDir, other);
    if (head !== undefined) return head.hash;
  }
  return kept?.hash ?? noHash;
}

/** The newest name that was ever used, so that a clock set back does not put a writer before an earlier one. */
export async function lastWriter(dataDir: string): Promise<string | undefined> {
  const kept = (await readHead(dataDir))?.writer;
  const there = (await listWriters(dataDir)).at(-1);
  return [kept, there]
    .filter((name) => name !== undefined)
    .sort()
    .at(-1);
}

/** Remembers it, unless that of a later writer is remembered. */
export async function keepHead(dataDir: string, head: ChainHead): Promise<void> {
  const kept = await readHead(dataDir);
  if (kept !== undefined && isLater(kept, head)) return;
  const path = headPath(dataDir);
  const unfinished = `${path}.${randomUUID()}`;
  try {
    {
      await using file = await open(unfinished, "wx", 0o600);
      await file.writeFile(`${JSON.stringify(head)}\n`);
      await file.sync();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

function isLater(left: ChainHead, right: ChainHead): boolean {
  return left.writer > right.writer || (left.writer === right.writer && left.seq >= right.seq);
}

/** Undefined also for one that is damaged: the chain then begins anew, which a verifier tells. */
export async function readHead(dataDir: string): Promise<ChainHead | undefined> {
  let text: string;
  try {
    text = await readFile(headPath(dataDir), "utf8");
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    return headSchema.parse(JSON.parse(text));
  } catch {
    return undefined; // See above.
  }
}

/** So many of a segment's last records are looked at, should the very last be damaged. */
const candidatesMax = 16;

/** A writer's last record that is whole; undefined where its segments hold none. */
export async function lastHead(dataDir: string, writer: string): Promise<ChainHead | undefined> {
  const segments = await listSegments(dataDir, writer);
  for (const segment of segments.reverse()) {
    const end = { segment, offset: Number.MAX_SAFE_INTEGER };
    let records: string[] = [];
    for await (const lines of readLineBlocks({
      dataDir,
      writer,
      from: { segment, offset: 0 },
      upTo: end,
    })) {
      const found = lines.filter(({ text }) => text.startsWith("\tr\t", 8)).map(({ text }) => text);
      if (found.length > 0) records = [...records, ...found].slice(-candidatesMax);
    }
    for (const text of records.reverse()) {
      const line = parseLine(writer, text);
      if (line?.kind === "record") return { writer, seq: line.chain.seq, hash: line.chain.hash };
    }
  }
  return undefined;
}
