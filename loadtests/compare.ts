import { rmSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whatIsWrong } from "./harness/check-answers.ts";
import { gatewayEnvironment } from "./harness/gateway-environment.ts";
import { describeMachine } from "./harness/machine.ts";
import { readOptions } from "./harness/options.ts";
import { mockPlan } from "./harness/mock-plan.ts";
import { canPin, driverCore, pinThisProcess, targetCore } from "./harness/pinning.ts";
import { reportTable } from "./harness/report.ts";
import { runRounds } from "./harness/run-rounds.ts";
import {
  freePort,
  killChildrenAtExit,
  startProcess,
  type RunningProcess,
} from "./harness/start-process.ts";
import { startRedis } from "./harness/start-redis.ts";
import type { Target } from "./harness/targets.ts";

/** `npm run bench`: measures Sentinel and the bare gateways in one run and prints a table each. */
const options = readOptions(process.argv.slice(2));
killChildrenAtExit();
console.log(`${describeMachine()}\n`);
if (canPin()) pinThisProcess();

await using opened = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), "sentinel-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
const mock = await startMock();
const running: RunningProcess[] = [];
for (const target of options.targets) {
  const started = await startTarget(target);
  if (started !== undefined) running.push(started);
}
const isAnythingToMeasure = running.length > 0;
for (const scenario of isAnythingToMeasure ? options.scenarios : []) {
  const { roundCount, seconds } = options;
  const rounds = await runRounds({ scenario, targets: running, mock, roundCount, seconds });
  console.log(reportTable(scenario, rounds));
}

async function startMock(): Promise<RunningProcess> {
  const port = await freePort();
  const script = join(import.meta.dirname, "mock-provider.ts");
  const start = await startProcess(mockPlan({ name: "mock-provider", script, port, folder }));
  if (start.kind === "failed") throw new Error(`mock provider: ${start.reason}`);
  return opened.use(start.running);
}

/** A target that does not start, or answers wrongly, is named and left out. */
async function startTarget(target: Target): Promise<RunningProcess | undefined> {
  const { name, script } = target;
  const dataFolder = join(folder, name);
  await mkdir(dataFolder);
  const redis = target.usesRedis === true ? await startRedis(driverCore) : undefined;
  if (target.usesRedis === true && redis === undefined) {
    console.log(`${name}: not started: there is no redis-server\n`);
    return undefined;
  }
  if (redis !== undefined) opened.use(redis);
  const port = await freePort();
  const start = await startProcess({
    name,
    script,
    scriptArguments: [],
    environment: gatewayEnvironment({
      mockOrigin: mock.origin,
      port,
      dataFolder,
      redisUrl: redis?.url,
      hasNoCache: target.hasNoCache,
    }),
    port,
    readyPath: "/health/ready",
    core: targetCore,
    folder,
  });
  if (start.kind === "failed") {
    console.log(`${name}: not started: ${start.reason}\n`);
    return undefined;
  }
  opened.use(start.running);
  const wrong = await whatIsWrong(start.running.origin);
  if (wrong === undefined) return start.running;
  console.log(`${name}: not measured: ${wrong}\n`);
  return undefined;
}
