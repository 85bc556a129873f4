import type { Word } from "./words.ts";

/** The words of a text that carry its subject, and by what another text's words are looked up in it. */
export interface Content {
  readonly words: readonly Word[];
  /** Every word by its letters, its concept and (after "~") its root. */
  readonly keys: ReadonlySet<string>;
  /** Neighbours written as one word: "pass word". */
  readonly joined: ReadonlySet<string>;
  /** First letters of neighbours: "machine learning" is "ml". */
  readonly initials: string;
  readonly acronyms: readonly Word[];
  /** Letters and digits alone. */
  readonly squeezed: string;
}

export function readContent(words: readonly Word[], taken: (at: number) => boolean): Content {
  const keys = new Set<string>();
  const joined = new Set<string>();
  let initials = "";
  let before = "";
  let squeezed = "";
  for (const { kind, lower, concept, root, isFunction } of words) {
    if (kind === "mark") continue;
    squeezed += lower;
    initials += lower.charAt(0);
    keys.add(lower).add(lower.replace(/'s?$/, ""));
    if (!isFunction) keys.add(concept).add(`~${root}`);
    if (before !== "") joined.add(before + lower);
    before = lower;
  }
  const content = words.filter(
    ({ kind, isFunction }, at) =>
      kind === "word" && !isFunction && !taken(at) && !isMeasure(words[at - 1]),
  );
  return { words: content, keys, joined, initials, squeezed, acronyms: content.filter(isAcronym) };
}

/** "How old", "how tall": the guard on question words reads it. */
function isMeasure(before: Word | undefined): boolean {
  return before?.lower === "how";
}

/** The words of `one` which `other` has in no form. */
export function missingFrom(other: Content, one: Content): readonly Word[] {
  const missing = one.words.filter((word) => !isIn(other, word));
  if (missing.length === 0) return missing;
  return missing.filter((word) => !isJoint(word, one, other) && !isTypo(word, other));
}

function isIn(other: Content, { lower, concept, root }: Word): boolean {
  return (
    other.keys.has(lower) ||
    other.keys.has(concept) ||
    other.keys.has(`~${root}`) ||
    other.joined.has(lower)
  );
}

const initialsMin = 2;

/** Half of a word that the other side writes as one, or the first letters of what it writes out. */
function isJoint(word: Word, one: Content, other: Content): boolean {
  const { lower } = word;
  const at = one.words.indexOf(word);
  const after = one.words[at + 1];
  const before = one.words[at - 1];
  if (after !== undefined && other.keys.has(lower + after.lower)) return true;
  if (before !== undefined && other.keys.has(before.lower + lower)) return true;
  if (isAcronym(word) && lower.length >= initialsMin) return other.initials.includes(lower);
  return other.acronyms.some((acronym) => spells(acronym.lower, at, one));
}

function isAcronym({ raw }: Word): boolean {
  return raw.length >= initialsMin && raw.length <= 6 && /^\p{Lu}+$/u.test(raw);
}

function spells(acronym: string, at: number, { words }: Content): boolean {
  for (let first = Math.max(0, at - acronym.length + 1); first <= at; first++) {
    let letters = "";
    for (let next = first; next < first + acronym.length; next++) {
      letters += words[next]?.lower.charAt(0) ?? "";
    }
    if (letters === acronym) return true;
  }
  return false;
}

const typoLettersMin = 5;
const substitutionLettersMin = 7;

/**
 * One letter too many, too few, or two changed places, and only between a word we know and one we do not:
 * "recieve" is receive, but hypotension is not hypertension and Zambia not Gambia.
 */
function isTypo(word: Word, other: Content): boolean {
  if (word.lower.length < typoLettersMin) return false;
  return other.words.some(
    (candidate) => candidate.isKnown !== word.isKnown && isOneSlipAway(candidate.lower, word.lower),
  );
}

export function isOneSlipAway(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  if (long.length - short.length > 1 || short.length < typoLettersMin - 1) return false;
  let start = 0;
  while (start < short.length && short[start] === long[start]) start++;
  if (start === 0) return false;
  if (long.length > short.length) return long.slice(start + 1) === short.slice(start);
  if (short.length >= substitutionLettersMin && long.slice(start + 1) === short.slice(start + 1))
    return true;
  return (
    long[start] === short[start + 1] &&
    long[start + 1] === short[start] &&
    long.slice(start + 2) === short.slice(start + 2)
  );
}
