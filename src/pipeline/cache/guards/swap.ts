import { setsMeet } from "./sets.ts";
import type { Word } from "./words.ts";

/** Who does what to whom, as far as the order of the words tells. */
export interface Roles {
  /** By preposition: the words of what follows it. */
  readonly after: ReadonlyMap<string, ReadonlySet<string>>;
  /** The roots of the words that carry something, in their order, each once. */
  readonly order: readonly string[];
  readonly places: ReadonlyMap<string, number>;
  /** Those of them that stand behind a preposition. */
  readonly governed: ReadonlySet<string>;
  readonly isPassive: boolean;
  readonly isOneSentence: boolean;
  /** "Difference between A and B", "how far is A from B": the same either way round. */
  readonly isSymmetric: boolean;
  /** "Is a tomato a fruit?" */
  readonly isIdentity: boolean;
}

const listed = (text: string): ReadonlySet<string> => new Set(text.split(" "));

const prepositions = listed(
  "to from into than by before after for of against under above below behind inside in on onto via over until",
);
/** "Before I run": a clause may follow these. */
const beforeClauses = listed("before after until");
const articles = listed("a an the my your his her our their its this that");
const symmetric = listed(
  "difference differ different distance far away compare comparison between similar similarity versus vs both " +
    "together relationship relation",
);
const joints = listed("and or vs versus & with");
const auxiliaries = listed("is are was were");
const passives = listed("is are was were been be being get got");

export function readRoles(words: readonly Word[]): Roles {
  const { after, order, governed } = readArguments(words);
  const isIdentity = auxiliaries.has(words[0]?.lower ?? "") && after.size === 0;
  return {
    after,
    order,
    places: new Map(order.map((root, place) => [root, place])),
    governed,
    isPassive: after.has("by") && words.some(({ lower }) => passives.has(lower)),
    isOneSentence: words.every(({ raw }, at) => at === words.length - 1 || !/^[.!?;]$/.test(raw)),
    isSymmetric: words.some(({ lower, concept }) => symmetric.has(lower) || symmetric.has(concept)),
    isIdentity: isIdentity && !words.some(({ lower }) => joints.has(lower)),
  };
}

function readArguments(words: readonly Word[]): Pick<Roles, "after" | "order" | "governed"> {
  const after = new Map<string, Set<string>>();
  const order = new Set<string>();
  const governed = new Set<string>();
  let preposition: string | undefined;
  for (const { lower, kind, isFunction, root } of words) {
    if (prepositions.has(lower)) preposition = lower;
    else if (kind === "mark" || isFunction) {
      const goesOn =
        articles.has(lower) || (kind === "word" && beforeClauses.has(preposition ?? ""));
      if (!goesOn) preposition = undefined;
    } else {
      order.add(root);
      if (preposition === undefined) continue;
      governed.add(root);
      const known = after.get(preposition);
      if (known === undefined) after.set(preposition, new Set([root]));
      else known.add(root);
    }
  }
  return { after, order: [...order], governed };
}

export function rolesAreSwapped(asked: Roles, cached: Roles): boolean {
  if (asked.isSymmetric && cached.isSymmetric) return false;
  if (prepositionsAreSwapped(asked, cached)) return true;
  return asked.isOneSentence && cached.isOneSentence && orderIsSwapped(asked, cached);
}

function orderIsSwapped(asked: Roles, cached: Roles): boolean {
  const shared = asked.order.filter((word) => cached.places.has(word));
  const longest = Math.max(asked.order.length, cached.order.length);
  if (shared.length < longest - strangersMax) return false;
  const places = shared.map((word) => cached.places.get(word) ?? 0);
  if (asked.isPassive !== cached.isPassive) return shared.length === 3 && isRising(places);
  if (asked.isIdentity && cached.isIdentity && shared.length === 2) return !isRising(places);
  const [from, to] = exchangedIn(places);
  const moved = shared.slice(from, to);
  return (
    moved.length > 0 &&
    moved.every((word) => asked.governed.has(word) === cached.governed.has(word))
  );
}

/** Words that one side has alone: with more of them it is another sentence, not the same one turned round. */
const strangersMax = 1;

/** Both have "from", each with a word behind it that the other has elsewhere. */
function prepositionsAreSwapped(asked: Roles, cached: Roles): boolean {
  for (const [preposition, words] of asked.after) {
    const others = cached.after.get(preposition);
    if (others === undefined || setsMeet(words, others)) continue;
    const isCrossed = [...words].some((word) => cached.places.has(word));
    if (isCrossed && [...others].some((word) => asked.places.has(word))) return true;
  }
  return false;
}

function isRising(places: readonly number[]): boolean {
  return places.every((place, index) => index === 0 || place > (places[index - 1] ?? -1));
}

/**
 * From where to where words changed sides of what stands between them, while all others stayed: "dog bites
 * man", "man bites dog". An empty range where that is not so.
 */
function exchangedIn(places: readonly number[]): readonly [from: number, to: number] {
  const ranks = places.map((place) => places.filter((other) => other < place).length);
  const from = ranks.findIndex((rank, index) => rank !== index);
  const last = ranks.findLastIndex((rank, index) => rank !== index);
  if (from === -1 || last - from < 2) return [0, 0];
  const between = ranks.slice(from + 1, last);
  const isTransposed = between.every((rank, index) => rank === from + 1 + index);
  return isTransposed || isTurned(ranks.slice(from, last + 1)) ? [from, last + 1] : [0, 0];
}

/** Some word has behind it now all that stood before it, and the other way round. */
function isTurned(ranks: readonly number[]): boolean {
  return ranks.some((rank, index) => {
    if (index === 0 || index === ranks.length - 1) return false;
    return (
      ranks.slice(0, index).every((other) => other > rank) &&
      ranks.slice(index + 1).every((other) => other < rank)
    );
  });
}
