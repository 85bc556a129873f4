import { isGood } from "./measured.ts";

/** How many of the latest answers the progress line's percentiles are about. */
const latestMax = 5_000;

/** What a scenario has seen so far, for the progress line. A recorder writes it, once per answer. */
export class LiveFigures {
  readonly statuses: Record<string, number> = {};
  answeredCount = 0;
  errorCount = 0;
  #latest: number[] = [];

  answer(status: number, latencyMs: number): void {
    this.answeredCount++;
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    if (isGood(status)) this.#latest.push(latencyMs);
  }

  error(): void {
    this.errorCount++;
  }

  /** The latencies since it was last asked, at most the latest 5,000. */
  takeLatest(): readonly number[] {
    const latest = this.#latest.slice(-latestMax);
    this.#latest = [];
    return latest;
  }
}
