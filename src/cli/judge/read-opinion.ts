import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { ItemProblem } from "./item-problem.ts";
import type { FileKind, Recorded } from "./labelled-item.ts";

/** What somebody said, by a label or by a score. */
interface Opinion {
  readonly label: string | null;
  readonly score: number | null;
}

/** Whether a number is a label, as of a rating from 1 to 5, or a score from 0 to 1. */
type NumberMeans = "label" | "score";

const humanNames = ["human_label", "label", "human_score", "human_scores"] as const;

/** What the human said: under the first of these names that the line has. */
export function humanOpinion(line: JsonObject, kind: FileKind): Opinion {
  const name = humanNames.find((each) => line[each] !== undefined && line[each] !== null);
  if (name === undefined) throw new ItemProblem(`has no "human_label"${others(kind)}`);
  if (kind !== "answer" && name !== "human_label" && name !== "label") {
    throw new ItemProblem(`has a "${name}"; of two texts it must be a "human_label"`);
  }
  const value = line[name];
  if (name === "human_scores") return { label: null, score: meanOf(value) };
  const { label, score } = opinionOf(value, name, kind, name === "human_score" ? "score" : "label");
  return { label, score };
}

const others = (kind: FileKind): string =>
  kind === "answer" ? ', "label", "human_score" or "human_scores"' : ' or "label"';

function meanOf(value: unknown): number {
  const scores = Array.isArray(value) ? value.map((each) => scoreOf(each, "human_scores")) : [];
  if (scores.length === 0) throw new ItemProblem('has "human_scores" that are no list of numbers');
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** One verdict: of two texts in either order if it is told for both. */
export function opinionOf(
  value: unknown,
  name: string,
  kind: FileKind,
  numberMeans: NumberMeans,
): Recorded {
  if (kind !== "answer" && isJsonObject(value)) {
    const { "swap=False": given, "swap=True": swapped } = value;
    return {
      label: wordOf(given, name, kind),
      score: null,
      labelSwapped: swapped === undefined ? null : wordOf(swapped, name, kind),
    };
  }
  if (kind !== "answer")
    return { label: wordOf(value, name, kind), score: null, labelSwapped: null };
  if (typeof value === "boolean") return { label: null, score: Number(value), labelSwapped: null };
  return numberMeans === "score" && typeof value !== "string"
    ? { label: null, score: scoreOf(value, name), labelSwapped: null }
    : { label: labelOf(value, name), score: null, labelSwapped: null };
}

function scoreOf(value: unknown, name: string): number {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  throw new ItemProblem(`has a "${name}" that is no number from 0 to 1`);
}

function labelOf(value: unknown, name: string): string {
  const label = typeof value === "number" ? String(value) : value;
  if (typeof label === "string" && /^[\w.-]{1,64}$/.test(label)) return label;
  throw new ItemProblem(`has a "${name}" that is no label: one word or number`);
}

/** The labels of evaluators of pairs, by how files write them. */
const words: Readonly<Record<"pair" | "equivalence", ReadonlyMap<unknown, string>>> = {
  pair: new Map<unknown, string>([
    [1, "first"],
    ["1", "first"],
    [2, "second"],
    ["2", "second"],
    ["tie", "tie"],
  ]),
  equivalence: new Map<unknown, string>([
    [true, "same"],
    ["same", "same"],
    [false, "different"],
    ["different", "different"],
  ]),
};

function wordOf(value: unknown, name: string, kind: "pair" | "equivalence"): string {
  const word = words[kind].get(value);
  if (word !== undefined) return word;
  const choice = kind === "pair" ? '1, 2 or "tie"' : '"same" or "different"';
  throw new ItemProblem(`has a "${name}" that is not ${choice}`);
}

/** At more a file is not what it is taken for. */
const recordersMax = 100;

/** What others said, by their names; those who came to nothing are null in the file, and have neither here. */
export function recordedOpinions(
  { recorded }: JsonObject,
  read: (value: unknown, name: string) => Recorded,
): ReadonlyMap<string, Recorded> {
  if (recorded === undefined || recorded === null) return new Map();
  if (!isJsonObject(recorded)) throw new ItemProblem('has a "recorded" that is no JSON object');
  const entries = Object.entries(recorded);
  if (entries.length > recordersMax) {
    throw new ItemProblem(`has more than ${recordersMax} recorded verdicts`);
  }
  return new Map(
    entries.map(([name, value]) => [
      name,
      value === null ? nothing : read(value, `recorded.${name}`),
    ]),
  );
}

const nothing: Recorded = { label: null, score: null, labelSwapped: null };
