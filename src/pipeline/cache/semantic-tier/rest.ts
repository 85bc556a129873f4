import type { Clock } from "../../../lib/clock.ts";
import {
  admit,
  closedBreaker,
  failed,
  inconclusive,
  succeeded,
} from "../../../providers/policies/breaker.ts";
import type { BreakerState } from "../../../providers/policies/breaker.ts";
import { embedderBreakerRules } from "../embedder-breaker.ts";

export type Outcome = "ok" | "failed" | "inconclusive";

/**
 * Leaves alone what does not answer in the time that there is for it. An embedder may be well and yet take a second:
 * without this each request would wait its 100 ms for nothing.
 */
export class Rest {
  readonly #clock: Clock;
  #state: BreakerState = closedBreaker;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Without it nothing may be tried; with it, `note` has to follow. */
  passes(): boolean {
    const { passes, state } = admit(this.#state, this.#clock.tickMs());
    this.#state = state;
    return passes;
  }

  note(outcome: Outcome): void {
    const nowMs = this.#clock.tickMs();
    if (outcome === "ok") this.#state = succeeded(this.#state, nowMs, embedderBreakerRules);
    else if (outcome === "failed") this.#state = failed(this.#state, nowMs, embedderBreakerRules);
    else this.#state = inconclusive(this.#state, nowMs);
  }
}
