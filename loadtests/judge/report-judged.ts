import type { Interval } from "../../src/lib/statistics/interval.ts";
import { spread, table } from "../harness/report.ts";
import type { JudgedTurn } from "./measure-judged.ts";
import { baseline } from "./policies.ts";
import { movedBy, pooled, slowMs } from "./pooled.ts";
import type { Pooled, TimesByRound } from "./pooled.ts";

/** The turns of one round. */
export type JudgedRound = readonly JudgedTurn[];

/**
 * Two tables with a row for each policy: what users waited, and what it took. "+" columns are differences to the turns
 * without a policy in the same rounds, of times with the 95 % interval; in the row `none again` they are the noise.
 */
export function reportJudged(title: string, rounds: readonly JudgedRound[]): string {
  const names = new Set(rounds.flatMap((round) => round.map(({ share }) => share.name)));
  const waited = [...names].map((name) => rowOf(name, timesOf(name, rounds)));
  const worked = [...names].map((name) => rowOf(name, workOf(pairsOf(name, rounds))));
  return [`## ${title}`, "", ...linesOf(waited), "", ...linesOf(worked), ""].join("\n");
}

function linesOf(rows: readonly (readonly Column[])[]): readonly string[] {
  const headings = rows[0]?.map(([heading]) => heading) ?? [];
  const cells = rows.map((row) => row.map(([, cell]) => cell));
  return table([headings, headings.map(() => "---"), ...cells]);
}
type Column = readonly [heading: string, cell: string];

interface Pair {
  readonly own: JudgedTurn;
  readonly without: JudgedTurn;
}

function pairsOf(name: string, rounds: readonly JudgedRound[]): readonly Pair[] {
  return rounds.flatMap((round) => {
    const own = round.find(({ share }) => share.name === name);
    const without = round.find(({ share }) => share.name === baseline);
    return own === undefined || without === undefined ? [] : [{ own, without }];
  });
}

const rowOf = (name: string, columns: readonly Column[]): readonly Column[] => [
  ["judged", name],
  ...columns,
];

function timesOf(name: string, rounds: readonly JudgedRound[]): readonly Column[] {
  const turnsOf = (own: string): readonly JudgedTurn[] =>
    rounds.flatMap((round) => round.filter(({ share }) => share.name === own));
  const times = (own: string): TimesByRound => turnsOf(own).map(({ eachMs }) => eachMs);
  const own = pooled(times(name));
  const before = pooled(times(baseline));
  const moved = name === baseline ? undefined : movedBy(times(name), times(baseline));
  const failedCount = turnsOf(name).reduce((sum, turn) => sum + turn.failedCount, 0);
  const columns = figures.flatMap(([figure, heading]): Column[] => {
    const more = (own[figure] - before[figure]).toFixed(2);
    return [
      [heading, own[figure].toFixed(2)],
      ["+", moved === undefined ? "–" : `${more} ${intervalText(moved[figure])}`],
    ];
  });
  return [
    ["answers", String(times(name).flat().length)],
    ...columns,
    ["failed", String(failedCount)],
  ];
}

const figures = [
  ["p50Ms", "p50 ms"],
  ["p95Ms", "p95 ms"],
  ["p99Ms", "p99 ms"],
  ["slowPercent", `over ${slowMs} ms, %`],
] as const satisfies readonly (readonly [keyof Pooled, string])[];

const intervalText = (interval: Interval | null): string =>
  interval ? `(${interval.low.toFixed(2)} to ${interval.high.toFixed(2)})` : "";

function workOf(pairs: readonly Pair[]): readonly Column[] {
  const over = (pick: (pair: Pair) => number, digits: number): string =>
    spread(pairs.map(pick), digits);
  const moreOnMain = ({ own, without }: Pair): number =>
    own.mainMicrosecondsEach - without.mainMicrosecondsEach;
  return [
    ["CPU µs each", over(({ own }) => own.cpuMicrosecondsEach, 0)],
    ["of it main thread", over(({ own }) => own.mainMicrosecondsEach, 0)],
    ["+ main thread", over(moreOnMain, 0)],
    ["judge calls each", over(({ own }) => own.judgeCallCount / own.eachMs.length, 2)],
    ["CPU µs a judge call", callCostOf(pairs)],
  ];
}

/** All that the turn has used more than one without a policy, by the calls: the sample, its jobs and the calls themselves. */
function callCostOf(pairs: readonly Pair[]): string {
  const costs = pairs.flatMap(({ own, without }) => {
    const more = (own.cpuMicrosecondsEach - without.cpuMicrosecondsEach) * own.eachMs.length;
    return own.judgeCallCount === 0 ? [] : [more / own.judgeCallCount];
  });
  return spread(costs, 0);
}
