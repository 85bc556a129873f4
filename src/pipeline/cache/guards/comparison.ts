import { degreeForms } from "./lexicon/forms.ts";
import { setsDiffer } from "./sets.ts";
import type { Word } from "./words.ts";

/** How far: "cheap", "cheaper", "cheapest"; and where a number is a bound, on which side. */
export interface Degrees {
  readonly names: ReadonlySet<string>;
}

const bounds = new Map([
  ["morethan", "above"],
  ["over", "above"],
  ["above", "above"],
  ["exceeding", "above"],
  ["atleast", "from"],
  ["lessthan", "below"],
  ["under", "below"],
  ["below", "below"],
  ["atmost", "to"],
]);
/** Bounds without a number as well. */
const always = new Set(["morethan", "lessthan", "atleast", "atmost"]);
/** "I lower the price": behind these it is a verb. */
const beforeVerbs = new Set("i you we they to and can could should would will not".split(" "));

export function readDegrees(words: readonly Word[]): Degrees {
  const names = new Set<string>();
  for (const at of words.keys()) {
    const name = boundAt(words, at) ?? formAt(words, at) ?? spelledAt(words, at);
    if (name !== undefined) names.add(name);
  }
  return { names };
}

export function degreesDiffer(asked: Degrees, cached: Degrees): boolean {
  return setsDiffer(asked.names, cached.names);
}

function boundAt(words: readonly Word[], at: number): string | undefined {
  const lower = words[at]?.lower ?? "";
  const bound = bounds.get(lower);
  if (bound !== undefined) return always.has(lower) || isNumberAhead(words, at) ? bound : undefined;
  const isUpTo = lower === "up" && words[at + 1]?.lower === "to";
  return isUpTo && isNumberAhead(words, at + 1) ? "to" : undefined;
}

/** "cheaper", "cheapest". "Best" is left out: it says little ("the best way to"), and "worst" is its opposite. */
function formAt(words: readonly Word[], at: number): string | undefined {
  const word = words[at];
  const form = degreeForms.get(word?.lower ?? "");
  if (word === undefined || form === undefined || word.lower === "best") return undefined;
  if (word.lower === "lower" && beforeVerbs.has(words[at - 1]?.lower ?? "")) return undefined;
  return `${form.degree} ${word.concept}`;
}

/** "more expensive", "least known": with what they belong to; "more" alone is only an amount. */
function spelledAt(words: readonly Word[], at: number): string | undefined {
  const lower = words[at]?.lower;
  const after = words[at + 1];
  if (after === undefined || after.kind !== "word" || after.isFunction) return undefined;
  if (lower === "most") return `superlative ${after.concept}`;
  if (lower === "least" || lower === "less" || lower === "fewer")
    return `${lower} ${after.concept}`;
  if (lower !== "more") return undefined;
  return words.some((word) => word.lower === "than") ? `comparative ${after.concept}` : undefined;
}

function isNumberAhead(words: readonly Word[], at: number): boolean {
  const after = words[at + 1];
  return after?.kind === "number" || (after?.kind === "mark" && words[at + 2]?.kind === "number");
}
