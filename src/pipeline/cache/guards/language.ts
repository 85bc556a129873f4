import { functionWords } from "./lexicon/common.ts";
import type { Word } from "./words.ts";

/** Frequent words of other languages that are not English words as well. */
const foreign: Readonly<Record<string, string>> = {
  es: "el los las una que como cómo qué cuál cuáles dónde cuándo quién por para está es son mi tu puedo hacer del y o se no con más cuánto quiero donde cuando",
  fr: "le les des une est que qui quoi comment où quand pourquoi quel quelle je tu il nous vous mon ma mes du et dans pour avec pas sur puis-je sont au aux ce cette peut",
  de: "der das den dem ein eine einen ist sind wie wo wann warum wer welche welcher ich du wir ihr mein meine und oder nicht mit für von zu auf im kann gibt es",
  it: "il lo gli una è sono che come dove quando perché chi quale mio mia di del della e non con per posso si nel alla",
  pt: "os uma um é são que como onde quando quem qual meu minha do da dos das não com por para posso em no na você eu",
  nl: "het een zijn wat hoe waar wanneer waarom wie welke ik jij wij mijn en niet met voor van op kan er",
  pl: "jak co gdzie kiedy dlaczego kto jest są czy nie mój moja w z na do się jaki jaka",
  tr: "nasıl ne nerede neden kim hangi mi mı bir ve için bu var kaç benim ile",
  sv: "hur vad var när varför vem är jag du vi min mitt och inte med för på kan det en ett",
  id: "apa bagaimana dimana kapan mengapa siapa yang dan di ke dari saya untuk adalah berapa cara ini itu",
  vi: "là gì làm thế nào ở đâu khi tại sao ai và của tôi không cho có những",
};

const foreignWords = new Map<string, string[]>();
for (const [language, text] of Object.entries(foreign)) {
  for (const word of text.split(" ")) {
    if (functionWords.has(word)) continue;
    foreignWords.set(word, [...(foreignWords.get(word) ?? []), language]);
  }
}

/** "en" for English and for what could be; another code, or "?", where we cannot read the words. */
export function languageOf(words: readonly Word[]): string {
  const letters = words.filter(({ kind }) => kind === "word");
  const english = letters.filter(({ isKnown }) => isKnown).length;
  const strange = letters.filter(({ isKnown }) => !isKnown);
  if (strange.some(({ lower }) => /[^\p{Script=Latin}\p{M}']/u.test(lower))) return "?";
  const [language, votes] = mostVoted(letters);
  if (votes > english) return language;
  return english === 0 && strange.some(({ lower }) => /[^a-z']/.test(lower)) ? "?" : "en";
}

function mostVoted(letters: readonly Word[]): readonly [language: string, votes: number] {
  const votes = new Map<string, number>();
  for (const { lower } of letters) {
    for (const language of foreignWords.get(lower) ?? []) {
      votes.set(language, (votes.get(language) ?? 0) + 1);
    }
  }
  let most: readonly [string, number] = ["en", 0];
  for (const vote of votes) if (vote[1] > most[1]) most = vote;
  return most;
}

export interface InLanguage {
  readonly language: string;
  /** All words in lower case, without marks. */
  readonly line: string;
}

/** Two languages, or one whose words we cannot weigh: then only the same words in the same order will do. */
export function languageForbids(asked: InLanguage, cached: InLanguage): boolean {
  if (asked.language === "en" && cached.language === "en") return false;
  return asked.language !== cached.language || asked.line !== cached.line;
}
