import { writeFile } from "node:fs/promises";

import { describeMachine } from "./harness/machine.ts";
import { killChildrenAtExit } from "./harness/start-process.ts";
import { findGateway } from "./load/gateway-under-load.ts";
import { readLoadOptions, type LoadOptions } from "./load/options.ts";
import {
  isMet,
  jsonReport,
  markdownReport,
  terminalReport,
  type ScenarioReport,
} from "./load/report.ts";
import { runScenario } from "./load/run-scenario.ts";
import { whyItMayCost } from "./load/spending.ts";
import { openLoadStage } from "./load/stage.ts";
import { burst } from "./scenarios/burst.ts";
import { cacheHeavy } from "./scenarios/cache-heavy.ts";
import { failingProvider } from "./scenarios/failing-provider.ts";
import { manyTenants } from "./scenarios/many-tenants.ts";
import { steady } from "./scenarios/steady.ts";
import { streaming } from "./scenarios/streaming.ts";

/** `npm run load`: load on a running gateway, what it did to it, and whether that is all right. */
const scenarios = [steady, burst, streaming, cacheHeavy, manyTenants, failingProvider];

try {
  const options = readLoadOptions(process.argv.slice(2), process.env, scenarios);
  if ("help" in options) console.log(options.help);
  else process.exitCode = await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function run(options: LoadOptions): Promise<number> {
  await using opened = new AsyncDisposableStack();
  if (options.startsMock) killChildrenAtExit();
  const stage = options.startsMock ? opened.use(await openLoadStage()) : undefined;
  const gateway = await findGateway(
    stage?.url ?? options.url,
    stage === undefined ? { key: options.key, adminToken: options.adminToken } : {},
  );
  const asked = options.scenarios.flatMap((scenario) => scenario.modelsOf(options.model));
  const cost = whyItMayCost(asked, gateway.models);
  if (cost !== undefined && !options.maySpendMoney) {
    throw new Error(
      `Load costs money where providers are real, and here ${cost}. Start npm run load:gateway, or add --yes-spend-money.`,
    );
  }
  const reports = await runAll(options, gateway);
  await write(options.reportPath, reports, `${gateway.url}, ${new Date().toISOString()}`);
  return reports.every(isMet) && reports.length === options.scenarios.length ? 0 : 1;
}

async function runAll(
  options: LoadOptions,
  gateway: Awaited<ReturnType<typeof findGateway>>,
): Promise<readonly ScenarioReport[]> {
  const stopping = new AbortController();
  // The first ends the scenario early, with its report; the second everything.
  process.once("SIGINT", () => stopping.abort());
  const reports: ScenarioReport[] = [];
  for (const scenario of options.scenarios) {
    if (stopping.signal.aborted) break;
    const report = await runScenario(scenario, {
      gateway,
      model: options.model,
      size: options.size,
      metricsToken: process.env["SENTINEL_METRICS_TOKEN"],
      signal: stopping.signal,
      out: process.stdout,
    });
    reports.push(report);
    console.log(`\n${terminalReport(report)}\n`);
  }
  return reports;
}

async function write(
  path: string | undefined,
  reports: readonly ScenarioReport[],
  heading: string,
): Promise<void> {
  if (path === undefined) return;
  const text = path.endsWith(".json")
    ? jsonReport(reports, heading)
    : `${markdownReport(reports, heading)}\n${describeMachine()}\n`;
  await writeFile(path, text);
  console.log(`The report is in ${path}.`);
}
