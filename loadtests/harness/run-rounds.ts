import { measure, measureDirect, type Measurement, type Percentiles } from "./measure.ts";
import type { Scenario } from "./scenario.ts";
import type { RunningProcess } from "./start-process.ts";

/** One scenario's turn of every target. */
export interface Round {
  /** The mock provider without a gateway; empty where times are not compared with it. */
  readonly direct: readonly Percentiles[];
  readonly byTarget: ReadonlyMap<string, Measurement>;
}

export interface Comparison {
  readonly scenario: Scenario;
  readonly targets: readonly RunningProcess[];
  readonly mock: RunningProcess;
  readonly roundCount: number;
  readonly seconds: number;
}

/** Warms every target up, then lets them take turns, A B C A B C, so that noise hits all alike. */
export async function runRounds(comparison: Comparison): Promise<readonly Round[]> {
  const { scenario, targets, mock, roundCount, seconds } = comparison;
  for (const target of targets) await scenario.drive(target.origin, warmUpSeconds);
  const rounds: Round[] = [];
  for (let number = 0; number < roundCount; number += 1) {
    const isDirectNeeded = scenario.times === "added";
    const direct = isDirectNeeded ? await measureDirect(scenario, mock, seconds) : [];
    const byTarget = new Map<string, Measurement>();
    for (const target of targets) {
      byTarget.set(target.name, await measure({ scenario, target, mock, seconds }));
    }
    rounds.push({ direct, byTarget });
  }
  return rounds;
}

const warmUpSeconds = 2;
