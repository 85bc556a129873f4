import { setImmediate as nextTurn } from "node:timers/promises";

import type { Dispatcher } from "undici";
import { Pool } from "undici";

import type { UpstreamPools } from "../../src/providers/transport/pools.ts";

/**
 * A pool without a network: it answers every request with one stream, a chunk in each turn of the event loop.
 * What is left to be measured is what Sentinel does to the chunks.
 */
export function streamingPools(chunks: readonly Buffer[]): UpstreamPools {
  const pool = new StreamingPool(chunks);
  const nothing = (): Promise<void> => Promise.resolve();
  return { kept: pool, fresh: pool, isStale: () => false, close: nothing, destroy: nothing };
}

class StreamingPool extends Pool {
  readonly #chunks: readonly Buffer[];

  constructor(chunks: readonly Buffer[]) {
    super("http://127.0.0.1:9"); // Never connected to.
    this.#chunks = chunks;
  }

  override dispatch(
    _options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    void this.#play(handler);
    return true;
  }

  async #play(handler: Dispatcher.DispatchHandler): Promise<void> {
    const controller: Dispatcher.DispatchController = {
      aborted: false,
      paused: false,
      reason: null,
      rawHeaders: [],
      rawTrailers: [],
      abort: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
    };
    handler.onRequestStart?.(controller, {});
    handler.onResponseStart?.(controller, 200, { "content-type": "text/event-stream" }, "OK");
    for (const chunk of this.#chunks) {
      handler.onResponseData?.(controller, chunk);
      await nextTurn();
    }
    handler.onResponseEnd?.(controller, {});
  }
}
