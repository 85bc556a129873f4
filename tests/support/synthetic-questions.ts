import type { Query } from "../../scripts/bench-cache/stream.ts";
import { toUnitLength } from "../../src/pipeline/cache/embedder.ts";

interface World {
  readonly answers: number;
  readonly queries: number;
  /** Answers lie in pairs: how far apart the two of a pair are, in units of what phrasings vary by. */
  readonly apart: number;
  readonly random: () => number;
}

const dimensions = 32;
/** How far the phrasings of one question lie from its middle. */
const spread = 0.45;
/** So many of the labels are wrong, as in real data. */
const mislabelled = 0.005;

/**
 * A stream of questions without a model: each answer has a middle somewhere on the sphere, or near that of its twin, which
 * asks for something else in nearly the same words; each question lies around the middle of its answer.
 */
export function syntheticQuestions({ answers, queries, apart, random }: World): readonly Query[] {
  const middles: Float32Array[] = [];
  for (let answer = 0; answer < answers; answer++) {
    const twin = middles[answer - 1];
    const isTwin = answer % 2 === 1 && twin !== undefined;
    middles.push(isTwin ? near(twin, spread * apart, random) : direction(random));
  }
  return Array.from({ length: queries }, (_, at) => {
    const answer = Math.floor(random() * answers);
    const middle = middles[answer] ?? direction(random);
    // Some are said in nearly the same words as many before, some in words of their own.
    const vector = near(middle, spread * random(), random);
    const label = random() < mislabelled ? Math.floor(random() * answers) : answer;
    return { text: `question ${at}`, answer: String(label), normalForm: undefined, vector };
  });
}

function near(middle: Float32Array, distance: number, random: () => number): Float32Array {
  const away = direction(random);
  return unit(middle.map((value, at) => value + distance * (away[at] ?? 0)));
}

const direction = (random: () => number): Float32Array =>
  unit(Float32Array.from({ length: dimensions }, () => normal(random)));

/** Box and Muller's. */
const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

function unit(vector: Float32Array): Float32Array {
  const made = toUnitLength(vector);
  if (made === undefined) throw new Error("A vector of zeros has no direction.");
  return made;
}
