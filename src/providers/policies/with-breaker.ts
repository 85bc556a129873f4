import { Failure, toFailure } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { EventStream, Provider, ProviderReply } from "../provider.ts";
import type { TargetHealth } from "../target-health.ts";
import { admit, closedBreaker, failed, inconclusive, succeeded, waitMs } from "./breaker.ts";
import type { BreakerRules, BreakerState } from "./breaker.ts";

/** The breaker of one target. It lasts as long as the provider's own configuration. */
export class Breaker {
  readonly #rules: BreakerRules;
  readonly #clock: Clock;
  #state: BreakerState = closedBreaker;

  constructor(rules: BreakerRules, clock: Clock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  get state(): BreakerState["kind"] {
    return this.#state.kind;
  }

  /** Milliseconds until a request may pass. */
  get waitMs(): number {
    return waitMs(this.#state, this.#clock.tickMs());
  }

  /** Whether a request may pass; if so, its end must be noted. */
  admits(): boolean {
    const { passes, state } = admit(this.#state, this.#clock.tickMs());
    this.#state = state;
    return passes;
  }

  noteSuccess(): void {
    this.#state = succeeded(this.#state, this.#clock.tickMs(), this.#rules);
  }

  noteFailure(failure: Failure): void {
    const nowMs = this.#clock.tickMs();
    switch (verdictOn(failure)) {
      case "failed":
        this.#state = failed(this.#state, nowMs, this.#rules);
        return;
      case "answered":
        this.noteSuccess();
        return;
      case "unknown":
        this.#state = inconclusive(this.#state, nowMs);
    }
  }
}

/** Keeps requests from a target that has stopped answering. Its `no_healthy_upstream` says when to return. */
export const withBreaker = (
  inner: Provider,
  healthOf: () => TargetHealth,
  targetName: string,
): Provider => ({
  send: async (call) => {
    const health = healthOf();
    const { breaker } = health;
    if (!breaker.admits()) {
      const message = `${targetName} has been failing and is given a rest; try again shortly.`;
      throw new Failure("no_healthy_upstream", message, { retryAfterMs: breaker.waitMs });
    }
    let reply: ProviderReply;
    try {
      reply = await inner.send(call);
    } catch (thrown) {
      const failure = toFailure(thrown);
      breaker.noteFailure(failure);
      health.noteRefusal(failure);
      throw failure;
    }
    health.noteAnswered();
    if (reply.kind === "whole") {
      breaker.noteSuccess();
      return reply;
    }
    const attempt = call.attempts.at(-1);
    const onBroken = (failure: Failure): void => {
      breaker.noteFailure(failure);
      health.noteFailure(failure, attempt);
    };
    return { ...reply, events: watched(reply.events, breaker, onBroken) };
  },
});

/**
 * A stream has succeeded when its last event is in, and not before. Only a probe is told by its first event,
 * or everyone else would have to wait for the end of it.
 */
function watched(
  events: EventStream,
  breaker: Breaker,
  onBroken: (failure: Failure) => void,
): EventStream {
  let hasBegun = false;
  let isNoted = false;
  return {
    next: async () => {
      try {
        const batch = await events.next();
        // Only the first: an older stream that still runs says nothing of new requests.
        if (!hasBegun && breaker.state === "half-open") breaker.noteSuccess();
        hasBegun = true;
        if (batch.isLast && !isNoted) {
          isNoted = true;
          breaker.noteSuccess();
        }
        return batch;
      } catch (thrown) {
        const failure = toFailure(thrown);
        if (!isNoted) onBroken(failure);
        isNoted = true;
        throw failure;
      }
    },
    cancel: () => {
      if (!isNoted) breaker.noteFailure(new Failure("client_closed_request", "The client left."));
      isNoted = true;
      events.cancel();
    },
  };
}

/** Only what the target itself did wrong counts against it. A 4xx shows that it is alive. */
function verdictOn(failure: Failure): "failed" | "answered" | "unknown" {
  switch (failure.kind) {
    case "upstream_error":
      return "failed";
    case "upstream_timeout":
      // Out of the client's own patience: no fault of the target.
      return failure.recovery === "none" ? "unknown" : "failed";
    case "provider_rejected":
      return failure.status === 429 || failure.status === 408 ? "unknown" : "answered";
    default:
      return "unknown";
  }
}
