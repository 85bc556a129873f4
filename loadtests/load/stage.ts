import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { gatewayEnvironment } from "../harness/gateway-environment.ts";
import { mockPlan } from "../harness/mock-plan.ts";
import { targetCore } from "../harness/pinning.ts";
import {
  freePort,
  startProcess,
  type ProcessPlan,
  type RunningProcess,
} from "../harness/start-process.ts";

/** A mock provider and a gateway for it, as processes of their own, ready for every scenario. */
export interface LoadStage extends AsyncDisposable {
  readonly url: string;
  /** Where the gateway logs. */
  readonly logPath: string;
}

const loadtests = join(import.meta.dirname, "..");
/** As loadtests/load.yaml has it; replaced by where the mock is. */
const mockOriginInYaml = "http://127.0.0.1:8001";

/** On a free port if none is given. With two cores the gateway has one to itself. */
export async function openLoadStage(port?: number): Promise<LoadStage> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "sentinel-load-"));
  const removeFolder = (): void => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", removeFolder);
  opened.defer(() => {
    process.off("exit", removeFolder);
    removeFolder();
  });
  const mockPort = await freePort();
  const script = join(loadtests, "mock-provider.ts");
  const mock = await start(mockPlan({ name: "mock-provider", script, port: mockPort, folder }));
  opened.use(mock);
  const configPath = join(folder, "load.yaml");
  const yaml = await readFile(join(loadtests, "load.yaml"), "utf8");
  await writeFile(configPath, yaml.replaceAll(mockOriginInYaml, mock.origin));
  const dataFolder = join(folder, "data");
  await mkdir(dataFolder);
  const gatewayPort = port ?? (await freePort());
  const place = { mockOrigin: mock.origin, port: gatewayPort, dataFolder };
  const gateway = await start({
    name: "gateway",
    script: join(loadtests, "..", "src", "main.ts"),
    scriptArguments: [],
    environment: {
      ...gatewayEnvironment({ ...place, redisUrl: undefined, hasNoCache: undefined }),
      SENTINEL_CONFIG: configPath,
    },
    port: gatewayPort,
    readyPath: "/health/ready",
    core: targetCore,
    folder,
  });
  opened.use(gateway);
  const resources = opened.move();
  return {
    url: gateway.origin,
    logPath: join(folder, "gateway.log"),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function start(plan: ProcessPlan): Promise<RunningProcess> {
  const started = await startProcess(plan);
  if (started.kind === "started") return started.running;
  throw new Error(`The ${plan.name} did not start: ${started.reason}`);
}
