import { z } from "zod";

import type { ChainCheckpoint } from "../../../pipeline/audit/chain.ts";
import type { Connection } from "../connection.ts";
import { dayFilePath, listDays } from "./day-files.ts";
import { openToRead } from "./open-file.ts";

export type SignedCheckpoint = ChainCheckpoint & { readonly signature: string };

/** As it is exported: one JSON object a line. */
const exportedSchema = z
  .strictObject({
    writer: z.string(),
    seq: z.int(),
    count: z.int(),
    hash: z.string(),
    epoch_ms: z.int(),
    signature: z.string(),
  })
  .transform(({ epoch_ms, ...rest }): SignedCheckpoint => ({ ...rest, epochMs: epoch_ms }));

/** All checkpoints of the audit files, as JSON lines, to be kept where nobody who can change the files can. */
export function* exportCheckpoints(dataDir: string): Generator<string, void> {
  for (const day of listDays(dataDir, "audit")) {
    const file = openToRead(dayFilePath(dataDir, "audit", day));
    if (file === undefined) continue;
    try {
      for (const point of checkpointsIn(file)) yield exportedText(point);
    } finally {
      file.close();
    }
  }
}

function exportedText({ writer, seq, count, hash, epochMs, signature }: SignedCheckpoint): string {
  return `${JSON.stringify({ writer, seq, count, hash, epoch_ms: epochMs, signature })}\n`;
}

/** What was exported before. Throws for text that is something else. */
export function parseCheckpoints(text: string): SignedCheckpoint[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const parsed = exportedSchema.safeParse(jsonOf(line));
    if (parsed.success) return [parsed.data];
    throw new Error(`Line ${index + 1} is no checkpoint that Sentinel has exported.`);
  });
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Which is no checkpoint either.
  }
}

export function checkpointsIn(file: Connection): SignedCheckpoint[] {
  return file.all({ sql: "SELECT * FROM checkpoints ORDER BY writer, seq" }).map((row) => ({
    writer: String(row["writer"]),
    seq: Number(row["seq"]),
    count: Number(row["count"]),
    hash: String(row["hash"]),
    epochMs: Number(row["epoch_ms"]),
    signature: String(row["signature"]),
  }));
}
