import { lineFaults } from "../cache/read-lines.ts";
import type { Line } from "../cache/read-lines.ts";
import type { FileKind, LabelledItem } from "./labelled-item.ts";
import { readItem } from "./read-item.ts";

export interface LabelledFile {
  /** Undefined of a file without an item. */
  readonly kind: FileKind | undefined;
  readonly items: readonly LabelledItem[];
  /** As sentences that begin with `line 3 …`; no more than 20 of them. */
  readonly problems: readonly string[];
}

/** A file has to fit into memory, as all of it is compared at the end. */
export const fileItemsMax = 50_000;
const problemsMax = 20;

/** The items whose ids begin with `only`. All must be of one kind: figures over several would mean nothing. */
export async function readLabelled(
  lines: AsyncIterable<Line>,
  only: string,
): Promise<LabelledFile> {
  const items: LabelledItem[] = [];
  const problems: string[] = [];
  let kind: FileKind | undefined;
  for await (const line of lines) {
    const read = "fault" in line ? problem(lineFaults[line.fault]) : readItem(line.text);
    if (read.kind === "blank") continue;
    const wrong = read.kind === "item" ? mixed(read.item, kind) : read.problem;
    if (wrong !== undefined) problems.push(`line ${line.number} ${wrong}`);
    else if (read.kind === "item") {
      kind = read.item.kind;
      if (read.item.id.startsWith(only)) items.push(read.item);
    }
    if (items.length > fileItemsMax) problems.push(`line ${line.number} is one too many`);
    if (problems.length >= problemsMax || items.length > fileItemsMax) break;
  }
  return { kind, items, problems };
}

const problem = (what: string) => ({ kind: "problem", problem: what }) as const;

const mixed = (item: LabelledItem, kind: FileKind | undefined): string | undefined =>
  kind === undefined || item.kind === kind
    ? undefined
    : `is ${names[item.kind]}, and those before are ${names[kind]}`;

const names: Readonly<Record<FileKind, string>> = {
  pair: "of the kind output_1 and output_2",
  equivalence: "of the kind answer_1 and answer_2",
  answer: "of the kind of one answer",
};

/** So many of them from all over the list: files are often sorted. */
export function spread<Entry>(entries: readonly Entry[], count: number): readonly Entry[] {
  if (count >= entries.length) return entries;
  const places = Array.from({ length: count }, (_, at) =>
    Math.floor((at * entries.length) / count),
  );
  const wanted = new Set(places);
  return entries.filter((_, place) => wanted.has(place));
}
