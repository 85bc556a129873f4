/**
 * The numbers behind the series. They are on the path of every request, some of them several times: adding and
 * observing allocate nothing and cost some nanoseconds (`loadtests/micro/metrics.bench.ts`). None of them throws: a
 * figure that makes no sense is left out, because a request must not fail for its metrics.
 */

/** What a series shows when it is read. */
export type Reading =
  | { readonly kind: "number"; readonly value: number; /** Exact. */ readonly text: string }
  | HistogramReading;

export interface HistogramReading {
  readonly kind: "histogram";
  readonly buckets: readonly Bucket[];
  readonly sum: number;
  readonly count: number;
}

export interface Bucket {
  /** The last one's is `Infinity`. */
  readonly upperBound: number;
  /** Observations up to the bound, those of the buckets before included. */
  readonly cumulativeCount: number;
  readonly exemplar: Exemplar | undefined;
}

export interface Exemplar {
  readonly traceId: string;
  readonly value: number;
  readonly epochMs: number;
}

export interface Cell {
  read(): Reading;
}

export interface CounterCell extends Cell {
  /** Leaves out what is negative or no number: a counter that goes down looks like a restart. */
  inc(by?: number): void;
}

export interface GaugeCell extends Cell {
  set(value: number): void;
  inc(by?: number): void;
  dec(by?: number): void;
}

export interface HistogramCell extends Cell {
  /** The last exemplar of each bucket is kept. Its trace should be a sampled one, as others cannot be found. */
  observe(value: number, exemplarTraceId?: string): void;
}

export class PlainCounter implements CounterCell {
  #total = 0;

  inc(by = 1): void {
    if (by > 0 && by < Infinity) this.#total += by;
  }

  read(): Reading {
    return numberReading(this.#total);
  }
}

/** Two whole numbers below it can be added without losing a unit. */
const exactSumMax = 2 ** 52;

/**
 * A sum of whole units, such as nano-dollars, that stays exact however large it grows: what a number cannot hold
 * exactly is carried into a `bigint`.
 */
export class ExactCounter implements CounterCell {
  readonly #fractionDigits: number;
  #carried = 0n;
  #units = 0;

  /** The reading has so many decimals: nine where the units are 10⁻⁹. */
  constructor(fractionDigits: number) {
    this.#fractionDigits = fractionDigits;
  }

  inc(by = 1): void {
    if (!Number.isSafeInteger(by) || by < 0) return;
    if (by > exactSumMax) {
      this.#carried += BigInt(by);
      return;
    }
    this.#units += by;
    if (this.#units < exactSumMax) return;
    this.#carried += BigInt(this.#units);
    this.#units = 0;
  }

  read(): Reading {
    const text = decimalText(this.#carried + BigInt(this.#units), this.#fractionDigits);
    return { kind: "number", value: Number(text), text };
  }
}

export class Gauge implements GaugeCell {
  #value = 0;

  set(value: number): void {
    this.#value = value;
  }

  inc(by = 1): void {
    this.#value += by;
  }

  dec(by = 1): void {
    this.#value -= by;
  }

  read(): Reading {
    return numberReading(this.#value);
  }
}

export class Histogram implements HistogramCell {
  readonly #bounds: Float64Array;
  /** One more than bounds: the last is for what is above all of them. */
  readonly #counts: Float64Array;
  #sum = 0;
  #exemplars: ExemplarSlots | undefined;

  /** The bounds ascend; all the series of a family share them. */
  constructor(bounds: Float64Array) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number, exemplarTraceId?: string): void {
    if (!Number.isFinite(value)) return;
    const bounds = this.#bounds;
    // From the front: most observations are in the lower buckets, and there are about fifteen.
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? Infinity)) at++;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
    if (exemplarTraceId === undefined) return;
    this.#exemplars ??= newExemplarSlots(this.#counts.length);
    this.#exemplars.traceIds[at] = exemplarTraceId;
    this.#exemplars.values[at] = value;
    this.#exemplars.epochMs[at] = Date.now();
  }

  read(): HistogramReading {
    const buckets: Bucket[] = [];
    let count = 0;
    for (const [at, own] of this.#counts.entries()) {
      count += own;
      const upperBound = this.#bounds[at] ?? Infinity;
      buckets.push({ upperBound, cumulativeCount: count, exemplar: this.#exemplarAt(at) });
    }
    return { kind: "histogram", buckets, sum: this.#sum, count };
  }

  #exemplarAt(at: number): Exemplar | undefined {
    const traceId = this.#exemplars?.traceIds[at];
    if (traceId === undefined || this.#exemplars === undefined) return undefined;
    const { values, epochMs } = this.#exemplars;
    return { traceId, value: values[at] ?? 0, epochMs: epochMs[at] ?? 0 };
  }
}

/** Made with the first exemplar: most series never have one. */
interface ExemplarSlots {
  readonly traceIds: (string | undefined)[];
  readonly values: Float64Array;
  readonly epochMs: Float64Array;
}

function newExemplarSlots(length: number): ExemplarSlots {
  return {
    traceIds: new Array<string | undefined>(length).fill(undefined),
    values: new Float64Array(length),
    epochMs: new Float64Array(length),
  };
}

function numberReading(value: number): Reading {
  return { kind: "number", value, text: numberText(value) };
}

/** A number as Prometheus reads it: the shortest text that gives the same double. */
export function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function decimalText(units: bigint, fractionDigits: number): string {
  const digits = String(units).padStart(fractionDigits + 1, "0");
  const whole = digits.slice(0, digits.length - fractionDigits);
  const fraction = digits.slice(digits.length - fractionDigits);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
