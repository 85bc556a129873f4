import type { Clock } from "../lib/clock.ts";
import type { Deadlines } from "./deadlines.ts";
import type { KeyRing } from "./key-ring.ts";
import type { BreakerRules } from "./policies/breaker.ts";
import { noteAttempts } from "./policies/note-attempts.ts";
import type { RetryBudget } from "./policies/retry-budget.ts";
import { Breaker, withBreaker } from "./policies/with-breaker.ts";
import { withKeys } from "./policies/with-keys.ts";
import { withPointOfNoReturn } from "./policies/with-point-of-no-return.ts";
import { withRetry } from "./policies/with-retry.ts";
import type { Provider } from "./provider.ts";

/** One model at one provider, with all that stands between it and a request. */
export interface Target {
  readonly providerName: string;
  readonly model: string;
  readonly breaker: Breaker;
  readonly provider: Provider;
}

export interface TargetOptions {
  readonly providerName: string;
  readonly model: string;
  readonly adapter: Provider;
  readonly keys: KeyRing;
  readonly deadlines: Deadlines;
  readonly retriesMax: number;
  readonly patienceMs: number;
  readonly breakerRules: BreakerRules;
  readonly retryBudget: RetryBudget;
  readonly clock: Clock;
}

/** The longest `retry-after` that a client is kept waiting for, and the longest while another target is free. */
export const patienceMs = { lastTarget: 30_000, othersLeft: 1_000 } as const;

/** From the outside in: the target's model and deadlines, retry, breaker, keys, note, point of no return, adapter. */
export function buildTarget(options: TargetOptions): Target {
  const { providerName, model, deadlines, clock } = options;
  const breaker = new Breaker(options.breakerRules, clock);
  const attempt = noteAttempts(withPointOfNoReturn(options.adapter), providerName);
  const keyed = withKeys(attempt, options.keys);
  const guarded = withBreaker(keyed, breaker, `${providerName}/${model}`);
  const retried = withRetry(
    guarded,
    { retriesMax: options.retriesMax, patienceMs: options.patienceMs },
    options.retryBudget,
  );
  const provider: Provider = {
    send: (call) => {
      const deadlineTickMs = Math.min(call.deadlineTickMs, call.startedTickMs + deadlines.totalMs);
      return retried.send({ ...call, model, deadlines, deadlineTickMs });
    },
  };
  return { providerName, model, breaker, provider };
}
