import { betaQuantile } from "./beta.ts";
import { standardErrors } from "./interval.ts";
import type { Confidence } from "./interval.ts";

/** From so many on the normal distribution is as good, to 1.3 %. */
const countMax = 100;
const known = new Map<string, number>();

/**
 * So many estimated standard errors to each side of the mean of `count` numbers (two at least) hold the true one that often: of few
 * numbers more than of many, as their spread is not known either. (Student 1908, "The probable error of a mean")
 */
export function errorsAround(count: number, confidence: Confidence): number {
  if (count > countMax) return standardErrors(confidence);
  const name = `${count} ${confidence}`;
  const found = known.get(name) ?? quantile(count - 1, confidence);
  known.set(name, found);
  return found;
}

/** With f degrees of freedom, f / (f + t²) is spread as Beta(f / 2, 1 / 2). */
function quantile(freedom: number, confidence: Confidence): number {
  const share = betaQuantile(1 - confidence, { a: freedom / 2, b: 0.5 });
  return Math.sqrt(freedom * (1 / share - 1));
}
