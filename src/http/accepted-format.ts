import type { TextFormat } from "../telemetry/metrics/exposition.ts";

export type MetricsFormat = TextFormat | "json";

/** One media range of `Accept`, such as `text/plain;version=0.0.4;q=0.5`. */
interface MediaRange {
  readonly type: string;
  readonly version: string | undefined;
  readonly quality: number;
}

const mediaTypes: Readonly<
  Record<MetricsFormat, { readonly type: string; readonly version?: string }>
> = {
  prometheus: { type: "text/plain", version: "0.0.4" },
  openmetrics: { type: "application/openmetrics-text", version: "1.0.0" },
  json: { type: "application/json" },
};

/** A longer header is cut: nobody needs so many ranges. */
const acceptLengthMax = 2_000;

/**
 * Which of the formats the client wants most (RFC 9110, 12.5.1). What it names beats what a wildcard covers at the
 * same weight, and then the one that is offered first; that one also where it wants none of them.
 */
export function acceptedFormat<Format extends MetricsFormat>(
  accept: string | undefined,
  offered: readonly [Format, ...Format[]],
): Format {
  const ranges = (accept ?? "*/*").slice(0, acceptLengthMax).split(",").map(parseRange);
  let best = offered[0];
  let bestScore = 0;
  for (const format of offered) {
    const score = scoreOf(format, ranges);
    if (score <= bestScore) continue;
    best = format;
    bestScore = score;
  }
  return best;
}

/** Weight first; how exactly it was named breaks ties, being less than weights' steps of a thousandth. */
function scoreOf(format: MetricsFormat, ranges: readonly MediaRange[]): number {
  let precisest = 0;
  let quality = 0;
  for (const range of ranges) {
    const precision = precisionOf(range, mediaTypes[format]);
    if (precision === 0 || precision < precisest) continue;
    quality = precision === precisest ? Math.max(quality, range.quality) : range.quality;
    precisest = precision;
  }
  return quality === 0 ? 0 : quality + precisest / 10_000;
}

/** 0: does not cover the format. A range for another version of it does not. */
function precisionOf(
  range: MediaRange,
  { type, version }: { type: string; version?: string },
): number {
  if (range.type === "*/*") return 1;
  if (range.type === `${type.slice(0, type.indexOf("/"))}/*`) return 2;
  if (range.type !== type) return 0;
  return range.version === undefined || range.version === version ? 3 : 0;
}

function parseRange(text: string): MediaRange {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const valueOf = (name: string): string | undefined =>
    parameters
      .find((parameter) => parameter.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .replaceAll('"', "");
  const quality = Number(valueOf("q") ?? "1");
  const isQuality = quality >= 0 && quality <= 1;
  return { type, version: valueOf("version"), quality: isQuality ? quality : 0 };
}
