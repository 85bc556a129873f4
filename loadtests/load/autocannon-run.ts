import autocannon from "autocannon";

import type { LiveFigures } from "./live-figures.ts";
import { isGood, type Measured } from "./measured.ts";
import type { LoadSize } from "./scenario.ts";

/** One request, as text. */
export interface Shot {
  readonly path: string;
  readonly key: string;
  readonly body: string;
  /** Who asks, where a scenario tells answers apart by that. */
  readonly who?: string;
}

export interface AutocannonPlan {
  readonly url: string;
  readonly size: LoadSize;
  readonly next: () => Shot;
  readonly live: LiveFigures;
  readonly signal: AbortSignal;
  readonly onAnswer?: (status: number, who: string) => void;
}

/** Longer than a gateway may take for its retries and fallbacks. */
const timeoutSeconds = 30;

/**
 * A scenario's load by autocannon, which is quick, and keeps connections open. What it counts and times itself is not
 * used: it has whole milliseconds only, takes 1 ms for the interval of any rate when it corrects for coordinated omission, and
 * asks again in silence where a connection was closed (9.0.0, lib/run.js and lib/httpClient.js, read 2026-11-21).
 */
export async function runAutocannon(plan: AutocannonPlan): Promise<Measured> {
  const { url, size, next, live, signal, onAnswer } = plan;
  const recorder = new Recorder(live);
  const startedMs = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const instance = autocannon(
    {
      url,
      connections: size.connections,
      duration: size.seconds,
      timeout: timeoutSeconds,
      sampleInt: sampleMs,
      ...(size.ratePerSecond === undefined
        ? {}
        : { overallRate: size.ratePerSecond, ignoreCoordinatedOmission: true }),
      requests: [
        {
          method: "POST",
          setupRequest: (request, context) => {
            const { path, key, body, who = "" } = next();
            recorder.sentCount++;
            Object.assign(context, { who });
            const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
            return { ...request, path, body, headers };
          },
          onResponse: (status, _body, context, headers) => {
            recorder.readHeaders(headers ?? {});
            onAnswer?.(status, "who" in context ? String(context.who) : "");
          },
        },
      ],
    },
    (error: unknown) => {
      if (error instanceof Error) reject(error);
      else resolve(undefined);
    },
  );
  instance.on("response", (_client, status, _bytes, latencyMs) => {
    recorder.answer(status, latencyMs);
  });
  instance.on("reqError", () => {
    recorder.error();
  });
  const stop = (): void => {
    instance.stop();
  };
  signal.addEventListener("abort", stop, { once: true });
  await promise;
  signal.removeEventListener("abort", stop);
  return recorder.measured((performance.now() - startedMs) / 1_000, size.connections);
}

/** How soon it notices that it is over. */
const sampleMs = 100;

class Recorder {
  sentCount = 0;
  readonly #live: LiveFigures;
  readonly #statuses: Record<string, number> = {};
  readonly #cache: Record<string, number> = {};
  readonly #latenciesMs: number[] = [];
  #answeredCount = 0;
  #errorCount = 0;
  #severalAttemptsCount = 0;

  constructor(live: LiveFigures) {
    this.#live = live;
  }

  answer(status: number, latencyMs: number): void {
    this.#answeredCount++;
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    if (isGood(status)) this.#latenciesMs.push(latencyMs);
    this.#live.answer(status, latencyMs);
  }

  error(): void {
    this.#errorCount++;
    this.#live.error();
  }

  readHeaders(headers: Readonly<Record<string, unknown>>): void {
    const cache = headers["x-sentinel-cache"];
    if (typeof cache === "string") this.#cache[cache] = (this.#cache[cache] ?? 0) + 1;
    if (Number(headers["x-sentinel-attempts"] ?? 0) > 1) this.#severalAttemptsCount++;
  }

  measured(elapsedSeconds: number, connections: number): Measured {
    // What each connection was still waiting for at the end is not lost.
    const lost = this.sentCount - this.#answeredCount - this.#errorCount - connections;
    return {
      elapsedSeconds,
      answeredCount: this.#answeredCount,
      statuses: this.#statuses,
      errorCount: this.#errorCount + Math.max(0, lost),
      latenciesMs: this.#latenciesMs,
      cache: this.#cache,
      severalAttemptsCount: this.#severalAttemptsCount,
      notes: [],
      faults: [],
    };
  }
}
