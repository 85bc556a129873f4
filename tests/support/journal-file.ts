import { appendFile, mkdir } from "node:fs/promises";

import type { AuditRecord } from "../../src/pipeline/audit/entry.ts";
import { segmentPath, writerFolder } from "../../src/stores/disk/journal-files.ts";
import { payloadText, recordText } from "../../src/stores/disk/journal-line.ts";
import type { JournalPosition } from "../../src/stores/disk/journal-line.ts";
import { anEntry, aWriter } from "./audit-builders.ts";

/** A writer's journal as it lies on the disk, written by hand. */
export interface JournalFile {
  readonly writer: string;
  readonly position: JournalPosition;
  /** Each resolves to where the journal ends then. */
  append(bytes: string | Uint8Array): Promise<JournalPosition>;
  record(...records: readonly AuditRecord[]): Promise<JournalPosition>;
  /** So many records; resolves to their ids. */
  records(count: number): Promise<string[]>;
  nextSegment(): void;
}

export async function journalFile(dataDir: string): Promise<JournalFile> {
  const lines = aWriter();
  const { writer } = lines;
  await mkdir(writerFolder(dataDir, writer), { recursive: true });
  let position = { segment: 1, offset: 0 };
  const append = async (bytes: string | Uint8Array): Promise<JournalPosition> => {
    await appendFile(segmentPath(dataDir, writer, position.segment), bytes);
    position = { ...position, offset: position.offset + Buffer.byteLength(bytes) };
    return position;
  };
  const record = (...records: readonly AuditRecord[]): Promise<JournalPosition> =>
    append(lineTexts(records).join(""));
  const lineTexts = (records: readonly AuditRecord[]): string[] =>
    lines.lines(records).map(({ chain, text }) => recordText(chain, text, undefined));
  return {
    writer,
    get position() {
      return position;
    },
    append,
    record,
    records: async (count) => {
      const entries = Array.from({ length: count }, () => anEntry(Date.now()));
      await record(...entries);
      return entries.map(({ id }) => id);
    },
    nextSegment: () => {
      position = { segment: position.segment + 1, offset: 0 };
    },
  };
}

export const aPayloadLine = (prompt: string): string =>
  payloadText({ id: anEntry(Date.now()).id, tenant: "acme", prompt, answer: "", cut: false });
