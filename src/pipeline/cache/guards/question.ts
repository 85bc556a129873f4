import type { Word } from "./words.ts";

/** What a text asks for. A statement or an order asks for nothing and goes with every question. */
export interface Question {
  readonly kinds: ReadonlySet<string>;
  /** Of a yes-or-no question: whether something is possible, or ought to be. */
  readonly modality: "can" | "should" | undefined;
}

const auxiliaries = new Set(
  "is are am was were do does did has have had can could will would shall should may might must".split(
    " ",
  ),
);
const asksByItself = new Set(["what", "which", "when", "where", "who", "whose", "whom"]);
const openers = new Set([
  "in",
  "at",
  "on",
  "to",
  "from",
  "for",
  "by",
  "with",
  "of",
  "and",
  "so",
  "but",
  "or",
  ",",
]);

const afterHow = new Map<string, string>([
  ["many", "count"],
  ["much", "amount"],
  ["long", "duration"],
  ["often", "frequency"],
  ["frequently", "frequency"],
  ["far", "distance"],
  ["old", "age"],
  ["soon", "when"],
  ["tall", "height"],
  ["high", "height"],
  ["big", "size"],
  ["large", "size"],
  ["heavy", "weight"],
  ["deep", "depth"],
  ["wide", "width"],
  ["fast", "speed"],
  ["hot", "heat"],
  ["quickly", "duration"],
  ["come", "why"],
]);

/** "What is the ... of": the noun says what is asked for. */
const nouns = new Map<string, string>([
  ["time", "when"],
  ["date", "when"],
  ["day", "when"],
  ["year", "when"],
  ["month", "when"],
  ["place", "where"],
  ["location", "where"],
  ["address", "where"],
  ["reason", "why"],
  ["cause", "why"],
  ["way", "how"],
  ["method", "how"],
  ["step", "how"],
  ["process", "how"],
  ["procedure", "how"],
  ["cost", "amount"],
  ["amount", "amount"],
  ["sum", "amount"],
  ["number", "count"],
  ["population", "count"],
  ["duration", "duration"],
  ["timeframe", "duration"],
  ["length", "duration"],
  ["frequency", "frequency"],
  ["distance", "distance"],
  ["age", "age"],
  ["height", "height"],
  ["size", "size"],
  ["weight", "weight"],
  ["depth", "depth"],
  ["width", "width"],
  ["speed", "speed"],
  ["inventor", "who"],
  ["author", "who"],
  ["person", "who"],
]);
const nounsAhead = 5;

export function readQuestion(words: readonly Word[], isWhether: boolean): Question {
  const kinds = new Set<string>();
  let modality: Question["modality"];
  for (const [at, { lower }] of words.entries()) {
    const kind = kindAt(words, at, lower);
    if (kind === undefined) continue;
    kinds.add(kind);
    if (kind === "yes-no") modality ??= modalityAt(words, at);
  }
  if (isWhether && kinds.size === 0) {
    kinds.add("yes-no");
    modality = modalityAt(words, 1);
  }
  return { kinds, modality };
}

function kindAt(words: readonly Word[], at: number, lower: string): string | undefined {
  if (lower === "why") return "why";
  if (lower === "how") return howKind(words, at);
  if (asksByItself.has(lower)) return isAsking(words, at) ? nounKind(words, at, lower) : undefined;
  return auxiliaries.has(lower) && isOpening(words, at) ? auxiliaryKind(words, at) : undefined;
}

/** "Is there a way" asks how, "is there a fee" asks what there is, the rest yes or no. */
function auxiliaryKind(words: readonly Word[], at: number): string | undefined {
  const next = words[at + 1];
  if (next === undefined || next.kind === "mark") return undefined;
  if (next.lower !== "there") return "yes-no";
  return words.slice(at, at + 6).some(({ lower }) => lower === "way") ? "way" : "exists";
}

function howKind(words: readonly Word[], at: number): string | undefined {
  const next = words[at + 1];
  if (next === undefined || next.lower === "about") return "how";
  // "How much is 5 plus 7" is what it is.
  const isSum =
    next.lower === "much" && words[at + 2]?.lower === "is" && words[at + 3]?.kind === "number";
  return isSum ? "what" : (afterHow.get(next.lower) ?? "how");
}

