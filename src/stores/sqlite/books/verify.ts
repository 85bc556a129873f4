import { idEpochMs } from "../../../lib/ids.ts";
import { noHash, verifyCheckpoint } from "../../../pipeline/audit/chain.ts";
import type { Connection } from "../connection.ts";
import { checkpointsIn } from "./checkpoints.ts";
import type { SignedCheckpoint } from "./checkpoints.ts";
import { chainPath, dayFilePath, dayMs, dayStartMs, listDays } from "./day-files.ts";
import type { Day } from "./day-files.ts";
import { idText, isUlid } from "./id-bytes.ts";
import { reportMissingFiles, reportMissingFolder } from "./missing-files.ts";
import { OpenFiles } from "./open-files.ts";
import { openToRead } from "./open-file.ts";
import { readRemoved, verifyRemoved } from "./removed-places.ts";
import { verifyWriter } from "./verify-writer.ts";

export interface VerifyOptions {
  readonly dataDir: string;
  readonly chainKey: Uint8Array;
  /** Of the time before SENTINEL_MASTER_KEY was set. */
  readonly formerChainKey?: Uint8Array | undefined;
  /** False: no audit files were to be kept, so that none are missed. */
  readonly isKept?: boolean;
  /** Exported before, and kept elsewhere: what was cut off since then shows. */
  readonly checkpoints?: readonly SignedCheckpoint[];
}

export interface VerifyReport {
  readonly files: number;
  readonly writers: number;
  readonly records: number;
  /** Of these, whose text is gone because its time was over. */
  readonly emptied: number;
  readonly checkpoints: number;
  /** In the order of the chain: the first is the first broken record. Bounded; empty where nothing was tampered with. */
  readonly problems: readonly AuditProblem[];
}

export interface AuditProblem {
  readonly kind: "changed" | "missing" | "repeated" | "cut" | "checkpoint" | "unreadable";
  readonly writer: string | undefined;
  readonly seq: number | undefined;
  /** The record's, where there is one. */
  readonly id: string | undefined;
  readonly message: string;
}

/** Further ones would tell nothing new. */
const problemsMax = 100;
const openFilesMax = 16;

/** What is gone through for one writer, and where problems go. */
export interface Verification {
  readonly keys: readonly Buffer[];
  readonly days: readonly Day[];
  readonly fileOf: (day: Day) => Connection | undefined;
  readonly payloadsOf: (day: Day) => Connection | undefined;
  readonly removedOf: (writer: string) => ReturnType<typeof readRemoved>;
  readonly report: (problem: AuditProblem) => void;
}

/**
 * Reads every record of every audit file once and says what was changed, deleted, inserted or put elsewhere. Needs
 * memory for a few thousand records, whatever there is. The gateway may run meanwhile. Async to give way to others.
 */
export async function verifyAuditFiles(options: VerifyOptions): Promise<VerifyReport> {
  const { dataDir } = options;
  const keys = [options.chainKey, options.formerChainKey].flatMap((key) =>
    key ? [Buffer.from(key)] : [],
  );
  const problems: AuditProblem[] = [];
  const report = (problem: AuditProblem): void => {
    if (problems.length < problemsMax) problems.push(problem);
  };
  const files = new OpenFiles((path) => openOrReport(path, report), openFilesMax);
  const chain = openToRead(chainPath(dataDir));
  try {
    const verification: Verification = {
      keys,
      days: listDays(dataDir, "audit"),
      fileOf: (day) => files.get(dayFilePath(dataDir, "audit", day)),
      payloadsOf: (day) => files.get(dayFilePath(dataDir, "payloads", day)),
      removedOf: (writer) =>
        (chain === undefined ? [] : readRemoved(chain, writer)).filter((places) =>
          keys.some((key) => verifyRemoved(key, places, places.signature)),
        ),
      report,
    };
    const counts = await verifyAll(verification, options.checkpoints ?? [], chain);
    if (chain !== undefined) reportMissingFiles(dataDir, chain, report);
    const isEmpty = verification.days.length === 0 && problems.length === 0;
    if (isEmpty && options.isKept !== false) {
      await reportMissingFolder(dataDir, verification.removedOf, report);
    }
    return { files: verification.days.length, ...counts, problems };
  } finally {
    files.closeAll();
    chain?.close();
  }
}

