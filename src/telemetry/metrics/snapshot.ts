import type { Reading } from "./cells.ts";

export type MetricType = "counter" | "gauge" | "histogram";

/** A family as it is at one moment: what the formats are written from. */
export interface FamilySnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly labelNames: readonly string[];
  readonly series: readonly SeriesSnapshot[];
}

export interface SeriesSnapshot {
  readonly labelValues: readonly string[];
  /** The labels as both formats write them, without braces. */
  readonly labelText: string;
  readonly reading: Reading;
}
