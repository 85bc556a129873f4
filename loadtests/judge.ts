import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { describeMachine } from "./harness/machine.ts";
import { canPin, pinThisProcess } from "./harness/pinning.ts";
import { killChildrenAtExit } from "./harness/start-process.ts";
import { startGateway, startMocks } from "./judge/judge-processes.ts";
import { measureJudged } from "./judge/measure-judged.ts";
import type { Turn } from "./judge/measure-judged.ts";
import { setPolicy, sharesAround } from "./judge/policies.ts";
import { reportJudged } from "./judge/report-judged.ts";
import type { JudgedRound } from "./judge/report-judged.ts";
import { SteadyLoad } from "./judge/steady-load.ts";

/**
 * `npm run bench:judge -- [--share 0.05] [--rate 200] [--rounds 20] [--seconds 4] [--concurrency 4]`: what users feel of
 * having a share of their answers judged. One gateway under a load that does not stop, whose tenant has its policy set
 * and taken away in turns: with workers in the process, and with none, so that only sampling and enqueueing are left.
 * The goal: p99 does not move at 0.05.
 */
const { values } = parseArgs({
  options: {
    share: { type: "string", default: "0.05" },
    rate: { type: "string", default: "200" },
    rounds: { type: "string", default: "20" },
    seconds: { type: "string", default: "4" },
    concurrency: { type: "string", default: "4" },
  },
});
const shares = sharesAround(Number(values.share));
const perSecond = Number(values.rate);
const roundCount = Number(values.rounds);
const seconds = Number(values.seconds);
const warmUpMs = 10_000;

killChildrenAtExit();
console.log(`${describeMachine()}\n`);
if (canPin()) pinThisProcess();
const folder = await mkdtemp(join(tmpdir(), "sentinel-bench-judge-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
await using opened = new AsyncDisposableStack();
const mocks = await startMocks(folder, opened);
for (const concurrency of [Number(values.concurrency), 0]) {
  await using gateway = await startGateway(mocks, { concurrency, folder });
  await using load = new SteadyLoad(gateway.origin, perSecond);
  // So that all of it has run before anything is measured.
  await setPolicy(gateway.origin, { name: "warm-up", rate: Number(values.share) });
  await sleep(warmUpMs);
  const rounds = await runRounds({ load, gateway, judge: mocks.judge, seconds });
  const workers = concurrency > 0 ? `${concurrency} jobs at once in the process` : "no workers";
  console.log(reportJudged(`${perSecond} requests a second; ${workers}`, rounds));
}

/** There and back again, so that what drifts hits all alike. */
async function runRounds(turn: Omit<Turn, "share">): Promise<readonly JudgedRound[]> {
  const rounds: JudgedRound[] = [];
  for (let number = 0; number < roundCount; number += 1) {
    const round = [];
    for (const share of number % 2 === 0 ? shares : shares.toReversed()) {
      round.push(await measureJudged({ ...turn, share }));
    }
    rounds.push(round);
  }
  return rounds;
}
