import { bootstrapIntervals } from "../../src/lib/statistics/bootstrap.ts";
import type { Interval } from "../../src/lib/statistics/interval.ts";

/** All answers of one policy, over all rounds. */
export interface Pooled {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Of all, those that took longer than `slowMs`: it moves evenly where p99 jumps, as some 1 % meet a pause. */
  readonly slowPercent: number;
}

export const slowMs = 25;

/** The times of a policy's answers: a list for each round. */
export type TimesByRound = readonly (readonly number[])[];

/** By nearest rank, of the answers of all rounds together: a round of some seconds has one pause, or none. */
export const pooled = (byRound: TimesByRound): Pooled => figuresOf(sorted(byRound), once(byRound));

export type Moved = Readonly<Record<keyof Pooled, Interval | null>>;

/**
 * The 95 % intervals of what the figures of `own` lie above those of `without`. Whole rounds are drawn again, of both at
 * once: answers of one round share their pauses, and a round's two turns their hour.
 */
export function movedBy(own: TimesByRound, without: TimesByRound): Moved {
  const [mine, theirs] = [sorted(own), sorted(without)];
  const [p50Ms = null, p95Ms = null, p99Ms = null, slowPercent = null] = bootstrapIntervals({
    kindOf: Uint32Array.from(own.keys()),
    kinds: own.length,
    figures: (times) => {
      const [higher, lower] = [figuresOf(mine, times), figuresOf(theirs, times)];
      return [
        higher.p50Ms - lower.p50Ms,
        higher.p95Ms - lower.p95Ms,
        higher.p99Ms - lower.p99Ms,
        higher.slowPercent - lower.slowPercent,
      ] as const;
    },
  });
  return { p50Ms, p95Ms, p99Ms, slowPercent };
}

interface Sorted {
  readonly ms: Float64Array;
  readonly round: Uint32Array;
}

function sorted(byRound: TimesByRound): Sorted {
  const all = byRound.flatMap((times, round) => times.map((ms) => ({ ms, round })));
  all.sort((one, other) => one.ms - other.ms);
  return {
    ms: Float64Array.from(all, ({ ms }) => ms),
    round: Uint32Array.from(all, ({ round }) => round),
  };
}

const once = (byRound: TimesByRound): Uint32Array => new Uint32Array(byRound.length).fill(1);

/** With each round so many times over. */
function figuresOf({ ms, round }: Sorted, times: Uint32Array): Pooled {
  const timesOf = (at: number): number => times[round[at] ?? 0] ?? 0;
  let count = 0;
  let slowCount = 0;
  for (let at = 0; at < ms.length; at++) {
    count += timesOf(at);
    if ((ms[at] ?? 0) > slowMs) slowCount += timesOf(at);
  }
  const percentile = (share: number): number => {
    let left = Math.max(1, Math.ceil(count * share));
    let at = 0;
    for (; at < ms.length; at++) {
      left -= timesOf(at);
      if (left <= 0) break;
    }
    return ms[at] ?? Number.NaN;
  };
  return {
    p50Ms: percentile(0.5),
    p95Ms: percentile(0.95),
    p99Ms: percentile(0.99),
    slowPercent: (100 * slowCount) / count,
  };
}
