import { setTimeout as sleep } from "node:timers/promises";
import { nextStreamRequest } from "./harness/chat-requests.ts";
import { DriverConnection } from "./harness/driver-connection.ts";
import type { Driven, Scenario } from "./harness/scenario.ts";

const streamsAtOnce = 256;
/** About as long as one stream lasts: the starts are spread over it, so that they do not come in waves. */
const spreadMs = 155;

/** 256 streams at once at the pace of the mock provider: 50 ms, then a chunk every 5 ms. */
export const pacedStreams: Scenario = {
  name: `paced streams, ${streamsAtOnce} at once`,
  unit: "stream",
  times: "added",
  load: "partial",
  drive,
};

/** No stream begins after `seconds`; those that run are read to their end. */
async function drive(origin: string, seconds: number): Promise<Driven> {
  const tally: Tally = { firstTokensMs: [], totalsMs: [], readCount: 0, failedCount: 0 };
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const lanes = Array.from({ length: streamsAtOnce }, async (_, lane) => {
    await sleep((lane * spreadMs) / streamsAtOnce);
    await streamUntil(endMs, origin, tally);
  });
  await Promise.all(lanes);
  const completedCount = tally.totalsMs.length;
  return {
    completedCount,
    failedCount: tally.failedCount,
    elapsedMs: performance.now() - startMs,
    timings: [
      { name: "first token", eachMs: tally.firstTokensMs },
      { name: "whole stream", eachMs: tally.totalsMs },
    ],
    chunksPerStream: tally.readCount / completedCount,
  };
}

interface Tally {
  readonly firstTokensMs: number[];
  readonly totalsMs: number[];
  readCount: number;
  failedCount: number;
}

async function streamUntil(endMs: number, origin: string, tally: Tally): Promise<void> {
  using connection = new DriverConnection(origin);
  while (performance.now() < endMs) {
    const answer = await connection.ask(nextStreamRequest());
    if (answer.kind === "failed" || !Buffer.concat(answer.ending).includes("data: [DONE]")) {
      tally.failedCount += 1;
      continue;
    }
    tally.firstTokensMs.push(answer.firstDataMs);
    tally.totalsMs.push(answer.totalMs);
    tally.readCount += answer.readCount;
  }
}
