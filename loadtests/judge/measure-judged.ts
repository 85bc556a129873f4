import { cpuMicrosecondsBetween, readCpu, untilQuiet } from "../harness/cpu-time.ts";
import type { CpuReading } from "../harness/cpu-time.ts";
import type { Scenario, Timing } from "../harness/scenario.ts";
import type { RunningProcess } from "../harness/start-process.ts";
import { setPolicy, untilJudged } from "./policies.ts";
import type { JudgedShare } from "./policies.ts";

/** One scenario with one policy, once. */
export interface JudgedTurn {
  readonly share: JudgedShare;
  readonly completedCount: number;
  readonly failedCount: number;
  readonly perSecond: number;
  readonly timings: readonly Timing[];
  /** Of all threads of the gateway, until all that comes after the answers is done; judging is part of it. */
  readonly cpuMicrosecondsEach: number;
  /** Of its main thread alone, on which users wait. */
  readonly mainMicrosecondsEach: number;
  readonly judgeCallCount: number;
  /** Jobs that nobody does here. */
  readonly waitingCount: number;
}

export interface Turn {
  readonly scenario: Scenario;
  readonly gateway: RunningProcess;
  readonly judge: RunningProcess;
  readonly hasWorkers: boolean;
  readonly seconds: number;
  readonly share: JudgedShare;
}

export async function measureJudged(turn: Turn): Promise<JudgedTurn> {
  const { scenario, gateway, judge, hasWorkers, seconds, share } = turn;
  await setPolicy(gateway.origin, share);
  await untilQuiet(gateway.processId);
  const callsBefore = await callCount(judge);
  const before = readCpu(gateway.processId);
  const driven = await scenario.drive(gateway.origin, seconds);
  const waitingCount = await untilJudged(gateway.origin, hasWorkers);
  await untilQuiet(gateway.processId);
  const after = readCpu(gateway.processId);
  const { completedCount, failedCount, elapsedMs, timings } = driven;
  return {
    share,
    completedCount,
    failedCount,
    perSecond: completedCount / (elapsedMs / 1_000),
    timings,
    cpuMicrosecondsEach: cpuMicrosecondsBetween(before, after) / completedCount,
    mainMicrosecondsEach: mainBetween(gateway.processId, before, after) / completedCount,
    judgeCallCount: (await callCount(judge)) - callsBefore,
    waitingCount,
  };
}

/** The main thread's id is the process's. */
function mainBetween(processId: number, before: CpuReading, after: CpuReading): number {
  const at = ({ nanosecondsByThread }: CpuReading): number =>
    nanosecondsByThread.get(String(processId)) ?? Number.NaN;
  return (at(after) - at(before)) / 1_000;
}

async function callCount({ origin }: RunningProcess): Promise<number> {
  return Number(await (await fetch(`${origin}/call-count`)).text());
}
