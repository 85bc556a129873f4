import { Agent, request } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";

import type { LiveFigures } from "./live-figures.ts";
import { isGood, type Measured } from "./measured.ts";
import type { LoadSize } from "./scenario.ts";

export interface StreamPlan {
  readonly url: string;
  readonly key: string;
  readonly size: LoadSize;
  readonly nextBody: () => string;
  readonly live: LiveFigures;
  readonly signal: AbortSignal;
}

/** Gaps are many: of more than this the later ones are left out. */
const gapsMax = 2_000_000;
const endMark = "data: [DONE]";

/**
 * Streams, so many at a time, each asked for as soon as the one before has ended. A client of our own: autocannon
 * times whole answers only, and here it is about the first byte and what lies between two of them.
 */
export async function runStreams(plan: StreamPlan): Promise<Measured> {
  const { url, size, signal, live } = plan;
  const isSecure = url.startsWith("https:");
  const options = { keepAlive: true, maxSockets: size.connections };
  const agent = isSecure ? new SecureAgent(options) : new Agent(options);
  const result = { statuses: {} as Record<string, number>, cache: {} as Record<string, number> };
  const times = {
    latenciesMs: [] as number[],
    firstByteMs: [] as number[],
    gapsMs: [] as number[],
  };
  let [answeredCount, errorCount, severalAttemptsCount] = [0, 0, 0];
  const startedMs = performance.now();
  const endMs = startedMs + size.seconds * 1_000;
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs && !signal.aborted) {
      const one = await readStream({ ...plan, agent });
      if (one.kind === "failed") {
        errorCount++;
        live.error();
        continue;
      }
      answeredCount++;
      result.statuses[one.status] = (result.statuses[one.status] ?? 0) + 1;
      result.cache[one.cache] = (result.cache[one.cache] ?? 0) + 1;
      if (one.attempts > 1) severalAttemptsCount++;
      live.answer(one.status, one.totalMs);
      if (!isGood(one.status)) continue;
      times.latenciesMs.push(one.totalMs);
      times.firstByteMs.push(one.firstByteMs);
      if (times.gapsMs.length < gapsMax) times.gapsMs.push(...one.gapsMs);
    }
  };
  await Promise.all(Array.from({ length: size.connections }, lane));
  agent.destroy();
  const elapsedSeconds = (performance.now() - startedMs) / 1_000;
  return {
    ...{ elapsedSeconds, answeredCount, errorCount, severalAttemptsCount },
    ...result,
    ...times,
    notes: [],
    faults: [],
  };
}

type StreamRead =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly cache: string;
      readonly attempts: number;
      readonly firstByteMs: number;
      readonly gapsMs: readonly number[];
      readonly totalMs: number;
    }
  | { readonly kind: "failed" };

interface OneStream extends StreamPlan {
  readonly agent: Agent | SecureAgent;
}

/** Reads one stream to its end. A good one that lacks `[DONE]` has failed, whatever its status was. */
function readStream({ url, key, agent, nextBody, signal }: OneStream): Promise<StreamRead> {
  const { promise, resolve } = Promise.withResolvers<StreamRead>();
  const startedMs = performance.now();
  const send = url.startsWith("https:") ? secureRequest : request;
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const fail = (): void => {
    resolve({ kind: "failed" });
  };
  const outgoing = send(`${url}/v1/chat/completions`, { method: "POST", agent, headers, signal });
  outgoing.once("error", fail);
  outgoing.once("response", (incoming) => {
    const status = incoming.statusCode ?? 0;
    const gapsMs: number[] = [];
    let firstByteMs = 0;
    let lastMs = 0;
    let ending = "";
    incoming.on("data", (bytes: Buffer) => {
      const nowMs = performance.now();
      if (lastMs === 0) firstByteMs = nowMs - startedMs;
      else gapsMs.push(nowMs - lastMs);
      lastMs = nowMs;
      ending = (ending + bytes.toString("latin1")).slice(-endMark.length - 4);
    });
    incoming.once("error", fail);
    incoming.once("end", () => {
      if (isGood(status) && !ending.includes(endMark)) {
        fail();
        return;
      }
      const cache = String(incoming.headers["x-sentinel-cache"] ?? "none");
      const attempts = Number(incoming.headers["x-sentinel-attempts"] ?? 0);
      const totalMs = performance.now() - startedMs;
      resolve({ kind: "answered", status, cache, attempts, firstByteMs, gapsMs, totalMs });
    });
  });
  outgoing.end(nextBody());
  return promise;
}
