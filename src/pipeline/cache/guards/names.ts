import type { Content } from "./content.ts";
import type { Word } from "./words.ts";

/** Words with a capital letter that is not there because a sentence begins or because all are written so. */
export function readNames(words: readonly Word[]): readonly Word[] {
  const letters = words.filter(({ kind }) => kind === "word");
  const capitals = letters.filter(({ raw }) => /^\p{Lu}/u.test(raw));
  // All capitals, or Each Word With One: the writing says nothing about names.
  if (letters.length > 3 && capitals.length > letters.length * 0.7) {
    return letters.filter(({ isKnown }) => !isKnown);
  }
  return capitals.filter((word) => !word.isGlued && isName(word));
}

/** Capitals make these other words: the country, the organisation, the trade. */
const acronyms = new Set(["us", "who", "it", "or", "me", "in", "may"]);

function isName({ raw, lower, isFirst, isFunction, isKnown }: Word): boolean {
  if (/^\p{Lu}{2,}$/u.test(raw)) return !isFunction || acronyms.has(lower);
  // A first word has its capital anyway: what we do not know there is left to the guard on unmatched words.
  return !isFirst && !isFunction && !isKnown;
}

/** A name of one side which the other does not have, in whatever case. */
export function nameIsMissing(
  names: readonly Word[],
  missing: readonly Word[],
  other: Content,
  otherWords: readonly Word[],
): boolean {
  return names.some((name) => {
    if (name.isFunction) return !hasAcronym(name, otherWords);
    return missing.includes(name) && !other.squeezed.includes(`${name.lower}'s`);
  });
}

/** "US" and "WHO" are not "us" and "who"; "the us" is. */
function hasAcronym(name: Word, words: readonly Word[]): boolean {
  if (name.isGlued) return true;
  return words.some(
    ({ raw, lower, concept }, at) =>
      raw === name.raw ||
      (concept === name.concept && lower !== name.lower) ||
      (lower === name.lower && words[at - 1]?.lower === "the"),
  );
}
