import type { Interval } from "../../src/lib/statistics/interval.ts";
import { median, spread, table } from "../harness/report.ts";
import type { JudgedTurn } from "./measure-judged.ts";
import { baseline } from "./policies.ts";
import { movedBy, pooled } from "./pooled.ts";
import type { TimesByRound } from "./pooled.ts";

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
  const turns = turnsOf(name, rounds);
  const timings = turns[0]?.timings ?? [];
  return [
    ...timings.flatMap((timing) => {
      const times = (own: string): TimesByRound =>
        turnsOf(own, rounds).map((turn) => eachMsOf(turn, timing.name));
      return timeColumns(timing.name, times(name), name === baseline ? undefined : times(baseline));
    }),
    ["failed", String(turns.reduce((sum, { failedCount }) => sum + failedCount, 0))],
  ];
}

const turnsOf = (name: string, rounds: readonly JudgedRound[]): readonly JudgedTurn[] =>
  rounds.flatMap((round) => round.filter(({ share }) => share.name === name));

const eachMsOf = ({ timings }: JudgedTurn, name: string): readonly number[] =>
  timings.find((timing) => timing.name === name)?.eachMs ?? [];

function timeColumns(
  timing: string,
  own: TimesByRound,
  without: TimesByRound | undefined,
): readonly Column[] {
  const { p50Ms, p99Ms } = pooled(own);
  const moved = without && movedBy(own, without);
  const before = without && pooled(without);
  const more = (mine: number, theirs: number | undefined, interval: Interval | null | undefined) =>
    theirs === undefined ? "–" : `${(mine - theirs).toFixed(2)} ${intervalText(interval)}`;
  return [
    [`${timing} p50 ms`, p50Ms.toFixed(2)],
    ["+ p50", more(p50Ms, before?.p50Ms, moved?.p50)],
    [`${timing} p99 ms`, p99Ms.toFixed(2)],
    ["+ p99", more(p99Ms, before?.p99Ms, moved?.p99)],
  ];
}

const intervalText = (interval: Interval | null | undefined): string =>
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
    ["per s", over(({ own }) => own.perSecond, 0)],
    ["judge calls each", over(({ own }) => own.judgeCallCount / own.completedCount, 2)],
    ["CPU µs a judge call", callCostOf(pairs)],
    ["jobs left", String(median(pairs.map(({ own }) => own.waitingCount)) ?? "–")],
  ];
}

/** All that the turn has used more than one without a policy, by the calls: the sample, its jobs and the calls themselves. */
function callCostOf(pairs: readonly Pair[]): string {
  const costs = pairs.flatMap(({ own, without }) => {
    const more = (own.cpuMicrosecondsEach - without.cpuMicrosecondsEach) * own.completedCount;
    return own.judgeCallCount === 0 ? [] : [more / own.judgeCallCount];
  });
  return spread(costs, 0);
}
