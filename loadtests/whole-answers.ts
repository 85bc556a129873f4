import { nextWholeRequest, repeatedRequest } from "./harness/chat-requests.ts";
import { DriverConnection } from "./harness/driver-connection.ts";
import type { Driven, Scenario } from "./harness/scenario.ts";

const connectionCount = 64;

/** 64 connections, each asking again as soon as it has its answer: the target is never idle. */
export const wholeAnswers: Scenario = {
  name: `whole answers, ${connectionCount} connections, closed loop`,
  unit: "request",
  times: "absolute",
  load: "saturating",
  drive: (origin, seconds) => drive(origin, seconds, nextWholeRequest),
};

/** As above, asking again for what was asked before. */
export const cachedAnswers: Scenario = {
  ...wholeAnswers,
  name: `answers that were given before, ${connectionCount} connections, closed loop`,
  drive: (origin, seconds) => drive(origin, seconds, repeatedRequest),
};

type NextRequest = () => string;

/** No request begins after `seconds`; those that run are read to their end. */
async function drive(origin: string, seconds: number, next: NextRequest): Promise<Driven> {
  const tally: Tally = { eachMs: [], failedCount: 0 };
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const lanes = Array.from({ length: connectionCount }, () =>
    askUntil(endMs, { origin, next, tally }),
  );
  await Promise.all(lanes);
  return {
    completedCount: tally.eachMs.length,
    failedCount: tally.failedCount,
    elapsedMs: performance.now() - startMs,
    timings: [{ name: "answer", eachMs: tally.eachMs }],
  };
}

interface Tally {
  readonly eachMs: number[];
  failedCount: number;
}

interface Lane {
  readonly origin: string;
  readonly next: NextRequest;
  readonly tally: Tally;
}

async function askUntil(endMs: number, { origin, next, tally }: Lane): Promise<void> {
  using connection = new DriverConnection(origin);
  while (performance.now() < endMs) {
    const answer = await connection.ask(next());
    if (answer.kind === "answered") tally.eachMs.push(answer.totalMs);
    else tally.failedCount += 1;
  }
}
