import { setTimeout as sleep } from "node:timers/promises";
import { nextWholeRequest } from "./harness/chat-requests.ts";
import { DriverConnection, type TimedAnswer } from "./harness/driver-connection.ts";
import type { Driven, Scenario } from "./harness/scenario.ts";

const requestsPerSecond = 200;
const gapMs = 1000 / requestsPerSecond;

/** Whole answers at a fixed rate, sent whether or not the one before was answered: what a user waits. */
export const openLoop: Scenario = {
  name: `open loop, ${requestsPerSecond} requests a second`,
  unit: "request",
  times: "added",
  load: "partial",
  drive,
};

async function drive(origin: string, seconds: number): Promise<Driven> {
  using connections = new DisposableStack();
  const idle: DriverConnection[] = [];
  const running: Promise<TimedAnswer>[] = [];
  const startMs = performance.now();
  const requestCount = Math.round(seconds * requestsPerSecond);
  for (let sent = 0; sent < requestCount; sent += 1) {
    const earlyMs = startMs + sent * gapMs - performance.now();
    if (earlyMs > 0) await sleep(earlyMs);
    const connection = idle.pop() ?? connections.use(new DriverConnection(origin));
    running.push(askThenIdle(connection, idle));
  }
  const answers = await Promise.all(running);
  const elapsedMs = performance.now() - startMs;
  const eachMs = answers.flatMap((answer) => (answer.kind === "answered" ? [answer.totalMs] : []));
  return {
    completedCount: eachMs.length,
    failedCount: answers.length - eachMs.length,
    elapsedMs,
    timings: [{ name: "answer", eachMs }],
  };
}

async function askThenIdle(
  connection: DriverConnection,
  idle: DriverConnection[],
): Promise<TimedAnswer> {
  const answer = await connection.ask(nextWholeRequest());
  idle.push(connection);
  return answer;
}
