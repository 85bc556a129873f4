/**
 * Keeps retries from making an outage worse: at most one for every five requests, over time, and a few in
 * reserve for quiet hours. (The idea is Finagle's: https://twitter.github.io/finagle/guide/Clients.html#retries)
 */
export class RetryBudget {
  #retriesLeft = reserve;

  noteRequest(): void {
    this.#retriesLeft = Math.min(retriesMax, this.#retriesLeft + retriesPerRequest);
  }

  /** Whether a retry may be made; if so it is taken from the budget. */
  take(): boolean {
    if (this.#retriesLeft < 1) return false;
    this.#retriesLeft--;
    return true;
  }
}

const retriesPerRequest = 0.2;
const reserve = 10;
const retriesMax = 100;
