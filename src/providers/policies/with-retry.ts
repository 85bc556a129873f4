import { setTimeout as sleep } from "node:timers/promises";

import { toFailure } from "../../errors.ts";
import type { Failure } from "../../errors.ts";
import type { Provider, ProviderCall, ProviderReply } from "../provider.ts";
import type { RetryBudget } from "./retry-budget.ts";

/** `patienceMs` is the longest pause that is worth it: short where another target stands ready. */
export type SendPatiently = (call: ProviderCall, patienceMs: number) => Promise<ProviderReply>;

/** Another try on the same target, after a pause, where the failure says that this may help. */
export const withRetry =
  (inner: Provider, retriesMax: number, budget: RetryBudget): SendPatiently =>
  async (call, patienceMs) => {
    budget.noteRequest();
    let answered: Failure | undefined;
    for (let retries = 0; ; retries++) {
      try {
        return await inner.send(call);
      } catch (thrown) {
        const failure = toFailure(thrown);
        // A breaker that opened meanwhile knows less than what made it open.
        if (answered !== undefined && failure.kind === "no_healthy_upstream") throw answered;
        answered = failure;
        if (failure.recovery !== "retry" || retries >= retriesMax) throw failure;
        const pauseMs = pauseBefore(retries, failure, Math.random());
        if (!isWorthWaiting(pauseMs, patienceMs, call) || !budget.take()) throw failure;
        await pause(pauseMs, call.signal);
      }
    }
  };

const backoffFirstMs = 200;
const backoffMaxMs = 5_000;

/**
 * Milliseconds before the next try: what the provider asked for, otherwise exponential with full jitter.
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/) `random` is in [0, 1).
 */
export function pauseBefore(retries: number, failure: Failure, random: number): number {
  if (failure.retryAfterMs !== undefined) return failure.retryAfterMs;
  return random * Math.min(backoffMaxMs, backoffFirstMs * 2 ** retries);
}

function isWorthWaiting(pauseMs: number, patienceMs: number, call: ProviderCall): boolean {
  return pauseMs <= patienceMs && performance.now() + pauseMs < call.deadlineTickMs;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw toFailure(signal.reason); // The only way to end early is the signal, and it knows why.
  }
}
