import { guardNames, type GuardName } from "../../tenants/cache-policy.ts";
import { areOpposed, turnsAreOpposed } from "./guards/antonyms.ts";
import { degreesDiffer } from "./guards/comparison.ts";
import { conjunctIsMissing } from "./guards/conjunction.ts";
import { missingFrom } from "./guards/content.ts";
import { identifiersDiffer } from "./guards/identifiers.ts";
import { languageForbids } from "./guards/language.ts";
import { nameIsMissing } from "./guards/names.ts";
import { negationDiffers } from "./guards/negation.ts";
import { numbersDiffer } from "./guards/numbers.ts";
import { isOneWordApart } from "./guards/one-word.ts";
import { personsDiffer } from "./guards/person.ts";
import { prepare, type Prepared } from "./guards/prepare.ts";
import { questionsDiffer } from "./guards/question.ts";
import { rolesAreSwapped } from "./guards/swap.ts";
import { timesDiffer } from "./guards/time.ts";
import { unitsDiffer } from "./guards/units.ts";
import type { Word } from "./guards/words.ts";

/** Which guards a route has; all of them unless it says otherwise. */
export interface GuardOptions {
  readonly guards?: ReadonlySet<GuardName>;
}

/**
 * Rules that forbid a semantic hit whatever the similarity: an embedding hardly sees a number, a "not" or
 * who did it to whom. Each forbids where it is in doubt, for a miss costs a call and a wrong hit the user's trust.
 * English is read; of another language only texts with the same words in the same order pass.
 *
 * The first guard that forbids answering `asked` with the answer to `cached`. Pure; a few µs where both are prepared.
 */
export function guardAgainst(
  asked: string | Prepared,
  cached: string | Prepared,
  options: GuardOptions = {},
): GuardName | undefined {
  const left = typeof asked === "string" ? prepare(asked) : asked;
  const right = typeof cached === "string" ? prepare(cached) : cached;
  if (left.text === right.text) return undefined;
  const { guards } = options;
  const isOn = (name: GuardName): boolean => guards === undefined || guards.has(name);
  // None of them knows what stands behind the cut, so none lets it pass.
  if (left.isCut || right.isCut) return guardNames.findLast(isOn);
  const pair = pairOf(left, right);
  return guardNames.find((name) => isOn(name) && guardRules[name](pair));
}

interface Pair {
  readonly asked: Prepared;
  readonly cached: Prepared;
  /** Words of one side which the other has in no form. */
  readonly onlyAsked: readonly Word[];
  readonly onlyCached: readonly Word[];
}

/** What is missing is found when the first guard asks for it: most pairs that are forbidden are so before. */
function pairOf(asked: Prepared, cached: Prepared): Pair {
  let onlyAsked: readonly Word[] | undefined;
  let onlyCached: readonly Word[] | undefined;
  return {
    asked,
    cached,
    get onlyAsked() {
      return (onlyAsked ??= missingFrom(cached.content, asked.content));
    },
    get onlyCached() {
      return (onlyCached ??= missingFrom(asked.content, cached.content));
    },
  };
}

export const guardRules: Readonly<Record<GuardName, (pair: Pair) => boolean>> = {
  language: ({ asked, cached }) => languageForbids(asked, cached),
  numbers: ({ asked, cached }) => numbersDiffer(asked.numbers, cached.numbers),
  units: ({ asked, cached }) => unitsDiffer(asked.units, cached.units),
  time: ({ asked, cached }) => timesDiffer(asked.times, cached.times),
  negation: ({ asked, cached }) => negationDiffers(asked.negation, cached.negation),
  identifiers: ({ asked, cached }) => identifiersDiffer(asked, cached),
  comparison: ({ asked, cached }) => degreesDiffer(asked.degrees, cached.degrees),
  question: ({ asked, cached, onlyAsked, onlyCached }) =>
    questionsDiffer(asked.question, cached.question) &&
    countSpecific(onlyAsked, onlyCached) <= questionWordsApartMax,
  person: ({ asked, cached }) => personsDiffer(asked.persons, cached.persons),
  antonyms: ({ asked, cached, onlyAsked, onlyCached }) =>
    areOpposed(onlyAsked, onlyCached) || turnsAreOpposed(asked.content, cached.content),
  names: ({ asked, cached, onlyAsked, onlyCached }) =>
    nameIsMissing(asked.names, onlyAsked, cached.content, cached.words) ||
    nameIsMissing(cached.names, onlyCached, asked.content, asked.words),
  conjunction: ({ asked, cached, onlyAsked, onlyCached }) =>
    conjunctIsMissing(asked.words, onlyAsked) || conjunctIsMissing(cached.words, onlyCached),
  "argument-swap": ({ asked, cached }) => rolesAreSwapped(asked.roles, cached.roles),
  "one-word": ({ asked, cached, onlyAsked, onlyCached }) =>
    countSpecific(onlyAsked, onlyCached) > 0 && isOneWordApart(asked.words, cached.words),
  "unmatched-word": ({ asked, cached, onlyAsked, onlyCached }) =>
    tooMuchIsMissing(asked, onlyAsked) || tooMuchIsMissing(cached, onlyCached),
};

/** "Why was I charged?" and "What is this fee?" are asked with other words as well: of such pairs 19 of 20 were the same. */
const questionWordsApartMax = 1;

const countSpecific = (...missing: readonly (readonly Word[])[]): number =>
  missing.flat().filter(({ isGeneric }) => !isGeneric).length;

/** Of a text with more words than these, one in so many may be said in words which the other does not have. */
const shortContentWordsMax = 8;
const contentWordsPerMissing = 6;

function tooMuchIsMissing({ content }: Prepared, missing: readonly Word[]): boolean {
  const specific = missing.filter(({ isGeneric }) => !isGeneric).length;
  if (specific === 0 || content.words.length <= shortContentWordsMax) return specific > 0;
  return specific > content.words.length / contentWordsPerMissing;
}
