import { setTimeout as sleep } from "node:timers/promises";

import type { Activity } from "./activities.ts";
import type { Answered } from "./client.ts";

/** How busy the demo is. May be changed while it runs; a rate of 0 stops that kind of traffic. */
export interface Rates {
  /** All of it, so many times as often. */
  scale: number;
  /** Requests a second at a scale of 1, by the activity's name. */
  readonly perSecond: Record<string, number>;
}

/** What was answered so far. */
export interface DemoFigures {
  readonly requestCount: number;
  readonly runningCount: number;
  /** Turns that were left out because too many of their kind were still running. */
  readonly skippedCount: number;
  readonly byStatus: Readonly<Record<number, number>>;
  readonly byCache: Readonly<Record<string, number>>;
  /** A request worth looking at in the audit log: by what is of interest in it. */
  readonly interesting: Readonly<Record<string, SeenRequest>>;
}

/** A request that can be found in the audit log of its key's tenant. */
export interface SeenRequest {
  readonly id: string;
  readonly key: string;
}

export class FigureKeeper {
  #requestCount = 0;
  readonly #byStatus: Record<number, number> = {};
  readonly #byCache: Record<string, number> = {};
  readonly #interesting: Record<string, SeenRequest> = {};

  readonly add = (answered: Answered): void => {
    const { status, cache = "none", requestId, key } = answered;
    this.#requestCount++;
    this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1;
    this.#byCache[cache] = (this.#byCache[cache] ?? 0) + 1;
    const interest = interestIn(answered);
    if (interest === undefined || requestId === undefined || key === undefined) return;
    this.#interesting[interest] = { id: requestId, key };
  };

  get figures(): Pick<DemoFigures, "requestCount" | "byStatus" | "byCache" | "interesting"> {
    return {
      requestCount: this.#requestCount,
      byStatus: { ...this.#byStatus },
      byCache: { ...this.#byCache },
      interesting: { ...this.#interesting },
    };
  }
}

function interestIn({ status, cache, attempts }: Answered): string | undefined {
  if (status === 200 && attempts > 2) return "answered at the third attempt";
  if (cache === "semantic") return "answered by the semantic cache";
  if (status === 200 && cache === "exact") return "answered by the exact cache";
  if (status === 502) return "failed by its provider";
  return undefined;
}

/** A kind of traffic whose answers do not come has no more than so many requests running. */
const runningMax = 20;
/** How soon a change of the rates shows. */
const tickMs = 20;

export interface Traffic {
  /** Resolves once it was stopped and nothing runs any more. */
  readonly done: Promise<void>;
  readonly runningCount: number;
  readonly skippedCount: number;
}

/**
 * Runs every activity once, so that also a short demo has some of each, and then each at its rate, evenly. Whether
 * the one before was answered makes no difference, as it makes none to an app's users.
 */
export function startTraffic(
  activities: readonly Activity[],
  rates: Rates,
  signal: AbortSignal,
): Traffic {
  const running = new Set<Promise<unknown>>();
  let skippedCount = 0;
  const lanes = activities.map(({ name, run }, index) => {
    let runningCount = 0;
    let turn = 0;
    return {
      /** Turns that are due. A head start, told apart by activity, so that they do not all come together. */
      due: 1 + index / activities.length,
      name,
      start: (): void => {
        if (runningCount >= runningMax) {
          skippedCount++;
          return;
        }
        runningCount++;
        const one = run(turn++).finally(() => {
          runningCount--;
          running.delete(one);
        });
        running.add(one);
      },
    };
  });
  const loop = async (): Promise<void> => {
    let lastMs = performance.now();
    while (!signal.aborted) {
      const nowMs = performance.now();
      for (const lane of lanes) {
        const perSecond = (rates.perSecond[lane.name] ?? 0) * rates.scale;
        lane.due += (perSecond * (nowMs - lastMs)) / 1_000;
        for (; lane.due >= 1; lane.due--) lane.start();
      }
      lastMs = nowMs;
      await sleep(tickMs, undefined, { signal }).catch(() => undefined);
    }
    await Promise.allSettled(running);
  };
  return {
    done: loop(),
    get runningCount() {
      return running.size;
    },
    get skippedCount() {
      return skippedCount;
    },
  };
}
