import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { destination, pino } from "pino";

import { loadConfiguration } from "../../src/config/load.ts";
import { serve } from "../../src/serve.ts";
import { activitiesOf } from "./activities.ts";
import { calibrate } from "./calibrate.ts";
import { DemoClient } from "./client.ts";
import { demoConfiguration } from "./configuration.ts";
import { startMockProviders, type MockControls } from "./mock-providers.ts";
import { preparePrometheus } from "./prometheus-config.ts";
import { judgeModel, makeTenants, type DemoTenants } from "./tenants.ts";
import { FigureKeeper, startTraffic, type DemoFigures, type Rates } from "./traffic.ts";
import { spendBudgets, warmUp, type WarmUp } from "./warm-up.ts";

export interface DemoOptions {
  /** 0 for any that is free; one that is taken is replaced by such, with a sentence. */
  readonly port?: number;
  /** Traffic stops by itself after so long; without it, when the demo is stopped. */
  readonly seconds?: number | undefined;
  /** The busyness to begin with; 1 is about thirty requests a second. */
  readonly scale?: number;
  /** Sentences for whoever watches. */
  readonly log?: (sentence: string) => void;
  /** Without it no semantic hit is served; it takes about two seconds. */
  readonly hasWarmUp?: boolean;
  /** Stops it, also while it is still being started: what comes then is a demo without traffic. */
  readonly signal?: AbortSignal;
}

/** The whole of Sentinel with providers, tenants and traffic, in this process. Disposing of it stops all of it. */
export interface Demo extends AsyncDisposable {
  readonly url: string;
  readonly adminToken: string;
  /** What a scraper presents at `/metrics/prometheus`; from this machine none is needed. */
  readonly metricsToken: string;
  readonly tenants: DemoTenants;
  /** Where its data and its log are, as long as it runs. */
  readonly folder: string;
  readonly logPath: string;
  /** Starts a Prometheus that scrapes it every second, if one is installed. */
  readonly prometheusCommand: string;
  readonly warmUp: WarmUp | undefined;
  /** May be changed at any time. */
  readonly rates: Rates;
  /** The same of the providers. */
  readonly providers: MockControls;
  readonly figures: DemoFigures;
  /** Resolves once the traffic has stopped. */
  readonly traffic: Promise<void>;
  stop(): void;
}

export async function startDemo(options: DemoOptions = {}): Promise<Demo> {
  const { seconds, scale = 1, log = () => undefined, hasWarmUp = true, signal } = options;
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "sentinel-demo-"));
  opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const mock = opened.use(await startMockProviders());
  const gateway = await openGateway({ folder, port: options.port ?? 8000, mock, log }, opened);
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort();
  };
  signal?.addEventListener("abort", stop, { once: true });
  const tenants = await makeTenants(gateway);
  const keeper = new FigureKeeper();
  const leaving = new AbortController();
  const client = new DemoClient(gateway.url, leaving.signal, keeper.add);
  mock.controls.pace = 0;
  await Promise.all([spendBudgets({ client, tenants }), calibrate(gateway)]);
  mock.controls.pace = 1;
  const warmed = hasWarmUp
    ? await warmedUp({ ...gateway, client, tenants, signal: stopping.signal }, mock.controls, log)
    : undefined;
  const activities = activitiesOf({
    client,
    tenants,
    adminToken: gateway.adminToken,
    learntTopics: warmed?.topics ?? 1,
  });
  const rates: Rates = {
    scale,
    perSecond: Object.fromEntries(activities.map(({ name, perSecond }) => [name, perSecond])),
  };
  const traffic = startTraffic(activities, rates, stopping.signal);
  stopping.signal.addEventListener("abort", () => {
    const timer = setTimeout(() => leaving.abort(), lastAnswersMs);
    void traffic.done.then(() => clearTimeout(timer));
  });
  if (seconds !== undefined) {
    void sleep(seconds * 1_000, undefined, { signal: stopping.signal }).then(stop, () => undefined);
  }
  const resources = opened.move();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    stop();
    await traffic.done;
    await resources[Symbol.asyncDispose]();
  };
  return {
    ...gateway,
    tenants,
    folder,
    warmUp: warmed,
    rates,
    providers: mock.controls,
    get figures() {
      const { runningCount, skippedCount } = traffic;
      return { ...keeper.figures, runningCount, skippedCount };
    },
    traffic: traffic.done,
    stop,
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

/** How long running requests may take to be answered after the traffic was stopped. */
const lastAnswersMs = 2_000;

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly mock: { readonly baseUrl: string };
  readonly log: (sentence: string) => void;
}

/** A gateway as `npm start` has it, with presets in the place of what a first start would make. */
async function openGateway({ folder, port, mock, log }: Place, opened: AsyncDisposableStack) {
  const configPath = join(folder, "sentinel.yaml");
  await writeFile(configPath, demoConfiguration(mock.baseUrl));
  const free = (await isFree(port)) ? port : 0;
  if (free !== port) log(`Port ${port} is taken, so the demo picks another one.`);
  const adminToken = `demo-admin-${randomBytes(16).toString("hex")}`;
  const metricsToken = `demo-metrics-${randomBytes(16).toString("hex")}`;
  const configuration = await loadConfiguration({
    SENTINEL_PORT: String(free),
    SENTINEL_CONFIG: configPath,
    SENTINEL_DATA_DIR: join(folder, "data"),
    SENTINEL_ADMIN_TOKEN: adminToken,
    SENTINEL_DEFAULT_KEY: `demo-key-${randomBytes(16).toString("hex")}`,
    SENTINEL_METRICS_TOKEN: metricsToken,
    SENTINEL_DRAIN_TIMEOUT_MS: "500",
    SENTINEL_EMBEDDER: mock.baseUrl,
    SENTINEL_EMBEDDER_MODEL: "atlas-embed",
    SENTINEL_EMBEDDER_API_KEY: "demo-key-of-atlas",
    SENTINEL_CACHE_CHECK_MODEL: "atlas-judge",
    SENTINEL_JUDGE_MODEL: judgeModel,
  });
  const logPath = join(folder, "sentinel.log");
  const sink = destination({ dest: logPath, sync: false });
  await once(sink, "ready");
  opened.defer(async () => {
    sink.end();
    await once(sink, "close");
  });
  const running = await serve(configuration, pino({ level: "info" }, sink));
  opened.use(running);
  const prometheusCommand = await preparePrometheus(running.url, folder);
  return { url: running.url, adminToken, metricsToken, logPath, prometheusCommand };
}

async function warmedUp(
  deps: Parameters<typeof warmUp>[0],
  controls: MockControls,
  log: (sentence: string) => void,
): Promise<WarmUp> {
  controls.pace = 0;
  const warmed = await warmUp(deps);
  controls.pace = 1;
  controls.judgeErrorShare = 0.02;
  const { questions, channels } = warmed;
  log(
    channels.length === 0
      ? `The semantic cache was asked ${questions} questions and serves nothing yet: it is not sure enough.`
      : `The semantic cache was asked ${questions} questions and serves by now (${channels.join(", ")}).`,
  );
  return warmed;
}

async function isFree(port: number): Promise<boolean> {
  if (port === 0) return true;
  const server = createServer();
  const listening = once(server, "listening");
  server.listen(port, "127.0.0.1");
  try {
    await listening;
  } catch {
    // Somebody has it, or this user may not: either way another one is needed.
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
