import { spawnSync } from "node:child_process";
import { cpus } from "node:os";

/** The target has this core to itself. */
export const targetCore = 0;
/** The mock provider and the drivers share this one. */
export const driverCore = 1;

/** Pinning needs Linux' `taskset` and two cores; without them figures are noisier and say so. */
export function canPin(): boolean {
  // All cores of the machine: `availableParallelism` counts only those this process may use.
  if (cpus().length < 2) return false;
  return spawnSync("taskset", ["--version"]).status === 0;
}

/** The command line that runs `command` on one core. `taskset` execs, so the process id stays. */
export function pinned(command: readonly string[], core: number): readonly string[] {
  return ["taskset", "--cpu-list", String(core), ...command];
}

/** Moves this process, with all its threads, to the drivers' core. */
export function pinThisProcess(): void {
  const list = ["--all-tasks", "--cpu-list", "--pid", String(driverCore), String(process.pid)];
  const { status, stderr } = spawnSync("taskset", list, { encoding: "utf8" });
  if (status !== 0) throw new Error(`taskset could not pin the driver: ${stderr}`);
}