function openOrReport(path: string, report: Verification["report"]): Connection | undefined {
  try {
    return openToRead(path);
  } catch (error) {
    report(unreadable(`${path} cannot be read: ${textOf(error)}`));
    return undefined;
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const unreadable = (message: string): AuditProblem => ({
  kind: "unreadable",
  writer: undefined,
  seq: undefined,
  id: undefined,
  message,
});

interface Counts {
  readonly writers: number;
  readonly records: number;
  readonly emptied: number;
  readonly checkpoints: number;
}

async function verifyAll(
  verification: Verification,
  exported: readonly SignedCheckpoint[],
  chain: Connection | undefined,
): Promise<Counts> {
  const survey = surveyOf(verification, exported, chain);
  const writers = [...survey.daysOf.keys()].sort();
  const wanted = new Set(writers.map((writer) => survey.firstPrevHash(writer)));
  const seen = new Set([noHash]);
  let isEarlierRemoved = false;
  let [records, emptied] = [0, 0];
  for (const writer of writers) {
    const found = await verifyWriter(writer, {
      verification,
      days: survey.daysOf.get(writer) ?? [],
      points: survey.points.get(writer) ?? [],
      onHash: (hash) => {
        if (wanted.has(hash)) seen.add(hash);
      },
      isKnownBefore: (hash) =>
        seen.has(hash) || (isEarlierRemoved && mayNameRemoved(writer, verification.days)),
    });
    isEarlierRemoved ||= found.isPartlyRemoved;
    records += found.records;
    emptied += found.emptied;
  }
  return { writers: writers.length, records, emptied, checkpoints: survey.checkpoints };
}

/**
 * Of what was removed only the last hash is known. A writer may name one before that, if what followed was not written
 * yet when it began. What is removed began before the oldest file's day, and had ended a day later.
 */
function mayNameRemoved(writer: string, [oldest]: readonly Day[]): boolean {
  return oldest !== undefined && isUlid(writer) && idEpochMs(writer) < dayStartMs(oldest) + dayMs;
}

interface Survey {
  readonly daysOf: ReadonlyMap<string, readonly Day[]>;
  readonly points: ReadonlyMap<string, readonly SignedCheckpoint[]>;
  readonly checkpoints: number;
  firstPrevHash(writer: string): string;
}

/** Which writer is in which files, and what the checkpoints say. */
function surveyOf(
  { days, fileOf, keys, report }: Verification,
  exported: readonly SignedCheckpoint[],
  chain: Connection | undefined,
): Survey {
  const daysOf = new Map<string, Day[]>();
  const points = new Map<string, SignedCheckpoint[]>();
  const firsts = new Map<string, string>();
  let checkpoints = 0;
  const addPoint = (point: SignedCheckpoint): void => {
    checkpoints += 1;
    if (keys.some((key) => verifyCheckpoint(key, point))) addTo(points, point.writer, point);
    else report(forged(point));
  };
  exported.forEach(addPoint);
  for (const day of days) {
    const file = fileOf(day);
    if (file === undefined) continue;
    for (const { writer } of file.all({ sql: "SELECT writer FROM writers" })) {
      addTo(daysOf, String(writer), day);
    }
    const firstSql = `
      SELECT writers.writer, lower(hex(prev_hash)) AS prev_hash FROM writers
      JOIN records ON records.writer = writers.number AND seq = 1`;
    for (const row of file.all({ sql: firstSql })) {
      firsts.set(String(row["writer"]), String(row["prev_hash"]));
    }
    checkpointsIn(file).forEach(addPoint);
    reportNobodys(file, report);
  }
  const removed = chain?.all({ sql: "SELECT DISTINCT writer FROM removed" }) ?? [];
  for (const writer of [...removed.map((row) => String(row["writer"])), ...points.keys()]) {
    if (!daysOf.has(writer)) daysOf.set(writer, []);
  }
  return { daysOf, points, checkpoints, firstPrevHash: (writer) => firsts.get(writer) ?? noHash };
}

/** A record of no writer is in no chain, and an amendment is shown all the same. */
function reportNobodys(file: Connection, report: Verification["report"]): void {
  const sql = `
    SELECT id, seq FROM records WHERE writer IN (
      SELECT DISTINCT writer FROM records WHERE writer NOT IN (SELECT number FROM writers))
    ORDER BY number LIMIT ${problemsMax}`;
  for (const row of file.all({ sql })) {
    const id = idText(row["id"] as Uint8Array);
    const seq = Number(row["seq"]);
    const message = `record ${id}: it is of no writer: it was inserted, or its writer's name deleted`;
    report({ kind: "changed", writer: undefined, seq, id, message });
  }
}

function addTo<Value>(map: Map<string, Value[]>, name: string, value: Value): void {
  const known = map.get(name);
  if (known === undefined) map.set(name, [value]);
  else known.push(value);
}

const forged = ({ writer, seq }: SignedCheckpoint): AuditProblem => ({
  kind: "checkpoint",
  writer,
  seq,
  id: undefined,
  message: `the checkpoint of ${writer} at ${seq} is not signed with this key: it was changed, or is another gateway's`,
});
