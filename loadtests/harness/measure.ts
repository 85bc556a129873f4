import { cpuMicrosecondsBetween, readCpu, untilQuiet } from "./cpu-time.ts";
import { percentile } from "./percentile.ts";
import type { Driven, Scenario, Timing } from "./scenario.ts";
import type { RunningProcess } from "./start-process.ts";

/** One scenario against one target, once. */
export interface Measurement {
  /** User + system, all threads, work put off until after the answers included. */
  readonly cpuMicrosecondsEach: number;
  readonly perSecond: number;
  /** CPU time over elapsed time: near 1 the target was the bottleneck, clearly below it the driver was. */
  readonly busyShare: number;
  readonly failedCount: number;
  /** Provider calls per answer: below 1 the target answered from a cache. */
  readonly upstreamCallsEach: number;
  readonly chunksPerStream: number | undefined;
  readonly percentiles: readonly Percentiles[];
}

export interface Percentiles {
  readonly name: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Run {
  readonly scenario: Scenario;
  readonly target: RunningProcess;
  readonly mock: RunningProcess;
  readonly seconds: number;
}

/** Loads a target and reads its CPU clock before and after, both times when it is quiet. */
export async function measure({ scenario, target, mock, seconds }: Run): Promise<Measurement> {
  await untilQuiet(target.processId);
  const callsBefore = await chatRequestCount(mock);
  const cpuBefore = readCpu(target.processId);
  const driven = await scenario.drive(target.origin, seconds);
  await untilQuiet(target.processId);
  const cpuMicroseconds = cpuMicrosecondsBetween(cpuBefore, readCpu(target.processId));
  const calls = (await chatRequestCount(mock)) - callsBefore;
  return {
    cpuMicrosecondsEach: cpuMicroseconds / driven.completedCount,
    perSecond: perSecond(driven),
    busyShare: cpuMicroseconds / 1000 / driven.elapsedMs,
    failedCount: driven.failedCount,
    upstreamCallsEach: calls / driven.completedCount,
    chunksPerStream: driven.chunksPerStream,
    percentiles: driven.timings.map(percentilesOf),
  };
}

/** What the same load takes without a gateway. */
export async function measureDirect(
  scenario: Scenario,
  mock: RunningProcess,
  seconds: number,
): Promise<readonly Percentiles[]> {
  const { timings } = await scenario.drive(mock.origin, seconds);
  return timings.map(percentilesOf);
}

function perSecond({ completedCount, elapsedMs }: Driven): number {
  return completedCount / (elapsedMs / 1000);
}

function percentilesOf({ name, eachMs }: Timing): Percentiles {
  return { name, p50Ms: percentile(eachMs, 0.5), p99Ms: percentile(eachMs, 0.99) };
}

async function chatRequestCount(mock: RunningProcess): Promise<number> {
  const response = await fetch(`${mock.origin}/chat-request-count`);
  return Number(await response.text());
}
