import { degreeForms } from "./lexicon/forms.ts";
import { functionWords, genericWords } from "./lexicon/common.ts";
import { phrases } from "./lexicon/phrases.ts";
import { synonyms } from "./lexicon/synonyms.ts";
import { lemma, root } from "./stem.ts";

/** One word, number, mark or code of a text. */
export interface Word {
  /** As typed. */
  readonly raw: string;
  readonly lower: string;
  readonly kind: "word" | "number" | "mark";
  /** The word which stands for it and its synonyms. */
  readonly concept: string;
  readonly root: string;
  readonly isFunction: boolean;
  readonly isGeneric: boolean;
  /** In one of our word lists: not a name, not a typing error. */
  readonly isKnown: boolean;
  /** First of a sentence. */
  readonly isFirst: boolean;
  /** Glued to a number or to letters before it ("E404"). */
  readonly isGlued: boolean;
}

/** A longer text is cut here: what matters of a question is in so many words, and the cost is bounded. */
export const wordsMax = 400;

const pattern =
  /\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:[.:]\d+)*|(?:c\+\+|c#|f#)(?!\p{L})|[\p{L}\p{M}]+(?:'\p{L}+)*|[^\s\p{L}\p{M}\d]/giu;

export function readWords(text: string): readonly Word[] {
  const raw = rawTokens(text);
  const joined = withPhrases(raw);
  return joined.map((token, index) => toWord(token, isSentenceStart(joined[index - 1])));
}

interface Token {
  readonly raw: string;
  readonly isGlued: boolean;
}

function rawTokens(text: string): Token[] {
  const tokens: Token[] = [];
  let end = -1;
  for (const match of text.matchAll(pattern)) {
    const [raw] = match;
    const isGlued = match.index === end && /^[\p{L}\d]/u.test(raw);
    const before = tokens.at(-1)?.raw ?? "";
    tokens.push({ raw, isGlued: isGlued && /[\p{L}\d]$/u.test(before) });
    end = match.index + raw.length;
    if (tokens.length === wordsMax) break;
  }
  return tokens;
}

function withPhrases(tokens: readonly Token[]): Token[] {
  const result: Token[] = [];
  for (let at = 0; at < tokens.length;) {
    const token = tokens[at];
    if (token === undefined) break;
    const phrase = phrases
      .get(token.raw.toLowerCase())
      ?.find(({ rest }) =>
        rest.every((word, next) => tokens[at + 1 + next]?.raw.toLowerCase() === word),
      );
    if (phrase === undefined) {
      result.push(token);
      at++;
      continue;
    }
    for (const word of phrase.become) result.push({ raw: word, isGlued: false });
    at += 1 + phrase.rest.length;
  }
  return result;
}

function isSentenceStart(before: Token | undefined): boolean {
  return before === undefined || /^[.!?;:\n]$/.test(before.raw);
}

function toWord({ raw, isGlued }: Token, isFirst: boolean): Word {
  const lower = raw.toLowerCase();
  const kind = kindOf(raw);
  if (kind !== "word")
    return { ...unread, raw, lower, kind, concept: lower, root: lower, isFirst, isGlued };
  const bare = lower.replace(/'(?:s|d)?$/, "");
  const base = degreeForms.get(bare)?.base ?? lemma(bare);
  const concept = synonyms.get(bare) ?? synonyms.get(base) ?? base;
  const isFunction = functionWords.has(bare);
  const isGeneric = [bare, base, concept].some((form) => genericWords.has(form)) || isAdverb(bare);
  const isListed = synonyms.has(bare) || synonyms.has(base) || degreeForms.has(bare);
  const isKnown = isFunction || isGeneric || isListed;
  return {
    raw,
    lower,
    kind,
    concept,
    root: root(base),
    isFunction,
    isGeneric,
    isKnown,
    isFirst,
    isGlued,
  };
}

const unread = { isFunction: false, isGeneric: false, isKnown: false } as const;

function kindOf(raw: string): Word["kind"] {
  if (/^\d/.test(raw)) return "number";
  return /^\p{L}/u.test(raw) ? "word" : "mark";
}

/** "permanently", "really": how something is done seldom changes what is asked. */
function isAdverb(word: string): boolean {
  return word.length > 6 && /[^aeiou]ly$/.test(word) && !notAdverbs.has(word);
}

const notAdverbs = new Set(
  "assembly anomaly monopoly butterfly biweekly fortnightly multiply illegally monthly quarterly hourly".split(
    " ",
  ),
);
