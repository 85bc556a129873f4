import type { Exchange } from "../exchange.ts";

/** The exchanges that have begun and not ended; as many as `SENTINEL_MAX_INFLIGHT` allows, and their drained streams. */
export class RunningExchanges {
  readonly #running = new Set<Exchange>();

  add(exchange: Exchange): void {
    this.#running.add(exchange);
  }

  remove(exchange: Exchange): void {
    this.#running.delete(exchange);
  }

  /** Counted when somebody asks, so that requests pay for nothing but their place in a set. */
  count(): RunningCounts {
    let streams = 0;
    const byProvider = new Map<string, number>();
    for (const exchange of this.#running) {
      if (exchange.isStream) streams++;
      const provider = providerAsked(exchange);
      if (provider !== undefined) byProvider.set(provider, (byProvider.get(provider) ?? 0) + 1);
    }
    return { streams, wholes: this.#running.size - streams, byProvider };
  }
}

export interface RunningCounts {
  readonly streams: number;
  readonly wholes: number;
  /** Those that wait for a provider, or read what it sends. */
  readonly byProvider: ReadonlyMap<string, number>;
}

/** Undefined between two attempts, and for what needs no provider. */
function providerAsked({ attempts, isStream }: Exchange): string | undefined {
  const attempt = attempts.at(-1);
  if (attempt === undefined || attempt.errorKind !== undefined) return undefined;
  const isOver = attempt.answeredTickMs !== undefined && !isStream;
  return isOver ? undefined : attempt.provider;
}
