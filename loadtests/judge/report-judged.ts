import { median, spread, table } from "../harness/report.ts";
import type { JudgedTurn } from "./measure-judged.ts";
import { baseline, shares } from "./policies.ts";

/** The turns of one round. */
export type JudgedRound = readonly JudgedTurn[];

/**
 * Two tables with a row for each policy: what users waited, and what it took. "+" columns are differences to the turn
 * without a policy in the same round; in the row `none again` they are the noise.
 */
export function reportJudged(title: string, rounds: readonly JudgedRound[]): string {
  const pairs = new Map(shares.map(({ name }) => [name, pairsOf(name, rounds)]));
  const timed = [...pairs].map(([name, own]) => rowOf(name, timesOf(own)));
  const worked = [...pairs].map(([name, own]) => rowOf(name, workOf(own)));
  return [`## ${title}`, "", ...linesOf(timed), "", ...linesOf(worked), ""].join("\n");
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

function timesOf(pairs: readonly Pair[]): readonly Column[] {
  const timings = pairs[0]?.own.timings ?? [];
  return [
    ...timings.flatMap(({ name }) => timeColumns(name, pairs)),
    ["failed", String(pairs.reduce((sum, { own }) => sum + own.failedCount, 0))],
  ];
}

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

function timeColumns(name: string, pairs: readonly Pair[]): readonly Column[] {
  const of = (turn: JudgedTurn, figure: "p50Ms" | "p99Ms"): number =>
    turn.timings.find((timing) => timing.name === name)?.[figure] ?? Number.NaN;
  const columns = (["p50Ms", "p99Ms"] as const).flatMap((figure): Column[] => {
    const told = `${name} ${figure.slice(0, 3)}`;
    const own = pairs.map((pair) => of(pair.own, figure));
    const more = pairs.map((pair) => of(pair.own, figure) - of(pair.without, figure));
    return [
      [`${told} ms`, spread(own, 2)],
      [`+ ${told}`, spread(more, 2)],
    ];
  });
  return columns;
}

/** All that the turn has used more than one without a policy, by the calls: the sample, its jobs and the calls themselves. */
function callCostOf(pairs: readonly Pair[]): string {
  const costs = pairs.flatMap(({ own, without }) => {
    const more = (own.cpuMicrosecondsEach - without.cpuMicrosecondsEach) * own.completedCount;
    return own.judgeCallCount === 0 ? [] : [more / own.judgeCallCount];
  });
  return spread(costs, 0);
}
