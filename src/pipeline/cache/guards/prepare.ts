import { expandContractions } from "./contractions.ts";
import { readContent, type Content } from "./content.ts";
import { readDegrees, type Degrees } from "./comparison.ts";
import { readIdentifiers, squeeze, type Identifiers } from "./identifiers.ts";
import { languageOf } from "./language.ts";
import { readNames } from "./names.ts";
import { readNegation, type Negation } from "./negation.ts";
import { readNumbers, type Numbers } from "./numbers.ts";
import { readPersons, type Persons } from "./person.ts";
import { withoutPreamble } from "./preamble.ts";
import { readQuestion, type Question } from "./question.ts";
import { readRoles, type Roles } from "./swap.ts";
import { readTimes, type Times } from "./time.ts";
import { readUnits, type Units } from "./units.ts";
import { readWords, wordsMax, type Word } from "./words.ts";

/** A text as all guards read it. Made once for a question and once for a cached one, which keeps it. */
export interface Prepared {
  readonly text: string;
  /** Longer than is read: what stands behind the cut may differ. */
  readonly isCut: boolean;
  readonly words: readonly Word[];
  readonly line: string;
  readonly squeezed: string;
  readonly language: string;
  readonly numbers: Numbers;
  readonly units: Units;
  readonly times: Times;
  readonly negation: Negation;
  readonly names: readonly Word[];
  readonly identifiers: Identifiers;
  readonly content: Content;
  readonly question: Question;
  readonly persons: Persons;
  readonly degrees: Degrees;
  readonly roles: Roles;
}

/** Of a longer text only so much is read; each guard forbids it. */
const charactersMax = 4_000;

export function prepare(text: string): Prepared {
  const plain = expandContractions(text.slice(0, charactersMax).normalize("NFKC"));
  const asked = withoutPreamble(plain);
  const words = readWords(asked.text);
  const numbers = readNumbers(words);
  const units = readUnits(words);
  const times = readTimes(words);
  const isTaken = (at: number): boolean =>
    numbers.positions.has(at) || units.positions.has(at) || times.positions.has(at);
  return {
    text,
    isCut: text.length > charactersMax || words.length === wordsMax,
    words,
    line: words.flatMap(({ kind, lower }) => (kind === "mark" ? [] : [lower])).join(" "),
    squeezed: squeeze(plain),
    language: languageOf(words),
    numbers,
    units,
    times,
    negation: readNegation(words),
    names: readNames(words),
    identifiers: readIdentifiers(asked.text, words),
    content: readContent(words, isTaken),
    question: readQuestion(words, asked.isWhether),
    persons: readPersons(words),
    degrees: readDegrees(words),
    roles: readRoles(words),
  };
}
