/** What is left of many numbers for a mean and its error. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Of the sample: divided by count - 1; 0 for a single number. */
  readonly variance: number;
}

/** Null of nothing. */
export function momentsOf(values: readonly number[]): Moments | null {
  const count = values.length;
  if (count === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, variance: count === 1 ? 0 : squares / (count - 1) };
}
