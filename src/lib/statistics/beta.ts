/** The distribution of what a rate may be after `a - 1` hits and `b - 1` misses. */
export interface Beta {
  readonly a: number;
  readonly b: number;
}

const bisectionsMax = 60;

/** The rate below which the distribution holds this probability. */
export function betaQuantile(probability: number, beta: Beta): number {
  let low = 0;
  let high = 1;
  for (let step = 0; step < bisectionsMax; step++) {
    const middle = (low + high) / 2;
    if (betaBelow(middle, beta) < probability) low = middle;
    else high = middle;
  }
  return high;
}

/** The regularised incomplete beta function. (Numerical Recipes, third edition, 6.4) */
export function betaBelow(x: number, { a, b }: Beta): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const logFront =
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x);
  const front = Math.exp(logFront);
  // The fraction converges fast on one side of the mean only; the function is symmetric.
  if (x < (a + 1) / (a + b + 2)) return (front * continuedFraction(x, { a, b })) / a;
  return 1 - (front * continuedFraction(1 - x, { a: b, b: a })) / b;
}

const fractionTermsMax = 10_000;
const precision = 1e-14;
const tiniest = 1e-300;

const awayFromZero = (value: number): number => (Math.abs(value) < tiniest ? tiniest : value);

/** Lentz's method; the number of terms grows with the root of the greater parameter. */
function continuedFraction(x: number, { a, b }: Beta): number {
  let c = 1;
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let term = 1; term <= fractionTermsMax; term++) {
    const even = (term * (b - term) * x) / ((a + 2 * term - 1) * (a + 2 * term));
    d = 1 / awayFromZero(1 + even * d);
    c = awayFromZero(1 + even / c);
    result *= d * c;
    const odd = (-(a + term) * (a + b + term) * x) / ((a + 2 * term) * (a + 2 * term + 1));
    d = 1 / awayFromZero(1 + odd * d);
    c = awayFromZero(1 + odd / c);
    result *= d * c;
    if (Math.abs(d * c - 1) < precision) break;
  }
  return result;
}

/** Lanczos, g = 7, nine terms: right to about 15 digits. (P. Godfrey 2001) */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
] as const;

/** Of numbers from 1/2 up, which are all that is asked for here. */
function logGamma(value: number): number {
  const x = value - 1;
  let sum: number = lanczos[0];
  for (let term = 1; term < lanczos.length; term++) sum += (lanczos[term] ?? 0) / (x + term);
  const t = x + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(sum);
}
