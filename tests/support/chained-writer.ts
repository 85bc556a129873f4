import { ulid } from "ulid";

import { linkOf, noHash, signCheckpoint } from "../../src/pipeline/audit/chain.ts";
import type { AuditRecord } from "../../src/pipeline/audit/entry.ts";
import type { CheckpointLine, RecordLine } from "../../src/stores/disk/journal-line.ts";

/** A process that journals with a real chain, so that what a sink has made of it can be verified. */
export interface ChainedWriter {
  readonly writer: string;
  readonly lastHash: string;
  line(record: AuditRecord): RecordLine;
  lines(records: readonly AuditRecord[]): RecordLine[];
  checkpoint(epochMs: number): CheckpointLine;
}

export function chainedWriter(
  key: Buffer,
  { startedEpochMs, after = noHash }: { readonly startedEpochMs: number; readonly after?: string },
): ChainedWriter {
  const writer = ulid(startedEpochMs);
  let [seq, hash] = [0, after];
  const line = (record: AuditRecord): RecordLine => {
    const text = JSON.stringify(record);
    seq += 1;
    const chain = linkOf({ key, writer, seq, prevHash: hash, text });
    hash = chain.hash;
    return { kind: "record", record, text, chain, lease: undefined };
  };
  return {
    writer,
    get lastHash() {
      return hash;
    },
    line,
    lines: (records) => records.map(line),
    checkpoint: (epochMs) => {
      const point = { writer, seq, count: seq, hash, epochMs };
      return { kind: "checkpoint", ...point, signature: signCheckpoint(key, point) };
    },
  };
}
