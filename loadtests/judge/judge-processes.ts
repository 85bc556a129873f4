import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { gatewayEnvironment } from "../harness/gateway-environment.ts";
import { mockPlan } from "../harness/mock-plan.ts";
import { targetCore } from "../harness/pinning.ts";
import { freePort, startProcess } from "../harness/start-process.ts";
import type { ProcessPlan, RunningProcess } from "../harness/start-process.ts";

const loadtests = join(import.meta.dirname, "..");

export interface Mocks {
  /** Answers users. */
  readonly provider: RunningProcess;
  readonly judge: RunningProcess;
}

export async function startMocks(folder: string, opened: AsyncDisposableStack): Promise<Mocks> {
  const start = async (name: string, script: string): Promise<RunningProcess> => {
    const port = await freePort();
    return opened.use(await started(mockPlan({ name, script, port, folder })));
  };
  return {
    provider: await start("mock-provider", join(loadtests, "mock-provider.ts")),
    judge: await start("mock-judge", join(loadtests, "judge", "mock-judge.ts")),
  };
}

/** One gateway for all policies, so that with and without differ in nothing else. */
export async function startGateway(
  { provider, judge }: Mocks,
  { concurrency, folder }: { readonly concurrency: number; readonly folder: string },
): Promise<RunningProcess> {
  const name = `sentinel-${concurrency}`;
  const dataFolder = join(folder, name);
  await mkdir(dataFolder);
  const config = join(folder, `${name}.yaml`);
  await writeFile(config, configOf(provider.origin, judge.origin));
  const port = await freePort();
  const place = { mockOrigin: provider.origin, port, dataFolder };
  return started({
    name,
    script: join(loadtests, "..", "src", "main.ts"),
    scriptArguments: [],
    environment: {
      ...gatewayEnvironment({ ...place, redisUrl: undefined, hasNoCache: undefined }),
      SENTINEL_CONFIG: config,
      SENTINEL_JOB_CONCURRENCY: String(concurrency),
      SENTINEL_JUDGE_BUDGET_USD: "1000000",
    },
    port,
    readyPath: "/health/ready",
    core: targetCore,
    folder,
  });
}

export const judgeModel = "mock-judge";

/** YAML, which JSON is too. */
const configOf = (providerOrigin: string, judgeOrigin: string): string =>
  JSON.stringify({
    providers: {
      openai: {
        type: "openai",
        base_url: `${providerOrigin}/v1`,
        api_keys: ["upstream-key"],
      },
      judge: {
        type: "openai-compatible",
        base_url: `${judgeOrigin}/v1`,
        api_keys: ["judge-key"],
        models: [judgeModel],
      },
    },
    prices: {
      judge: {
        [judgeModel]: { input_per_million_usd: "0.15", output_per_million_usd: "0.6" },
      },
    },
  });

async function started(plan: ProcessPlan): Promise<RunningProcess> {
  const start = await startProcess(plan);
  if (start.kind === "failed") throw new Error(`${plan.name}: ${start.reason}`);
  return start.running;
}
