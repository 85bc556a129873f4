import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { describeMachine } from "./harness/machine.ts";
import { canPin, pinThisProcess } from "./harness/pinning.ts";
import { killChildrenAtExit } from "./harness/start-process.ts";
import { startGateway, startMocks } from "./judge/judge-processes.ts";
import { measureJudged } from "./judge/measure-judged.ts";
import type { Turn } from "./judge/measure-judged.ts";
import { setPolicy, sharesAround, untilJudged } from "./judge/policies.ts";
import { reportJudged } from "./judge/report-judged.ts";
import type { JudgedRound } from "./judge/report-judged.ts";
import { openLoop } from "./open-loop.ts";
import { pacedStreamsAt } from "./paced-streams.ts";
import { wholeAnswers } from "./whole-answers.ts";

/**
 * `npm run bench:judge -- [--share 0.05] [--rounds 12] [--seconds 6] [--concurrency 4] [--streams] [--closed-loop]`: what
 * users feel of having a share of their answers judged. One gateway, whose tenant has its policy set and taken away in
 * turns: with workers in the process, and with none, so that only sampling and enqueueing are left. The goal: p99 does
 * not move at 0.05.
 */
const { values } = parseArgs({
  options: {
    share: { type: "string", default: "0.05" },
    rounds: { type: "string", default: "12" },
    seconds: { type: "string", default: "6" },
    concurrency: { type: "string", default: "4" },
    streams: { type: "boolean", default: false },
    "closed-loop": { type: "boolean", default: false },
  },
});
const shares = sharesAround(Number(values.share));
const roundCount = Number(values.rounds);
const seconds = Number(values.seconds);
/** Far fewer than fill a core, so that waiting says something of the gateway and not of the load. */
const streams = pacedStreamsAt(64);
const scenarios = [
  openLoop,
  ...(values.streams ? [streams] : []),
  ...(values["closed-loop"] ? [wholeAnswers] : []),
];
const warmUpSeconds = 3;

killChildrenAtExit();
console.log(`${describeMachine()}\n`);
if (canPin()) pinThisProcess();
const folder = await mkdtemp(join(tmpdir(), "sentinel-bench-judge-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
await using opened = new AsyncDisposableStack();
const mocks = await startMocks(folder, opened);
for (const concurrency of [Number(values.concurrency), 0]) {
  await using gateway = await startGateway(mocks, { concurrency, folder });
  const hasWorkers = concurrency > 0;
  for (const scenario of scenarios) {
    const turn = { scenario, gateway, judge: mocks.judge, hasWorkers, seconds };
    await warmUp(turn);
    const rounds = await runRounds(turn);
    const workers = hasWorkers ? `${concurrency} jobs at once in the process` : "no workers";
    console.log(reportJudged(`${scenario.name}; ${workers}`, rounds));
  }
}

/** With everything judged, so that all of it has run before anything is measured. */
async function warmUp({ gateway, scenario, hasWorkers }: Omit<Turn, "share">): Promise<void> {
  await setPolicy(gateway.origin, { name: "all", rate: 1 });
  await scenario.drive(gateway.origin, warmUpSeconds);
  await untilJudged(gateway.origin, hasWorkers);
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
