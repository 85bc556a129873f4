import { units, unitsBehindNumbers } from "./lexicon/measures.ts";
import type { Word } from "./words.ts";

const timeUnits = new Set(["second", "minute", "hour", "day", "week", "month", "year"]);

export interface Units {
  readonly names: ReadonlySet<string>;
  readonly positions: ReadonlySet<number>;
}

export function readUnits(words: readonly Word[]): Units {
  const names = new Set<string>();
  const positions = new Set<number>();
  for (const [at, word] of words.entries()) {
    const name = unitAt(words, at, word);
    if (name === undefined) continue;
    positions.add(at);
    // "How many days" asks what "how long" asks: the question guard compares those.
    const before = words[at - 1]?.lower ?? "";
    const isAsked =
      (before === "many" && words[at - 2]?.lower === "how") ||
      before === "what" ||
      before === "which";
    if (!isAsked || !timeUnits.has(name)) names.add(name);
    else names.add(`many:${name}`);
  }
  return { names, positions };
}

/** "Seconds", "kg"; and what is a unit only in its place: "a second", "5 m", "10 min". */
function unitAt(words: readonly Word[], at: number, { lower }: Word): string | undefined {
  const before = words[at - 1];
  const isCounted = before?.kind === "number";
  if (isCounted) return units.get(lower) ?? unitsBehindNumbers.get(lower);
  if (lower === "second") return beforeSecond.has(before?.lower ?? "") ? lower : undefined;
  return onlyCounted.has(lower) ? undefined : units.get(lower);
}

const beforeSecond = new Set(["a", "per", "each", "every"]);
const onlyCounted = new Set(["min", "stone", "stones", "sec", "mark"]);

/** Either side measures in something that the other does not. A time asked for ("how many days") is met by "how long". */
export function unitsDiffer(asked: Units, cached: Units): boolean {
  return isMissing(asked, cached) || isMissing(cached, asked);
}

function isMissing(one: Units, other: Units): boolean {
  for (const name of one.names) {
    if (other.names.has(name)) continue;
    if (!name.startsWith("many:")) {
      if (!other.names.has(`many:${name}`)) return true;
    } else if (!other.names.has(name.slice(5)) && other.names.size > 0) return true;
  }
  return false;
}
