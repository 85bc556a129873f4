import type { Word } from "./words.ts";

/**
 * "X and Y" against "X": beside an "and" (or "or", "plus", "but") stands a word that the other side lacks,
 * while what stands on its other side is there.
 */
export function conjunctIsMissing(words: readonly Word[], missing: readonly Word[]): boolean {
  const specific = missing.filter(({ isGeneric }) => !isGeneric);
  if (specific.length === 0) return false;
  if (words.filter(({ isFunction }) => !isFunction).length > contentWordsMax) return false;
  return words.some(
    (word, at) => isJoint(word) && isList(words[at + 1]) && isOneSided(words, at, specific),
  );
}

const joints = new Set(["and", "or", "&", "plus", "nor", "versus", "vs"]);
/** Behind an "and" these go on with a list; another function word begins a clause. */
const determiners = new Set(
  "a an the my your his her their our its this that these those some any all of in on for to with from by".split(
    " ",
  ),
);
/** With more words than this an "and" tells a story. */
const contentWordsMax = 12;

function isList(after: Word | undefined): boolean {
  return after !== undefined && (!after.isFunction || determiners.has(after.lower));
}

function isJoint({ lower }: Word): boolean {
  return joints.has(lower);
}

function isOneSided(words: readonly Word[], at: number, missing: readonly Word[]): boolean {
  const left = contentFrom(words, at, -1);
  const right = contentFrom(words, at, 1);
  if (left === undefined || right === undefined) return false;
  return missing.includes(left) !== missing.includes(right);
}

/** The nearest word that carries something, this side of the clause's end. */
function contentFrom(words: readonly Word[], at: number, step: 1 | -1): Word | undefined {
  for (let next = at + step; next >= 0 && next < words.length; next += step) {
    const word = words[next];
    if (word === undefined || /^[.!?;]$/.test(word.raw)) return undefined;
    if (word.kind === "word" && !word.isFunction) return word;
  }
  return undefined;
}
