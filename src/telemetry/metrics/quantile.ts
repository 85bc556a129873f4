import type { Bucket, HistogramReading } from "./cells.ts";

/**
 * An estimate of a quantile (0 to 1), as PromQL's `histogram_quantile` makes it: by a straight line within the
 * bucket. Undefined where nothing was observed, and where it lies above the last bound: how far, nobody knows.
 */
export function quantileOf(reading: HistogramReading, quantile: number): number | undefined {
  if (reading.count === 0) return undefined;
  const rank = quantile * reading.count;
  let lower: Pick<Bucket, "upperBound" | "cumulativeCount"> = { upperBound: 0, cumulativeCount: 0 };
  for (const bucket of reading.buckets) {
    const own = bucket.cumulativeCount - lower.cumulativeCount;
    if (own > 0 && bucket.cumulativeCount >= rank) {
      if (bucket.upperBound === Infinity) return undefined;
      const share = (rank - lower.cumulativeCount) / own;
      const estimate = lower.upperBound + (bucket.upperBound - lower.upperBound) * share;
      return Math.min(estimate, bucket.upperBound); // Not a rounding error above it.
    }
    lower = bucket;
  }
  return undefined;
}

/** What all these series of one family observed, together. */
export function sumOfHistograms(readings: readonly HistogramReading[]): HistogramReading {
  const [first] = readings;
  if (first === undefined) return { kind: "histogram", buckets: [], sum: 0, count: 0 };
  const buckets = first.buckets.map(({ upperBound }, at) => {
    const counts = readings.map((reading) => reading.buckets[at]?.cumulativeCount ?? 0);
    return { upperBound, cumulativeCount: total(counts), exemplar: undefined };
  });
  return {
    kind: "histogram",
    buckets,
    sum: total(readings.map(({ sum }) => sum)),
    count: total(readings.map(({ count }) => count)),
  };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
