import { setImmediate as nextTurn } from "node:timers/promises";

import { Failure } from "../errors.ts";
import type { SseEvent } from "../protocol/sse.ts";
import type { EventStream } from "../providers/provider.ts";
import { isClientGone } from "./client-gone.ts";
import type { Exchange } from "./exchange.ts";
import type { BudgetGuard } from "./limits/budget-guard.ts";

/** At the bound the answer of a client who leaves is cancelled, as it is by default. */
const drainsMax = 1_000;
const turnsMax = 1_000;
/** A rule of thumb: the provider counts at the end. */
const charactersPerToken = 4;

/**
 * Answers that are read on after their clients have left, so that the provider's own count is billed and not an
 * estimate. Which routes do so is the operator's choice: the rest of the answer is paid for.
 */
export class Drains {
  readonly #running = new Set<AbortController>();

  /**
   * The signal of an upstream call that outlives its client: it is aborted for every other reason, and by
   * shutting down. Undefined where too many run on already.
   */
  outliving(signal: AbortSignal): DrainSignal | undefined {
    if (this.#running.size >= drainsMax) return undefined;
    const controller = new AbortController();
    const onAbort = (): void => {
      if (isClientGone(signal)) this.#running.add(controller);
      else controller.abort(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    return {
      signal: controller.signal,
      end: () => {
        signal.removeEventListener("abort", onAbort);
        this.#running.delete(controller);
      },
    };
  }

  /** At shutdown, when no client waits any more: what still runs is ended, and settled when this resolves. */
  async abortAll(): Promise<void> {
    const reason = new Failure("shutting_down", "Sentinel is shutting down.");
    for (const controller of this.#running) controller.abort(reason);
    // An aborted upstream call is over within a few turns of the event loop; there is nothing to wait for beyond.
    for (let turns = 0; this.#running.size > 0 && turns < turnsMax; turns++) await nextTurn();
  }
}

export interface DrainSignal {
  readonly signal: AbortSignal;
  /** To be called when the upstream call is over. */
  readonly end: () => void;
}

export interface DrainBounds {
  readonly tokensMax: number;
  /** Of the caller's hard budgets, where there are any. */
  readonly guard: BudgetGuard | undefined;
  /** Sees the events as they came. */
  readonly onEvents?: ((events: readonly SseEvent[]) => void) | undefined;
}

/**
 * Reads a stream to its end, or until it has said so much or a budget is used up. Resolves to whether the end was
 * reached.
 */
export async function readOn(
  events: EventStream,
  exchange: Exchange,
  { tokensMax, guard, onEvents }: DrainBounds,
): Promise<boolean> {
  try {
    for (;;) {
      const batch = await events.next();
      exchange.delivered?.add(batch.events);
      onEvents?.(batch.events);
      if (batch.usage !== undefined) exchange.usage = batch.usage;
      if (batch.isLast) return true;
      const characters = exchange.delivered?.characters ?? 0;
      if (characters > tokensMax * charactersPerToken) break;
      guard?.check();
    }
  } catch {
    // It broke off, a budget is used up, or Sentinel is shutting down: what came is estimated.
  }
  events.cancel();
  return false;
}
