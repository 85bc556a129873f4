import type { Interval } from "./interval.ts";
import { seededRandom } from "./seeded-random.ts";

export interface Bootstrap<Figures extends readonly (number | null)[]> {
  /** Of each thing that was seen, which kind it is of: those of one kind make no difference to the figures. */
  readonly kindOf: Uint32Array;
  readonly kinds: number;
  /** Works figures out from how often each kind came up. It must not keep what it is given. */
  readonly figures: (times: Uint32Array) => Figures;
  readonly resamples?: number | undefined;
  readonly seed?: number | undefined;
  readonly confidence?: number | undefined;
}

export const bootstrapDefaults = { resamples: 2_000, seed: 1, confidence: 0.95 } as const;

/**
 * The percentile intervals of figures that have no formula for their errors: as many things are drawn again from those
 * that were seen, many times, and the middle 95 % of what comes out is the interval. The same seed gives the same
 * intervals. (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13)
 *
 * None of fewer than two things, and null for a figure that is not defined in more than a tenth of the resamples: of
 * what is left, those that happened to be defined, an interval would say too much.
 */
export function bootstrapIntervals<const Figures extends readonly (number | null)[]>({
  kindOf,
  kinds,
  figures,
  resamples = bootstrapDefaults.resamples,
  seed = bootstrapDefaults.seed,
  confidence = bootstrapDefaults.confidence,
}: Bootstrap<Figures>): readonly (Interval | null)[] {
  if (kindOf.length < 2) return [];
  const random = seededRandom(seed);
  const times = new Uint32Array(kinds);
  const found: number[][] = [];
  for (let round = 0; round < resamples; round++) {
    draw(times, kindOf, random);
    for (const [at, figure] of figures(times).entries()) {
      const list = (found[at] ??= []);
      if (figure !== null) list.push(figure);
    }
  }
  return found.map((list) => intervalOf(list, { resamples, confidence }));
}

/** Nearly all the time goes by here: once a thing and resample, over a million times for a usual report. */
function draw(times: Uint32Array, kindOf: Uint32Array, random: () => number): void {
  times.fill(0);
  const size = kindOf.length;
  for (let drawn = 0; drawn < size; drawn++) {
    const kind = kindOf[Math.trunc(random() * size)] ?? 0;
    times[kind] = (times[kind] ?? 0) + 1;
  }
}

const definedShareMin = 0.9;

function intervalOf(
  figures: readonly number[],
  { resamples, confidence }: { readonly resamples: number; readonly confidence: number },
): Interval | null {
  if (figures.length === 0 || figures.length < resamples * definedShareMin) return null;
  const sorted = Float64Array.from(figures).sort();
  const tail = (1 - confidence) / 2;
  return { low: quantile(sorted, tail), high: quantile(sorted, 1 - tail) };
}

/** Between two of them in proportion: type 7 of Hyndman and Fan 1996, as R and NumPy do. */
export function quantile(sorted: Float64Array, probability: number): number {
  const place = probability * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
