/** One line of `/metrics/prometheus`. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** An exemplar after the value has braces of its own. */
const line = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)(?: \d+)?(?: #.*)?$/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Reads the text format as far as Sentinel writes it. What is no sample is left out. */
export function readSamples(text: string): readonly Sample[] {
  return text.split("\n").flatMap((each) => {
    const [, name, inner = "", value] = line.exec(each) ?? [];
    if (name === undefined || value === undefined) return [];
    const labels = Object.fromEntries(
      [...inner.matchAll(label)].map(([, key = "", said = ""]) => [key, said]),
    );
    return [{ name, labels, value: Number(value.replace("Inf", "Infinity")) }];
  });
}

export type Labels = Readonly<Record<string, string>>;

export const sumOf = (samples: readonly Sample[], name: string, labels: Labels = {}): number =>
  samples.reduce((sum, sample) => (matches(sample, name, labels) ? sum + sample.value : sum), 0);

const matches = (sample: Sample, name: string, labels: Labels): boolean =>
  sample.name === name &&
  Object.entries(labels).every(([key, value]) => sample.labels[key] === value);

/**
 * A quantile of what a histogram took in between two readings, as Prometheus' `histogram_quantile` works it out: evenly
 * spread within a bucket. Undefined where nothing came in.
 */
export function quantileBetween(
  readings: Readings,
  histogram: Histogram,
  share: number,
): number | undefined {
  const buckets = bucketsBetween(readings, histogram);
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return undefined;
  const rank = share * total;
  let low: Bucket = { bound: 0, count: 0 };
  for (const bucket of buckets) {
    if (bucket.count < rank) {
      low = bucket;
      continue;
    }
    const inBucket = bucket.count - low.count;
    if (bucket.bound === Number.POSITIVE_INFINITY || inBucket === 0) return low.bound;
    return low.bound + ((bucket.bound - low.bound) * (rank - low.count)) / inBucket;
  }
  return low.bound;
}

interface Readings {
  readonly before: readonly Sample[];
  readonly after: readonly Sample[];
}

interface Histogram {
  readonly name: string;
  readonly labels?: Labels;
}

/** How many values lie below a bound. */
interface Bucket {
  readonly bound: number;
  readonly count: number;
}

function bucketsBetween(
  { before, after }: Readings,
  { name, labels = {} }: Histogram,
): readonly Bucket[] {
  const counts = new Map<number, number>();
  const add = (samples: readonly Sample[], sign: 1 | -1): void => {
    for (const sample of samples) {
      if (!matches(sample, `${name}_bucket`, labels)) continue;
      const bound = Number((sample.labels["le"] ?? "").replace("Inf", "Infinity"));
      counts.set(bound, (counts.get(bound) ?? 0) + sign * sample.value);
    }
  };
  add(after, 1);
  add(before, -1);
  const buckets = [...counts].map(([bound, count]) => ({ bound, count }));
  return buckets.sort((left, right) => left.bound - right.bound);
}
