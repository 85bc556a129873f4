import { kinds, opposites, reversingPrefixes } from "./lexicon/opposites.ts";
import type { Content } from "./content.ts";
import type { Word } from "./words.ts";

/** Each side has a word that the other lacks, and the two are opposites or two of one kind. */
export function areOpposed(asked: readonly Word[], cached: readonly Word[]): boolean {
  return asked.some((one) => cached.some((other) => isOpposed(one, other)));
}

function isOpposed(one: Word, other: Word): boolean {
  if (opposes(one.concept, other) || opposes(one.lower, other)) return true;
  if (isReversed(one.lower, other.lower) || isReversed(other.lower, one.lower)) return true;
  const rows = kinds.get(one.lower) ?? kinds.get(one.concept);
  const others = kinds.get(other.lower) ?? kinds.get(other.concept);
  return rows !== undefined && others !== undefined && rows.some((row) => others.includes(row));
}

function opposes(word: string, other: Word): boolean {
  const known = opposites.get(word);
  return known !== undefined && (known.has(other.concept) || known.has(other.lower));
}

/** "illegal" and "legal"; "useless" and "useful"; "hypertension" and "hypotension". */
function isReversed(long: string, short: string): boolean {
  const rest = long.replace(reversingPrefixes, "");
  if (rest !== long && (rest === short || short.replace(reversingPrefixes, "") === rest))
    return true;
  return long.endsWith("less") && long.slice(0, -4) === short.replace(/ful$/, "");
}

/** Function words whose exchange turns the question round, where each side has only one of them. */
const turns: readonly (readonly [string, string])[] = [
  ["on", "off"],
  ["up", "down"],
  ["in", "out"],
  ["before", "after"],
  ["with", "without"],
  ["above", "below"],
  ["over", "under"],
  ["more", "less"],
  ["most", "least"],
  ["all", "some"],
  ["all", "none"],
  ["inside", "outside"],
  ["first", "last"],
  ["next", "last"],
  ["morethan", "lessthan"],
  ["atleast", "atmost"],
  ["for", "against"],
  ["into", "from"],
];

export function turnsAreOpposed(asked: Content, cached: Content): boolean {
  return turns.some(
    ([one, other]) =>
      isExchanged(asked.keys, cached.keys, one, other) ||
      isExchanged(cached.keys, asked.keys, one, other),
  );
}

function isExchanged(
  left: ReadonlySet<string>,
  right: ReadonlySet<string>,
  one: string,
  other: string,
): boolean {
  return left.has(one) && !left.has(other) && right.has(other) && !right.has(one);
}