/** Where it opens a sentence or a clause of its own, or an auxiliary follows: not "the day when", "those who". */
function isAsking(words: readonly Word[], at: number): boolean {
  const next = words[at + 1]?.lower ?? "";
  const word = words[at]?.lower;
  if (word === "what") return true;
  if (word === "when")
    return auxiliaries.has(next) || next === "to" || (isOpening(words, at) && next === "");
  if (isOpening(words, at)) return true;
  return at === words.length - 1 || (word === "where" && auxiliaries.has(next));
}

function isOpening(words: readonly Word[], at: number): boolean {
  const before = words[at - 1];
  return (
    before === undefined ||
    before.kind === "mark" ||
    before.lower === "and" ||
    (openers.has(before.lower) && (at < 2 || words[at - 2]?.kind === "mark"))
  );
}

function nounKind(words: readonly Word[], at: number, lower: string): string {
  if (lower === "where") return isLookUp(words, at) ? "how" : lower;
  if (lower === "when") return lower;
  if (lower === "who" || lower === "whom" || lower === "whose") return "who";
  const isCost = words.some(({ lower: word }) => word === "cost");
  return nounAhead(words, at) ?? (isCost ? "amount" : "what");
}

/** "Where can I find it" is "how do I find it". */
function isLookUp(words: readonly Word[], at: number): boolean {
  const subject = words[at + 2]?.lower ?? "";
  return /^(?:i|you|we|one)$/.test(subject) && lookUps.has(words[at + 3]?.lower ?? "");
}

const lookUps = new Set("find see check view look locate access change update set edit".split(" "));

function nounAhead(words: readonly Word[], at: number): string | undefined {
  const next = words[at + 1];
  if (next?.lower === "makes" || next?.lower === "made") return "why";
  const ahead = words.slice(at + 1, at + 1 + nounsAhead);
  const end = ahead.findIndex(
    (word) => word.kind !== "word" || (word.lower === "of" && word !== next),
  );
  for (const { concept, lower } of end === -1 ? ahead : ahead.slice(0, end)) {
    const kind = nouns.get(concept) ?? nouns.get(lower);
    if (kind !== undefined) return kind;
  }
  return asksWhatToDo(words, at) || asksWhatItIsLike(words, at) ? "how" : undefined;
}

/** "What should I do to", "what can I do about". */
function asksWhatToDo(words: readonly Word[], at: number): boolean {
  if (!/^(?:should|do|can|shall|to)$/.test(words[at + 1]?.lower ?? "")) return false;
  return words.slice(at + 2, at + 5).some(({ lower }) => lower === "do");
}

/** "What is the weather like" is "how is the weather". */
function asksWhatItIsLike(words: readonly Word[], at: number): boolean {
  if (!/^(?:is|are|was|were)$/.test(words[at + 1]?.lower ?? "")) return false;
  return words.slice(at + 2, at + 6).some(({ lower }) => lower === "like");
}

function modalityAt(words: readonly Word[], at: number): Question["modality"] {
  const ahead = words.slice(at, at + 5).map(({ lower }) => lower);
  if (
    ahead.some((word) =>
      /^(?:should|must|shall|ought|need|necessary|required|mandatory|obligatory)$/.test(word),
    )
  ) {
    return "should";
  }
  return ahead.some((word) => /^(?:can|could|may|possible|able|allowed)$/.test(word))
    ? "can"
    : undefined;
}

/** Goes together though the words differ. */
const alike: readonly (readonly [string, string])[] = [
  ["way", "how"],
  ["way", "yes-no"],
  ["size", "height"],
  ["size", "what"],
  ["duration", "when"],
  ["what", "which"],
  ["exists", "what"],
  ["exists", "yes-no"],
  ["exists", "count"],
];
const weak = new Set(["how", "what", "which", "yes-no", "way", "exists"]);

export function questionsDiffer(asked: Question, cached: Question): boolean {
  if (
    asked.modality !== undefined &&
    cached.modality !== undefined &&
    asked.modality !== cached.modality
  ) {
    return true;
  }
  if (asked.kinds.size === 0 || cached.kinds.size === 0) return false;
  return isUnmet(asked.kinds, cached.kinds) || isUnmet(cached.kinds, asked.kinds);
}

/** Each of the strong kinds has to be met, and of weak ones alone at least one. */
function isUnmet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  let isMet = false;
  for (const kind of one) {
    const met =
      other.has(kind) ||
      alike.some(([a, b]) => (a === kind && other.has(b)) || (b === kind && other.has(a)));
    if (met) isMet = true;
    else if (!weak.has(kind)) return true;
  }
  return !isMet;
}
