import type { Cell } from "./cells.ts";
import { otherValue } from "./label.ts";
import type { Label, LabelValues } from "./label.ts";
import { labelText } from "./label-text.ts";
import type { FamilySnapshot, MetricType } from "./snapshot.ts";

export interface FamilyOptions<Labels extends readonly Label[], Kind extends Cell> {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly labels: Labels;
  readonly seriesMax: number;
  /**
   * What a series stands for whose open labels are `_other`. `shown`: all that it counts, together. `hidden`: it is
   * never exposed, as for a gauge that is set: one tenant's budget, shown as that of all others, would be a lie.
   */
  readonly others: "shown" | "hidden";
  readonly newCell: () => Kind;
  /** Called each time a series is asked for that there is no room for. */
  readonly onOverflow: () => void;
}

interface Series<Kind extends Cell> {
  readonly values: readonly string[];
  /** `tenant="acme",model="fast"`, written once. */
  readonly text: string;
  readonly cell: Kind;
}

/** A tree, one level a label: names are looked up one by one, several times faster than a key made of them all. */
interface Branch<Kind extends Cell> {
  readonly branches: Map<string, Branch<Kind>>;
  series: Series<Kind> | undefined;
}

/** Between the values of a key: half a character, which no value has once it is well-formed. */
const separator = "\ud800";

/** Most combinations of many never occur, and every scrape would carry them. */
const declaredMax = 40;

const countOf = (choices: readonly (readonly string[])[]): number =>
  choices.reduce((count, { length }) => count * length, 1);

/** One metric, and its series by the values of their labels. `with` may run several times per request. */
export class Family<const Labels extends readonly Label[], Kind extends Cell> {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly labelNames: readonly string[];
  readonly #options: FamilyOptions<Labels, Kind>;
  readonly #root: Branch<Kind> = { branches: new Map(), series: undefined };
  readonly #series: Series<Kind>[] = [];
  readonly #overflow = new Map<string, Series<Kind>>();

  /** Where all labels have closed values, and not too many together, the series exist from the start, at zero. */
  constructor(options: FamilyOptions<Labels, Kind>) {
    this.#options = options;
    this.name = options.name;
    this.help = options.help;
    this.type = options.type;
    this.labelNames = options.labels.map(({ name }) => name);
    const closed = options.labels.map(({ closedValues }) => closedValues);
    if (closed.every((values) => values !== undefined) && countOf(closed) <= declaredMax) {
      this.#declareAll(closed);
    }
  }

  /** The series with these values, in the order of the labels; made if there is none yet. */
  with(...values: LabelValues<Labels>): Kind {
    return this.#cellOf(values);
  }

  /** Makes the series of every combination, so that they exist at zero before something happens. */
  declare(
    ...choices: {
      readonly [Index in keyof Labels]: Labels[Index] extends Label<infer Value>
        ? readonly Value[]
        : never;
    }
  ): void {
    this.#declareAll(choices);
  }

  /** Forgets every series, for gauges that are all set anew. Who kept a cell has one that nobody reads. */
  clear(): void {
    this.#root.branches.clear();
    this.#root.series = undefined;
    this.#series.length = 0;
    this.#overflow.clear();
  }

  snapshot(): FamilySnapshot {
    const { name, help, type, labelNames } = this;
    const exposed = [...this.#series];
    if (this.#options.others === "shown") exposed.push(...this.#overflow.values());
    const series = exposed.map(({ values, text, cell }) => ({
      labelValues: values,
      labelText: text,
      reading: cell.read(),
    }));
    return { name, help, type, labelNames, series };
  }

  #cellOf(values: readonly string[]): Kind {
    return this.#find(values)?.cell ?? this.#missing(values);
  }

  #find(values: readonly string[]): Series<Kind> | undefined {
    let branch: Branch<Kind> | undefined = this.#root;
    for (const value of values) {
      branch = branch.branches.get(value);
      if (branch === undefined) return undefined;
    }
    return branch.series;
  }

  #missing(unchecked: readonly string[]): Kind {
    // Half a character cannot be written: what is shown, and therefore counted apart, is the text without it.
    const values = unchecked.map((value) => value.toWellFormed());
    const known = this.#find(values);
    if (known !== undefined) return known.cell;
    if (this.#options.others === "hidden" && this.#hasOther(values)) {
      return this.#overflowCell(values);
    }
    if (this.#series.length < this.#options.seriesMax) return this.#add(values);
    this.#options.onOverflow();
    return this.#overflowCell(values);
  }

  /**
   * The series that stands in where there is no room: open labels are `_other`, closed ones stay. There are
   * therefore at most as many as combinations of closed values (and of HTTP statuses that really occur).
   */
  #overflowCell(values: readonly string[]): Kind {
    const kept = this.#options.labels.map(({ isKeptInOverflow }, at) => {
      const value = values[at] ?? otherValue;
      return isKeptInOverflow(value) ? value : otherValue;
    });
    // A label's own cap may have made the same series before the family was full: there must not be two.
    const shown = this.#find(kept);
    if (shown !== undefined) return shown.cell;
    const key = kept.join(separator);
    const series = this.#overflow.get(key) ?? this.#newSeries(kept);
    this.#overflow.set(key, series);
    return series.cell;
  }

  #add(values: readonly string[]): Kind {
    const series = this.#newSeries(values);
    let branch = this.#root;
    for (const value of values) {
      const next = branch.branches.get(value) ?? { branches: new Map(), series: undefined };
      branch.branches.set(value, next);
      branch = next;
    }
    branch.series = series;
    this.#series.push(series);
    return series.cell;
  }

  #newSeries(values: readonly string[]): Series<Kind> {
    return { values, text: labelText(this.labelNames, values), cell: this.#options.newCell() };
  }

  #hasOther(values: readonly string[]): boolean {
    return this.#options.labels.some(
      ({ closedValues }, at) => closedValues === undefined && values[at] === otherValue,
    );
  }

  #declareAll(choices: readonly (readonly string[])[]): void {
    let combinations: readonly (readonly string[])[] = [[]];
    for (const choice of choices) {
      combinations = combinations.flatMap((values) => choice.map((value) => [...values, value]));
    }
    for (const values of combinations) this.#cellOf(values);
  }
}
