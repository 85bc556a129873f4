import type { Measurement, Percentiles } from "./measure.ts";
import type { Round } from "./run-rounds.ts";
import type { Scenario } from "./scenario.ts";
import { limitName } from "./targets.ts";

type Column = readonly [heading: string, cell: string];

/** A table of one scenario: a row a target, each figure as "median (least–most)" over the rounds. */
export function reportTable(scenario: Scenario, rounds: readonly Round[]): string {
  const names = [...(rounds[0]?.byTarget.keys() ?? [])];
  const rows = names.map((name) => rowOf(name, scenario, rounds));
  const headings = rows[0]?.map(([heading]) => heading) ?? [];
  const cells = rows.map((row) => row.map(([, cell]) => cell));
  const lines = table([headings, headings.map(() => "---"), ...cells]);
  return [
    `## ${scenario.name}`,
    "",
    ...lines,
    ...directLines(rounds),
    ...doubtLines(scenario, rounds),
    "",
  ].join("\n");
}

function rowOf(name: string, scenario: Scenario, rounds: readonly Round[]): Column[] {
  const pairs = rounds.flatMap((round) => {
    const own = round.byTarget.get(name);
    return own === undefined ? [] : [{ own, round }];
  });
  const spreadOf = (pick: (own: Measurement, round: Round) => number, digits: number) =>
    spread(
      pairs.map(({ own, round }) => pick(own, round)),
      digits,
    );
  const hasChunks = pairs.some(({ own }) => own.chunksPerStream !== undefined);
  return [
    ["target", name],
    [`CPU µs per ${scenario.unit}`, spreadOf((own) => own.cpuMicrosecondsEach, 1)],
    [`× ${limitName}`, spreadOf(ratioToLimit, 2)],
    [`${scenario.unit}s per s`, spreadOf((own) => own.perSecond, 0)],
    ["core busy %", spreadOf((own) => own.busyShare * 100, 0)],
    ...timeColumns(scenario, pairs),
    ...(hasChunks
      ? [["reads per stream", spreadOf((own) => own.chunksPerStream ?? Number.NaN, 1)] as const]
      : []),
    ["upstream calls", spreadOf((own) => own.upstreamCallsEach, 2)],
    ["failed", String(pairs.reduce((sum, { own }) => sum + own.failedCount, 0))],
  ];
}

function timeColumns(
  { times }: Scenario,
  pairs: readonly { own: Measurement; round: Round }[],
): Column[] {
  const label = times === "added" ? "added ms" : "ms";
  const names = pairs[0]?.own.percentiles.map(({ name }) => name) ?? [];
  return names.flatMap((name) => {
    const times = pairs.map(({ own, round }) => {
      const mine = find(own.percentiles, name);
      const direct = find(round.direct, name);
      return {
        p50Ms: (mine?.p50Ms ?? Number.NaN) - (direct?.p50Ms ?? 0),
        p99Ms: (mine?.p99Ms ?? Number.NaN) - (direct?.p99Ms ?? 0),
      };
    });
    const p50 = times.map(({ p50Ms }) => p50Ms);
    const p99 = times.map(({ p99Ms }) => p99Ms);
    return [
      [`${name} p50 ${label}`, spread(p50, 2)],
      [`${name} p99 ${label}`, spread(p99, 2)],
    ] satisfies Column[];
  });
}

/** Both figures of the ratio come from the same round. */
function ratioToLimit(own: Measurement, round: Round): number {
  const limit = round.byTarget.get(limitName)?.cpuMicrosecondsEach ?? Number.NaN;
  return own.cpuMicrosecondsEach / limit;
}

function directLines(rounds: readonly Round[]): string[] {
  const names = rounds[0]?.direct.map(({ name }) => name) ?? [];
  return names.map((name) => {
    const each = rounds.flatMap((round) => find(round.direct, name) ?? []);
    const p50 = each.map(({ p50Ms }) => p50Ms);
    const p99 = each.map(({ p99Ms }) => p99Ms);
    return `without a gateway: ${name} p50 ${spread(p50, 2)} ms, p99 ${spread(p99, 2)} ms`;
  });
}

const fullCoreShare = 0.9;

function doubtLines({ load }: Scenario, rounds: readonly Round[]): string[] {
  const measurements = rounds.flatMap(({ byTarget }) => [...byTarget.values()]);
  const idle = measurements.filter(({ busyShare }) => busyShare < fullCoreShare);
  if (load === "partial" || idle.length === 0) return [];
  return [
    `doubtful: in ${idle.length} of ${measurements.length} runs the target's core was busy less than ${fullCoreShare * 100} %. The driver or a neighbour held it back, and an unfilled core spends more per request.`,
  ];
}

function find(percentiles: readonly Percentiles[], name: string): Percentiles | undefined {
  return percentiles.find((candidate) => candidate.name === name);
}

/** `median (least–most)`. */
export function spread(values: readonly number[], digits: number): string {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = median(sorted);
  if (middle === undefined) return "–";
  const [least = middle, most = middle] = [sorted[0], sorted.at(-1)];
  return `${middle.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}

/** A Markdown table whose columns line up in a terminal too. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) =>
      cell.padEnd(widths[column] ?? 0, cell === "---" ? "-" : " "),
    );
    return `| ${cells.join(" | ")} |`;
  });
}
