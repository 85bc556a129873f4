import { setTimeout as sleep } from "node:timers/promises";

import { nextWholeRequest } from "../harness/chat-requests.ts";
import { DriverConnection } from "../harness/driver-connection.ts";

export interface AskedAnswer {
  readonly askedAtMs: number;
  /** Undefined: it failed. */
  readonly totalMs: number | undefined;
}

/** Asks at a fixed rate from now on, whether or not the one before was answered, until it is disposed of. */
export class SteadyLoad implements AsyncDisposable {
  readonly #origin: string;
  readonly #gapMs: number;
  readonly #answers: AskedAnswer[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #idle: DriverConnection[] = [];
  readonly #connections = new DisposableStack();
  readonly #asking: Promise<void>;
  #isOver = false;

  constructor(origin: string, perSecond: number) {
    this.#origin = origin;
    this.#gapMs = 1_000 / perSecond;
    this.#asking = this.#askOn();
  }

  /** Those asked for in this time, in milliseconds of `performance.now()`; resolves when all of them are there. */
  async between(fromMs: number, toMs: number): Promise<readonly AskedAnswer[]> {
    await Promise.all(this.#running);
    return this.#answers.filter(({ askedAtMs }) => askedAtMs >= fromMs && askedAtMs < toMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#asking;
    await Promise.all(this.#running);
    this.#connections.dispose();
  }

  async #askOn(): Promise<void> {
    const startMs = performance.now();
    for (let asked = 0; !this.#isOver; asked += 1) {
      const earlyMs = startMs + asked * this.#gapMs - performance.now();
      if (earlyMs > 0) await sleep(earlyMs);
      const asking = this.#ask().finally(() => this.#running.delete(asking));
      this.#running.add(asking);
    }
  }

  async #ask(): Promise<void> {
    const connection =
      this.#idle.pop() ?? this.#connections.use(new DriverConnection(this.#origin));
    const askedAtMs = performance.now();
    const answer = await connection.ask(nextWholeRequest());
    this.#idle.push(connection);
    const totalMs = answer.kind === "answered" ? answer.totalMs : undefined;
    this.#answers.push({ askedAtMs, totalMs });
  }
}
