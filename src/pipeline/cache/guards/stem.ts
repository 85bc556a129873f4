import { irregularForms } from "./lexicon/forms.ts";

/** Words whose last letters only look like an ending. */
const unchanged = new Set(
  (
    "news always is was has this thus us bus gas plus less ss as its business address access process " +
    "status virus series species physics mathematics economics politics basis analysis diabetes during " +
    "morning evening thing something nothing anything everything king ring spring string bring sing wing " +
    "need feed seed speed bed red indeed proceed exceed succeed hundred building wedding meeting ceiling " +
    "pudding bleed breed weed shed embed christmas lens paris texas kansas tennis jesus python sling " +
    "sibling darling sterling pricing rating unarrived"
  ).split(" "),
);
const vowels = /[aeiouy]/;

/** The dictionary form of an English word, as far as its ending tells: "transfers", "transferred" → "transfer". */
export function lemma(word: string): string {
  const irregular = irregularForms.get(word);
  if (irregular !== undefined) return irregular;
  if (word.length < 4 || unchanged.has(word)) return word;
  if (word.endsWith("s")) return withoutS(word);
  if (word.endsWith("ied") && word.length > 4) return `${word.slice(0, -3)}y`;
  if (word.endsWith("ing") && word.length > 5) return withoutEnding(word, 3);
  return word.endsWith("ed") ? withoutEnding(word, 2) : word;
}

function withoutS(word: string): string {
  if (word.endsWith("ies")) return word.length > 4 ? `${word.slice(0, -3)}y` : word.slice(0, -1);
  if (/(?:sses|shes|ches|xes|zzes|oes)$/.test(word)) return word.slice(0, -2);
  return /(?:ss|us|is)$/.test(word) ? word : lemma(word.slice(0, -1));
}

/** "stopp(ed)" is stop, "mak(ing)" is make, "open(ed)" is open. */
function withoutEnding(word: string, letters: number): string {
  const base = word.slice(0, -letters);
  if (base.length < 2 || !vowels.test(base)) return word;
  const last = base.at(-1) ?? "";
  if (base.length > 3 && last === base.at(-2) && !"lsz".includes(last)) return base.slice(0, -1);
  if (irregularForms.has(`${base}e`)) return `${base}e`;
  if (/(?:[aeiou][^aeiouwxy]|[clrv][gs]|[^aeiou]l|u|c|v|z|dg|[aeiou]s)$/.test(base)) {
    return needsE(base) ? `${base}e` : base;
  }
  return base;
}

function needsE(base: string): boolean {
  if (/(?:v|c|u|z|dg|rg|rs|ls|[^aeioul]l)$/.test(base)) return true;
  if (/(?:at|iz|ut|id|ud|os|as|us|is|ir|ur|ag|ak|ik|ok|am|im|om|ap|ip|op|yp)$/.test(base)) {
    return !/(?:[aeiou]{2}.)$/.test(base) && !/(?:it|et|mit)$/.test(base);
  }
  return false;
}

const derivations =
  /(?:isation|ization|ations?|itions?|ion|ment|ance|ence|ally|ity|ness|ive|able|ible|ly|al|y|or|er|ee?)$/;

/**
 * What words of one family share: "cancel", "cancellation". Coarse: it says only that two words which differ
 * may mean the same. Never the endings that turn a meaning round or name two parties (-less, -ful, -er, -ee).
 */
export function root(word: string): string {
  const ending = derivations.exec(word)?.[0];
  if (ending === undefined || ending === "er" || ending === "ee") return word;
  const base = word.slice(0, -ending.length);
  if (base.length < 4) return word;
  return base.replace(/(.)\1$/, "$1").replace(/[aeiy]$/, "");
}
