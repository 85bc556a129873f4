import { numberText } from "./cells.ts";
import type { Exemplar } from "./cells.ts";
import type { FamilySnapshot, SeriesSnapshot } from "./snapshot.ts";

/** The two texts that Prometheus reads. OpenMetrics alone has exemplars. */
export type TextFormat = "prometheus" | "openmetrics";

/** https://prometheus.io/docs/instrumenting/exposition_formats/ and the OpenMetrics 1.0.0 specification. */
export const contentTypes: Readonly<Record<TextFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** One document with these families. Families without a series are left out: they say nothing. */
export function expositionText(families: Iterable<FamilySnapshot>, format: TextFormat): string {
  return [...expositionParts(families, format)].join("");
}

/** A part has about as many lines, which take a millisecond or two to write. */
const partLines = 1_000;

/**
 * The same document in parts, so that whoever writes it can let requests be served in between. Each family is
 * as it was at one moment; the moments of two families may differ.
 */
export function* expositionParts(
  families: Iterable<FamilySnapshot>,
  format: TextFormat,
): Generator<string, undefined, undefined> {
  let lines: string[] = [];
  for (const family of families) {
    if (family.series.length === 0) continue;
    lines.push(...titleLines(family, format));
    for (const series of family.series) {
      addSeries(lines, { family, series, format });
      if (lines.length < partLines) continue;
      yield textOf(lines);
      lines = [];
    }
  }
  if (format === "openmetrics") lines.push("# EOF");
  if (lines.length > 0) yield textOf(lines);
}

const textOf = (lines: readonly string[]): string => `${lines.join("\n")}\n`;

function titleLines({ name, help, type }: FamilySnapshot, format: TextFormat): readonly string[] {
  // In OpenMetrics a counter's family has no suffix, and its samples do.
  const isShort = format === "openmetrics" && type === "counter";
  const title = isShort ? name.replace(/_total$/, "") : name;
  return [`# HELP ${title} ${escapeHelp(help, format)}`, `# TYPE ${title} ${type}`];
}

interface SeriesLines {
  readonly family: FamilySnapshot;
  readonly series: SeriesSnapshot;
  readonly format: TextFormat;
}

function addSeries(lines: string[], { family, series, format }: SeriesLines): void {
  const { name } = family;
  const { labelText, reading } = series;
  const labels = labelText === "" ? "" : `{${labelText}}`;
  if (reading.kind === "number") {
    lines.push(`${name}${labels} ${reading.text}`);
    return;
  }
  const before = labelText === "" ? "" : `${labelText},`;
  for (const { upperBound, cumulativeCount, exemplar } of reading.buckets) {
    const suffix = exemplar === undefined || format === "prometheus" ? "" : exemplarText(exemplar);
    const bound = boundText(upperBound);
    lines.push(`${name}_bucket{${before}le="${bound}"} ${cumulativeCount}${suffix}`);
  }
  lines.push(`${name}_sum${labels} ${numberText(reading.sum)}`);
  lines.push(`${name}_count${labels} ${reading.count}`);
}

/**
 * As a number with a point: `1.0`. OpenMetrics asks for it and Prometheus 3 makes it so, so that the series are the same
 * whichever format was scraped, by whichever version.
 */
export function boundText(bound: number): string {
  const text = numberText(bound);
  return Number.isInteger(bound) && !text.includes("e") ? `${text}.0` : text;
}

function exemplarText({ traceId, value, epochMs }: Exemplar): string {
  return ` # {trace_id="${traceId}"} ${numberText(value)} ${(epochMs / 1_000).toFixed(3)}`;
}

/** OpenMetrics escapes quotes too. */
function escapeHelp(help: string, format: TextFormat): string {
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return format === "openmetrics" ? escaped.replaceAll('"', '\\"') : escaped;
}
