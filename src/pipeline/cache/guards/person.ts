import type { Word } from "./words.ts";

/** Whose thing it is, and who does it to whom. */
export interface Persons {
  /** Whose: "mine", "yours", "his", "hers", "theirs". */
  readonly owners: ReadonlySet<string>;
  readonly actors: ReadonlySet<string>;
  /** The first of "I" and "you" where both take part. */
  readonly first: string | undefined;
  /** "How do you boil an egg": anyone. */
  readonly isAnyone: boolean;
}

const owners = new Map([
  ["my", "me"],
  ["mine", "me"],
  ["our", "me"],
  ["ours", "me"],
  ["your", "you"],
  ["yours", "you"],
  ["ur", "you"],
  ["his", "he"],
  ["her", "she"],
  ["hers", "she"],
  ["their", "they"],
  ["theirs", "they"],
]);
const actors = new Map([
  ["i", "me"],
  ["me", "me"],
  ["we", "me"],
  ["us", "me"],
  ["myself", "me"],
  ["you", "you"],
  ["u", "you"],
  ["yourself", "you"],
  ["he", "he"],
  ["him", "he"],
  ["she", "she"],
  ["they", "they"],
  ["them", "they"],
]);
/** Before "I" or "you" these make it anyone. */
const general = new Set(
  "can could should must may might would do if when that where what how so to".split(" "),
);
const benefactors = new Set(
  "give show send tell help make write get find for to with list".split(" "),
);

export function readPersons(words: readonly Word[]): Persons {
  const owned = new Set<string>();
  const acting: string[] = [];
  let isGeneral = false;
  for (const [at, { lower }] of words.entries()) {
    const owner = owners.get(lower);
    if (owner !== undefined) owned.add(owner);
    const actor = actors.get(lower);
    if (actor === undefined || isBenefit(words, at)) continue;
    acting.push(actor);
    if (isGeneralAt(words, at)) isGeneral = true;
  }
  const both = new Set([...owned, ...acting]);
  const isAnyone = isGeneral && !(both.has("me") && both.has("you"));
  const isExchange = acting.length === 2 && acting.includes("me") && acting.includes("you");
  const first = isExchange ? acting[0] : undefined;
  return { owners: owned, actors: new Set(acting), first, isAnyone };
}

function isGeneralAt(words: readonly Word[], at: number): boolean {
  const before = words[at - 1]?.lower ?? "";
  const after = words[at + 1]?.lower ?? "";
  // "Do you ship", "do you like" ask you; "do you need to" asks for anyone.
  if (before === "do" && at < 2) return after === "need" || after === "have";
  return general.has(before);
}

/** "Give me", "for me". */
function isBenefit(words: readonly Word[], at: number): boolean {
  const lower = words[at]?.lower;
  if (lower !== "me" && lower !== "us") return false;
  return (
    at > 0 &&
    benefactors.has(words[at - 1]?.lower ?? "") &&
    !words.some((word) => word.lower === "you")
  );
}

export function personsDiffer(asked: Persons, cached: Persons): boolean {
  if (asked.first !== undefined && cached.first !== undefined && asked.first !== cached.first)
    return true;
  const isGeneral = asked.isAnyone || cached.isAnyone;
  // "How can I change my password" and "how can you change your password" ask the same; "how can I change your
  // password" does not.
  const isActorShared = [...asked.actors].some((actor) => cached.actors.has(actor));
  if (ownersDiffer(asked.owners, cached.owners, isGeneral && !isActorShared)) return true;
  if (asked.actors.size > 0 && cached.actors.size > 0 && thirdsDiffer(asked.actors, cached.actors))
    return true;
  const isOwnerShared = [...asked.owners].some((owner) => cached.owners.has(owner));
  return !isOwnerShared && areApart(asked.actors, cached.actors, isGeneral);
}

/** "Can he see my page" is not "can I see my page". */
const thirdsDiffer = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean =>
  thirdDiffers(one, other) || one.has("they") !== other.has("they");

function ownersDiffer(
  one: ReadonlySet<string>,
  other: ReadonlySet<string>,
  isGeneral: boolean,
): boolean {
  if (thirdDiffers(one, other)) return true;
  return areApart(one, other, isGeneral);
}

function thirdDiffers(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.has("he") !== other.has("he") || one.has("she") !== other.has("she");
}

/** Both sides name someone, and none is named on both. */
function areApart(
  one: ReadonlySet<string>,
  other: ReadonlySet<string>,
  isGeneral: boolean,
): boolean {
  if (one.size === 0 || other.size === 0) return false;
  for (const person of one) {
    if (other.has(person)) return false;
    if (isGeneral && (person === "me" || person === "you") && (other.has("me") || other.has("you")))
      return false;
  }
  return true;
}
