import type { Reading } from "./cells.ts";
import { boundText } from "./exposition.ts";
import type { FamilySnapshot } from "./snapshot.ts";

/**
 * The families as the text of an object by name, in parts, so that others have their turn between them. `{ type, help, series }`, each series `{ labels, value }`, or for a histogram
 * `{ labels, count, sum, buckets }` with cumulative counts by upper bound. What JSON has no number for is null.
 */
export function* familiesJson(families: Iterable<FamilySnapshot>): Iterable<string> {
  let before = "{";
  for (const { name, type, help, labelNames, series } of families) {
    if (series.length === 0) continue;
    const family = {
      type,
      help,
      series: series.map(({ labelValues, reading }) => ({
        labels: Object.fromEntries(labelNames.map((label, at) => [label, labelValues[at] ?? ""])),
        ...readingJson(reading),
      })),
    };
    yield `${before}${JSON.stringify(name)}:${JSON.stringify(family)}`;
    before = ",";
  }
  yield before === "{" ? "{}" : "}";
}

function readingJson(reading: Reading): object {
  if (reading.kind === "number") return { value: finite(reading.value) };
  const buckets = reading.buckets.map(
    ({ upperBound, cumulativeCount }) => [boundText(upperBound), cumulativeCount] as const,
  );
  return { count: reading.count, sum: finite(reading.sum), buckets: Object.fromEntries(buckets) };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
