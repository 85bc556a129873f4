import { ExactCounter, Gauge, Histogram, PlainCounter } from "./cells.ts";
import type { CounterCell, GaugeCell, HistogramCell } from "./cells.ts";
import { Collectors } from "./collectors.ts";
import type { Collect } from "./collectors.ts";
import { Family } from "./family.ts";
import type { Label } from "./label.ts";
import type { FamilySnapshot } from "./snapshot.ts";

export type CounterFamily<Labels extends readonly Label[]> = Family<Labels, CounterCell>;
export type GaugeFamily<Labels extends readonly Label[]> = Family<Labels, GaugeCell>;
export type HistogramFamily<Labels extends readonly Label[]> = Family<Labels, HistogramCell>;

export interface MetricOptions<Labels extends readonly Label[]> {
  /** In full, with prefix and unit; a counter's ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labels: Labels;
  readonly seriesMax?: number;
}

export interface CounterOptions<Labels extends readonly Label[]> extends MetricOptions<Labels> {
  /** Given: cells count whole units of 10⁻ⁿ, and what is shown is exact to the last of them. */
  readonly fractionDigits?: number;
}

export interface GaugeOptions<Labels extends readonly Label[]> extends MetricOptions<Labels> {
  /** `hidden` for gauges that are set: see `FamilyOptions`. */
  readonly others?: "shown" | "hidden";
}

export interface HistogramOptions<Labels extends readonly Label[]> extends MetricOptions<Labels> {
  /** Upper bounds of the buckets, ascending, in the metric's unit; the one for all the rest is added. */
  readonly bounds: readonly number[];
}

export interface RegistryOptions {
  /** A family was asked for a series that it has no room for. */
  readonly onSeriesOverflow: (family: string) => void;
  /** Something that brings figures up to date before they are read has failed or takes too long. */
  readonly onCollectFailure: (error: unknown) => void;
}

/** Of one family. At the bound, new combinations are counted in series whose open labels are `_other`. */
export const seriesMaxDefault = 10_000;
/** Of one histogram, whose series are some fifteen lines each. */
export const histogramSeriesMaxDefault = 2_000;

/** All families of metrics, and what brings them up to date before they are read. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #families = new Map<string, { snapshot(): FamilySnapshot }>();
  readonly #sources: (() => readonly FamilySnapshot[])[] = [];
  readonly #collectors: Collectors;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#collectors = new Collectors(options.onCollectFailure);
  }

  counter<const Labels extends readonly Label[]>(
    options: CounterOptions<Labels>,
  ): CounterFamily<Labels> {
    const { fractionDigits } = options;
    const newCell = (): CounterCell =>
      fractionDigits === undefined ? new PlainCounter() : new ExactCounter(fractionDigits);
    return this.#family<Labels, CounterCell>(options, { type: "counter", newCell });
  }

  gauge<const Labels extends readonly Label[]>(options: GaugeOptions<Labels>): GaugeFamily<Labels> {
    const newCell = (): GaugeCell => new Gauge();
    const { others } = options;
    return this.#family<Labels, GaugeCell>(options, { type: "gauge", newCell, others });
  }

  histogram<const Labels extends readonly Label[]>(
    options: HistogramOptions<Labels>,
  ): HistogramFamily<Labels> {
    const bounds = Float64Array.from(options.bounds);
    const newCell = (): HistogramCell => new Histogram(bounds);
    const seriesMax = options.seriesMax ?? histogramSeriesMaxDefault;
    return this.#family<Labels, HistogramCell>(
      { ...options, seriesMax },
      { type: "histogram", newCell },
    );
  }

  /** `collect` runs before figures are read. One that fails or takes too long costs its own figures only. */
  onCollect(collect: Collect): void {
    this.#collectors.add(collect);
  }

  /** Brings all figures up to date; never rejects. */
  collect(): Promise<void> {
    return this.#collectors.run();
  }

  /** Families that are kept elsewhere, shown after those of the registry. */
  addSource(read: () => readonly FamilySnapshot[]): void {
    this.#sources.push(read);
  }

  /** As they are now; `collect` comes first. */
  *snapshots(): Iterable<FamilySnapshot> {
    for (const family of this.#families.values()) yield family.snapshot();
    for (const read of this.#sources) yield* read();
  }

  #family<Labels extends readonly Label[], Kind extends CounterCell | GaugeCell | HistogramCell>(
    options: MetricOptions<Labels>,
    kind: {
      readonly type: "counter" | "gauge" | "histogram";
      readonly newCell: () => Kind;
      readonly others?: "shown" | "hidden" | undefined;
    },
  ): Family<Labels, Kind> {
    const { name, help, labels, seriesMax = seriesMaxDefault } = options;
    if (this.#families.has(name)) throw new Error(`There are two metrics named ${name}`);
    const family = new Family<Labels, Kind>({
      name,
      help,
      labels,
      seriesMax,
      type: kind.type,
      others: kind.others ?? "shown",
      newCell: kind.newCell,
      onOverflow: () => this.#options.onSeriesOverflow(name),
    });
    this.#families.set(name, family);
    return family;
  }
}
