import { setTimeout as sleep } from "node:timers/promises";

import { cpuMicrosecondsBetween, readCpu } from "../harness/cpu-time.ts";
import type { CpuReading } from "../harness/cpu-time.ts";
import type { RunningProcess } from "../harness/start-process.ts";
import { setPolicy } from "./policies.ts";
import type { JudgedShare } from "./policies.ts";
import type { SteadyLoad } from "./steady-load.ts";

/** Some seconds of the load with one policy. */
export interface JudgedTurn {
  readonly share: JudgedShare;
  readonly eachMs: readonly number[];
  readonly failedCount: number;
  /** Of all threads of the gateway, per answer of a user; judging is part of it. */
  readonly cpuMicrosecondsEach: number;
  /** Of its main thread alone, on which users wait. */
  readonly mainMicrosecondsEach: number;
  readonly judgeCallCount: number;
}

export interface Turn {
  readonly load: SteadyLoad;
  readonly gateway: RunningProcess;
  readonly judge: RunningProcess;
  readonly seconds: number;
  readonly share: JudgedShare;
}

/** Until the policy is everywhere, and the jobs of the turn before are done. */
const settleMs = 1_000;

/** The load goes on from turn to turn: a gateway that rests collects its garbage when it is asked again. */
export async function measureJudged(turn: Turn): Promise<JudgedTurn> {
  const { load, gateway, judge, seconds, share } = turn;
  await setPolicy(gateway.origin, share);
  await sleep(settleMs);
  const callsBefore = await callCount(judge);
  const before = readCpu(gateway.processId);
  const fromMs = performance.now();
  await sleep(seconds * 1_000);
  const toMs = performance.now();
  const after = readCpu(gateway.processId);
  const judgeCallCount = (await callCount(judge)) - callsBefore;
  const answers = await load.between(fromMs, toMs);
  const eachMs = answers.flatMap(({ totalMs }) => totalMs ?? []);
  return {
    share,
    eachMs,
    failedCount: answers.length - eachMs.length,
    cpuMicrosecondsEach: cpuMicrosecondsBetween(before, after) / eachMs.length,
    mainMicrosecondsEach: mainBetween(gateway.processId, before, after) / eachMs.length,
    judgeCallCount,
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
