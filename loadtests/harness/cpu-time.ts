import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** CPU time (user + system) that a process and all its threads have used so far. */
export interface CpuReading {
  /** From `schedstat`: exact, but a thread that ends takes its figure with it. */
  readonly nanosecondsByThread: ReadonlyMap<string, number>;
  /** From `stat`: counts ended threads too, in steps of 10 ms. */
  readonly coarseMicroseconds: number;
}

const tickMicroseconds = 10_000;

/** Reads the clocks of another process from /proc, so the process itself spends nothing on it. */
export function readCpu(processId: number): CpuReading {
  const folder = `/proc/${processId}/task`;
  const nanosecondsByThread = new Map<string, number>();
  for (const thread of readdirSync(folder)) {
    const nanoseconds = readThread(`${folder}/${thread}/schedstat`);
    if (nanoseconds !== undefined) nanosecondsByThread.set(thread, nanoseconds);
  }
  return { nanosecondsByThread, coarseMicroseconds: readCoarse(processId) };
}

/** CPU µs between two readings: the exact sum, and never less than what the coarse clock has seen. */
export function cpuMicrosecondsBetween(before: CpuReading, after: CpuReading): number {
  let nanoseconds = 0;
  for (const [thread, total] of after.nanosecondsByThread) {
    nanoseconds += total - (before.nanosecondsByThread.get(thread) ?? 0);
  }
  const coarse = after.coarseMicroseconds - before.coarseMicroseconds;
  return Math.max(nanoseconds / 1000, coarse - 2 * tickMicroseconds);
}

const quietWindowMs = 250;
const quietMicroseconds = 2_500;
const quietWindowsMax = 12;

/**
 * Waits until a process uses less than 1 % of a core, so that work put off until after the answers
 * (writing a journal, a batch for a store) is counted with the requests that caused it. Gives up after
 * three seconds: a process that is never quiet is measured as it is.
 */
export async function untilQuiet(processId: number): Promise<void> {
  let before = readCpu(processId);
  for (let window = 0; window < quietWindowsMax; window += 1) {
    await sleep(quietWindowMs);
    const after = readCpu(processId);
    if (cpuMicrosecondsBetween(before, after) < quietMicroseconds) return;
    before = after;
  }
}

/** `schedstat` begins with the nanoseconds on a CPU. Undefined when the thread has just ended. */
function readThread(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8").split(" ", 1)[0]);
  } catch {
    // The thread ended after the folder was listed, or this kernel keeps no schedstat.
    return undefined;
  }
}

/** Fields 14 and 15 of `stat`, counted after the command's closing bracket (proc_pid_stat(5)). */
function readCoarse(processId: number): number {
  const stat = readFileSync(`/proc/${processId}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMicroseconds;
}
