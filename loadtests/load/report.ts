import { percentile } from "../harness/percentile.ts";
import type { GatewaySaid } from "./gateway-metrics.ts";
import { refusedCount, type Measured } from "./measured.ts";
import type { Expectation, LoadSize } from "./scenario.ts";

/** All that is known of a scenario that was run. */
export interface ScenarioReport {
  readonly scenario: string;
  readonly model: string;
  readonly size: LoadSize;
  readonly measured: Measured;
  readonly gateway:
    | { readonly kind: "read"; readonly said: GatewaySaid }
    | { readonly kind: "unread"; readonly reason: string };
  readonly expectations: readonly Expectation[];
}

/** A line of a report: what, and how much. */
export interface Row {
  readonly what: string;
  readonly value: string;
}

export const isMet = ({ expectations }: Pick<ScenarioReport, "expectations">): boolean =>
  expectations.every((expectation) => expectation.isMet);

/** What goes into a table, on the terminal and in Markdown alike. */
export function rowsOf(report: ScenarioReport): readonly Row[] {
  const { measured, gateway } = report;
  const { answeredCount, elapsedSeconds, errorCount, severalAttemptsCount } = measured;
  return [
    { what: "answers", value: `${answeredCount} in ${elapsedSeconds.toFixed(1)} s` },
    { what: "rate", value: `${perSecond(answeredCount, elapsedSeconds)} a second` },
    timesRow("latency of good answers", measured.latenciesMs),
    ...(measured.firstByteMs === undefined
      ? []
      : [timesRow("until the first byte", measured.firstByteMs)]),
    ...(measured.gapsMs === undefined ? [] : [timesRow("between two reads", measured.gapsMs)]),
    { what: "statuses", value: countsOf(measured.statuses) },
    { what: "not 2xx", value: shareOf(refusedCount(measured), answeredCount) },
    { what: "connection errors, cut or late answers", value: String(errorCount) },
    { what: "cache, by the answers' headers", value: countsOf(measured.cache) },
    { what: "answers that took several attempts", value: String(severalAttemptsCount) },
    ...(gateway.kind === "read"
      ? gatewayRows(gateway.said)
      : [{ what: "the gateway's metrics", value: `not read: ${gateway.reason}` }]),
    ...measured.notes.map((value) => ({ what: "noted", value })),
    ...measured.faults.map((value) => ({ what: "wrong", value })),
  ];
}

function gatewayRows(said: GatewaySaid): readonly Row[] {
  const { overheadP50Ms: p50, overheadP99Ms: p99 } = said;
  const overhead = `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`;
  return [
    { what: "gateway: its own part of the time", value: overhead },
    { what: "gateway: cache hits of look-ups", value: shareOf(said.cacheHits, said.cacheLookups) },
    { what: "gateway: tokens", value: `${said.inputTokens} in, ${said.outputTokens} out` },
    {
      what: "gateway: cost, saved",
      value: `US$ ${said.costUsd.toFixed(4)}, US$ ${said.savedUsd.toFixed(4)}`,
    },
    {
      what: "gateway: retries, fallbacks, refused by limits",
      value: `${said.retries}, ${said.fallbacks}, ${said.limitRejections}`,
    },
  ];
}

const shownPercentiles = [50, 90, 95, 99, 99.9] as const;

function timesRow(what: string, eachMs: readonly number[]): Row {
  if (eachMs.length === 0) return { what, value: "none" };
  const parts = shownPercentiles.map(
    (each) => `p${each} ${milliseconds(percentile(eachMs, each / 100))}`,
  );
  return { what, value: [...parts, `most ${milliseconds(percentile(eachMs, 1))}`].join("  ") };
}

const milliseconds = (value: number | undefined): string =>
  value === undefined ? "–" : `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;

const perSecond = (count: number, seconds: number): string =>
  seconds === 0 ? "0" : (count / seconds).toFixed(count / seconds < 10 ? 1 : 0);

const shareOf = (count: number, total: number): string =>
  `${count}${total === 0 ? "" : ` (${((count / total) * 100).toFixed(2)} %)`}`;

function countsOf(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${name}: ${count}`);
  return parts.length === 0 ? "none" : parts.join("  ");
}

export function terminalReport(report: ScenarioReport): string {
  const rows = rowsOf(report);
  const width = Math.max(...rows.map(({ what }) => what.length));
  const lines = rows.map(({ what, value }) => `  ${what.padEnd(width)}  ${value}`);
  const expected = report.expectations.map(
    ({ says, isMet: met }) => `  ${met ? "ok    " : "FAILED"}  ${says}`,
  );
  return [titleOf(report), "", ...lines, "", ...expected].join("\n");
}

export function markdownReport(reports: readonly ScenarioReport[], heading: string): string {
  const sections = reports.map((report) => {
    const rows = rowsOf(report).map(({ what, value }) => `| ${what} | ${value} |`);
    const expected = report.expectations.map(
      ({ says, isMet: met }) => `- ${met ? "ok" : "**failed**"}: ${says}`,
    );
    return [
      `## ${titleOf(report)}`,
      "",
      "| | |",
      "| --- | --- |",
      ...rows,
      "",
      ...expected,
      "",
    ].join("\n");
  });
  return [`# Load: ${heading}`, "", ...sections].join("\n");
}

/** Everything but the single times, of which there may be millions. */
export function jsonReport(reports: readonly ScenarioReport[], heading: string): string {
  const scenarios = reports.map(({ measured, ...report }) => {
    const { latenciesMs, firstByteMs, gapsMs, ...counts } = measured;
    const times = {
      latency_ms: percentilesOf(latenciesMs),
      ...(firstByteMs === undefined ? {} : { first_byte_ms: percentilesOf(firstByteMs) }),
      ...(gapsMs === undefined ? {} : { gap_ms: percentilesOf(gapsMs) }),
    };
    return { ...report, is_met: isMet(report), measured: { ...counts, ...times } };
  });
  return `${JSON.stringify({ load: heading, scenarios }, null, 2)}\n`;
}

function percentilesOf(eachMs: readonly number[]): Record<string, number> | null {
  if (eachMs.length === 0) return null;
  const shown = shownPercentiles.map(
    (each) => [`p${each}`, percentile(eachMs, each / 100)] as const,
  );
  return Object.fromEntries([...shown, ["most", percentile(eachMs, 1)]]);
}

function titleOf({ scenario, model, size }: ScenarioReport): string {
  const rate = size.ratePerSecond === undefined ? "" : `, ${size.ratePerSecond} a second`;
  return `${scenario}: ${model}, ${size.connections} connections${rate}, ${size.seconds} s`;
}
