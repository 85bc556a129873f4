import { multipliers, numberWords, units, unitsBehindNumbers } from "./lexicon/measures.ts";
import type { Word } from "./words.ts";

/** The numbers of a text in their order, "1,000", "1k" and "a thousand" alike, and which words they were. */
export interface Numbers {
  readonly values: readonly string[];
  /** Positions in the words that are part of a number. */
  readonly positions: ReadonlySet<number>;
}

const romans = new Map<string, number>([
  ["II", 2],
  ["III", 3],
  ["IV", 4],
  ["VI", 6],
  ["VII", 7],
  ["VIII", 8],
  ["IX", 9],
  ["XI", 11],
  ["XII", 12],
  ["XIII", 13],
  ["XIV", 14],
  ["XV", 15],
  ["XVI", 16],
]);
/** Before "second", it is the unit of time. */
const beforeUnit = new Set(["a", "one", "per", "each", "every"]);

export function readNumbers(words: readonly Word[]): Numbers {
  const values: string[] = [];
  const positions = new Set<number>();
  for (let at = 0; at < words.length;) {
    const found = numberAt(words, at);
    if (found === undefined) {
      at++;
      continue;
    }
    if (found.value !== "") values.push(found.value);
    for (let next = at; next < at + found.length; next++) positions.add(next);
    at += found.length;
  }
  return { values, positions };
}

/** In their order: "7 minus 4" is not "4 minus 7". */
export function numbersDiffer(asked: Numbers, cached: Numbers): boolean {
  if (asked.values.length !== cached.values.length) return true;
  return asked.values.some((value, index) => value !== cached.values[index]);
}

interface Found {
  readonly value: string;
  readonly length: number;
}

function numberAt(words: readonly Word[], at: number): Found | undefined {
  const word = words[at];
  if (word === undefined) return undefined;
  if (word.kind === "number") return digitsAt(words, at, word);
  const roman = at > 0 ? romans.get(word.raw) : undefined;
  if (roman !== undefined) return { value: String(roman), length: 1 };
  return spelledAt(words, at);
}

function digitsAt(words: readonly Word[], at: number, word: Word): Found {
  const digits = word.lower.replaceAll(",", "");
  const next = words[at + 1];
  if (next === undefined || next.kind !== "word") return { value: digits, length: 1 };
  const clock = clockTime(digits, next.lower);
  if (clock !== undefined) return { value: clock, length: 2 };
  if (next.isGlued && /^(?:st|nd|rd|th)$/.test(next.lower)) return { value: digits, length: 2 };
  const times = next.lower === "m" && !next.isGlued ? undefined : multipliers.get(next.lower);
  const isMeter = next.lower === "m" && unitsBehindNumbers.has("m");
  if (times === undefined || isMeter || !/^\d+(?:\.\d+)?$/.test(digits)) {
    return { value: digits, length: 1 };
  }
  return { value: String(Number(digits) * times), length: 2 };
}

function clockTime(digits: string, suffix: string): string | undefined {
  if (suffix !== "am" && suffix !== "pm") return undefined;
  const [hours = "", minutes = "00"] = digits.split(/[:.]/);
  const hour = (Number(hours) % 12) + (suffix === "pm" ? 12 : 0);
  return `${hour}:${minutes}`;
}

/** "twenty-five", "two hundred and six", "third", "a dozen"; not the pronoun "one". */
function spelledAt(words: readonly Word[], at: number): Found | undefined {
  const length = spelledLength(words, at);
  if (length === 0) return undefined;
  if (length === 1 && words[at]?.lower === "one" && !isCount(words, at)) return undefined;
  return { value: String(spelledValue(words.slice(at, at + length))), length };
}

function spelledLength(words: readonly Word[], at: number): number {
  let length = 0;
  for (let next = at; isSpelled(words, next); next++) {
    if (length > 0 && !canFollow(words, next)) break;
    length = next - at + 1;
    const isJoint = words[next + 1]?.lower === "-" || words[next + 1]?.lower === "and";
    if (isJoint && isSpelled(words, next + 2) && canFollow(words, next + 2)) next++;
  }
  return length;
}

function spelledValue(words: readonly Word[]): number {
  let value = 0;
  let current = 0;
  for (const { lower } of words) {
    const times = multipliers.get(lower);
    if (times === undefined) current += numberWords.get(lower) ?? 0;
    else if (times === 100) current = (current === 0 ? 1 : current) * 100;
    else {
      value += (current === 0 ? 1 : current) * times;
      current = 0;
    }
  }
  return value + current;
}

/** After "twenty" or "hundred" another number word goes on with the same number, as a multiplier always does. */
function canFollow(words: readonly Word[], at: number): boolean {
  if (multipliers.has(words[at]?.lower ?? "")) return true;
  const before = words[at - 1];
  if (before === undefined) return false;
  if (before.lower === "and" || before.lower === "-") return canFollow(words, at - 1);
  return multipliers.has(before.lower) || before.lower.endsWith("ty");
}

const abbreviated = new Set(["k", "m", "mn", "bn"]);

function isSpelled(words: readonly Word[], at: number): boolean {
  const word = words[at];
  if (word?.kind !== "word" || abbreviated.has(word.lower)) return false;
  if (word.lower === "second") return !beforeUnit.has(words[at - 1]?.lower ?? "");
  return numberWords.has(word.lower) || multipliers.has(word.lower);
}

/** "one egg", "one of": a count only before a unit. */
function isCount(words: readonly Word[], at: number): boolean {
  return units.has(words[at + 1]?.lower ?? "");
}
