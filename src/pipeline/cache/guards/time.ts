import { calendar, calendarShort } from "./lexicon/measures.ts";
import { setsDiffer } from "./sets.ts";
import type { Word } from "./words.ts";

/** Which time a text speaks of: days, months, "last year", and past against future. */
export interface Times {
  readonly named: ReadonlySet<string>;
  readonly tense: "past" | "future" | undefined;
  readonly positions: ReadonlySet<number>;
}

const ambiguousMonths = new Set(["may", "march"]);
const beforeMonth = new Set(
  "in on of by since until till next last this during every each late early mid".split(" "),
);
const periods = new Set(
  "second minute hour day week weekend month quarter season semester year decade century time night".split(
    " ",
  ),
);
const relative = new Map([
  ["last", "last"],
  ["past", "last"],
  ["previous", "last"],
  ["next", "next"],
  ["coming", "next"],
  ["following", "next"],
  ["this", "this"],
  ["current", "this"],
]);

export function readTimes(words: readonly Word[]): Times {
  const named = new Set<string>();
  const positions = new Set<number>();
  for (const [at, word] of words.entries()) {
    const name = timeAt(words, at, word);
    if (name === undefined) continue;
    named.add(name);
    positions.add(at);
  }
  return { named, tense: tenseOf(words), positions };
}

export function timesDiffer(asked: Times, cached: Times): boolean {
  if (asked.tense !== undefined && cached.tense !== undefined && asked.tense !== cached.tense)
    return true;
  return setsDiffer(asked.named, cached.named);
}

function timeAt(words: readonly Word[], at: number, word: Word): string | undefined {
  const { lower } = word;
  const before = words[at - 1];
  if (lower === "ago") return lower;
  if (lower === "fall") return seasonFall(before);
  if (ambiguousMonths.has(lower))
    return isPlaced(words, at) || isName(word) ? calendar.get(lower) : undefined;
  const full = calendar.get(lower);
  if (full !== undefined) return full;
  if (calendarShort.has(lower))
    return isShortDate(words, at) ? calendarShort.get(lower) : undefined;
  return relativeAt(word, words[at + 1]);
}

function isPlaced(words: readonly Word[], at: number): boolean {
  const before = words[at - 1];
  return (
    before?.kind === "number" ||
    words[at + 1]?.kind === "number" ||
    beforeMonth.has(before?.lower ?? "")
  );
}

/** "Sat 5", "on sat", "in Dec"; not "the Sun". */
function isShortDate(words: readonly Word[], at: number): boolean {
  const before = words[at - 1];
  if (before?.lower === "on" || before?.kind === "number" || words[at + 1]?.kind === "number")
    return true;
  const word = words[at];
  return word !== undefined && isPlaced(words, at) && isCapital(word);
}

/** "last week", "this year". */
function relativeAt({ lower }: Word, after: Word | undefined): string | undefined {
  const which = relative.get(lower);
  if (which === undefined || after === undefined) return undefined;
  const isPeriod = periods.has(after.concept) || periods.has(after.lower.replace(/s$/, ""));
  return isPeriod ? `${which} ${after.concept}` : undefined;
}

function seasonFall(before: Word | undefined): string | undefined {
  return beforeFall.has(before?.lower ?? "") ? "autumn" : undefined;
}

const beforeFall = new Set(["in", "this", "next", "last", "the", "during"]);

function isName(word: Word): boolean {
  return !word.isFirst && isCapital(word);
}

function isCapital(word: Word): boolean {
  return /^\p{Lu}/u.test(word.raw);
}

const past = new Set("did was were had".split(" "));
const future = new Set("will shall gonna".split(" "));

function tenseOf(words: readonly Word[]): Times["tense"] {
  let isPast = false;
  let isFuture = false;
  for (const [at, word] of words.entries()) {
    if (past.has(word.lower)) isPast = true;
    if (future.has(word.lower)) isFuture = true;
    if (word.lower === "going" && words[at + 1]?.lower === "to") isFuture = true;
  }
  if (isPast === isFuture) return undefined;
  return isPast ? "past" : "future";
}
