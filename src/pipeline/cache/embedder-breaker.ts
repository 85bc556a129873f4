import type { Clock } from "../../lib/clock.ts";
import {
  admit,
  closedBreaker,
  failed,
  inconclusive,
  succeeded,
} from "../../providers/policies/breaker.ts";
import type { BreakerRules, BreakerState } from "../../providers/policies/breaker.ts";
import { EmbedFailure, toEmbedFailure } from "./embedder.ts";
import type { Embedder } from "./embedder.ts";

/**
 * Sooner than for a provider: whoever is refused by this breaker goes on as if nothing were cached, which costs one
 * hit, where each who still tries waits for the embedder's whole time limit.
 */
export const embedderBreakerRules: BreakerRules = {
  consecutiveFailures: 3,
  failureRatio: 0.5,
  minimumRequests: 20,
  windowMs: 30_000,
  openMs: 5_000,
  openMaxMs: 60_000,
};

/** Leaves an embedder alone that has stopped answering: while it rests, a call is refused in microseconds. */
export function withEmbedderBreaker(
  inner: Embedder,
  clock: Clock,
  rules: BreakerRules = embedderBreakerRules,
): Embedder {
  let state: BreakerState = closedBreaker;

  const guarded = async <Result>(call: () => Promise<Result>): Promise<Result> => {
    const admission = admit(state, clock.tickMs());
    state = admission.state;
    if (!admission.passes) throw new EmbedFailure("unavailable", restingMessage);
    try {
      const result = await call();
      state = succeeded(state, clock.tickMs(), rules);
      return result;
    } catch (thrown) {
      state = afterFailure(state, toEmbedFailure(thrown), clock.tickMs(), rules);
      throw thrown;
    }
  };

  return {
    get id() {
      return inner.id;
    },
    get dimensions() {
      return inner.dimensions;
    },
    get health() {
      return inner.health;
    },
    embed: (text, signal) => guarded(() => inner.embed(text, signal)),
    embedMany: (texts, signal) => guarded(() => inner.embedMany(texts, signal)),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

const restingMessage = "The embedder has been failing and is given a rest.";

function afterFailure(
  state: BreakerState,
  failure: EmbedFailure,
  nowMs: number,
  rules: BreakerRules,
): BreakerState {
  switch (failure.kind) {
    case "timeout":
    case "unavailable":
      return failed(state, nowMs, rules);
    case "too_long": // Nobody was asked; but also nobody failed.
    case "busy":
    case "cancelled":
      return inconclusive(state, nowMs);
    case "refused": // It did answer.
      return succeeded(state, nowMs, rules);
  }
}
