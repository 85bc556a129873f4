import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { launchSentinel, startSentinel } from "../../support/process.ts";
import type { Exit, SentinelProcess } from "../../support/process.ts";

/** One life of one process. */
export interface GatewayRun {
  readonly seat: number;
  readonly url: string;
  readonly startedMs: number;
  endedMs: number | undefined;
  ending: "SIGKILL" | "SIGTERM" | undefined;
}

export interface FleetOptions {
  readonly processes: number;
  /** All of them use one data directory. */
  readonly sharesFolder: boolean;
  readonly yaml: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What is asked to be there for long enough to serve, and is not. */
const patienceMs = 30_000;

/** Gateways that are killed and started again in the folders that they had. */
export class Fleet implements AsyncDisposable {
  /** Every life so far. */
  readonly runs: GatewayRun[] = [];
  readonly #options: FleetOptions;
  readonly #folders: readonly string[];
  readonly #seats: ({ process: SentinelProcess; run: GatewayRun } | undefined)[] = [];

  static async start(options: FleetOptions): Promise<Fleet> {
    const count = options.sharesFolder ? 1 : options.processes;
    const folders = await Promise.all(
      Array.from({ length: count }, () => mkdtemp(join(tmpdir(), "sentinel-kills-"))),
    );
    const fleet = new Fleet(options, folders);
    try {
      for (let seat = 0; seat < options.processes; seat += 1) await fleet.start(seat);
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: FleetOptions, folders: readonly string[]) {
    this.#options = options;
    this.#folders = folders;
  }

  get size(): number {
    return this.#options.processes;
  }

  get dataDirs(): readonly string[] {
    return this.#folders.map((folder) => join(folder, "data"));
  }

  /** Those that run. */
  get urls(): readonly string[] {
    return this.#seats.flatMap((seat) => (seat === undefined ? [] : [seat.run.url]));
  }

  /** What they have printed that is worse than information. */
  readonly complaints: string[] = [];

  /** One that runs, by chance; waits for one. */
  async anyone(random: () => number): Promise<GatewayRun> {
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      const up = this.#seats.filter((seat) => seat !== undefined);
      const one = up[Math.floor(random() * up.length)];
      if (one !== undefined) return one.run;
      if (performance.now() > deadlineMs) throw new Error("no gateway came back");
      await pause(10);
    }
  }

  async start(seat: number): Promise<void> {
    const process = await startSentinel(this.#processOptions(seat));
    const run: GatewayRun = {
      seat,
      url: process.url,
      startedMs: Date.now(),
      endedMs: undefined,
      ending: undefined,
    };
    this.runs.push(run);
    this.#seats[seat] = { process, run };
  }

  /** A start that is killed before it is over, or just after. */
  async killWhileStarting(seat: number, afterMs: number): Promise<void> {
    await using process = await launchSentinel(this.#processOptions(seat));
    await pause(afterMs);
    process.kill("SIGKILL");
    await process.exit;
  }

  /** Resolves when it is gone. Clients go to it until then: that is the point. */
  async end(seat: number, signal: "SIGKILL" | "SIGTERM"): Promise<Exit> {
    const one = this.#seats[seat];
    if (one === undefined) throw new Error(`there is no gateway ${seat}`);
    one.run.ending = signal;
    one.process.kill(signal);
    const exit = await one.process.exit;
    one.run.endedMs = Date.now();
    this.#seats[seat] = undefined;
    for (const line of one.process.lines) {
      if (line["level"] === "error" || line["level"] === "fatal")
        this.complaints.push(JSON.stringify(line));
    }
    if (one.process.stderr !== "") this.complaints.push(one.process.stderr);
    return exit;
  }

  /** Ends them all as an operator does. */
  async stop(): Promise<readonly Exit[]> {
    const exits: Exit[] = [];
    for (const [seat, one] of this.#seats.entries()) {
      if (one !== undefined) exits.push(await this.end(seat, "SIGTERM"));
    }
    return exits;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#seats) await one?.process[Symbol.asyncDispose]();
    for (const folder of this.#folders)
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #processOptions(seat: number) {
    const { env, yaml, sharesFolder } = this.#options;
    const folder = this.#folders[sharesFolder ? 0 : seat];
    if (folder === undefined) throw new Error(`there is no folder for gateway ${seat}`);
    return { env, yaml, folder };
  }
}
