import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { alertRules } from "../../scripts/make-dashboards/rules/alerts.ts";
import { recordingRules } from "../../scripts/make-dashboards/rules/recording.ts";
import { ruleFileYaml } from "../../scripts/make-dashboards/rules/rule-file.ts";
import { commandExists } from "../support/command-exists.ts";
import { chatBody } from "../support/one-upstream.ts";
import { newTenant, startPricedUpstream } from "../support/priced-upstream.ts";
import type { PricedUpstream, TestTenant } from "../support/priced-upstream.ts";
import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { startPrometheus } from "../support/prometheus.ts";
import type { Labels, Prometheus } from "../support/prometheus.ts";
import type { RedisServer } from "../support/redis.ts";
import { startRedis } from "../support/redis.ts";
import { completion, startScriptedUpstream, whole } from "../support/scripted-upstream.ts";

/** An alert that takes an hour fires in a minute. */
const scale = { timeScale: 1 / 60 };
/** Prometheus looks for its targets five seconds after its start; then the rules have been evaluated some times. */
const quietMs = 9_000;
const firingMs = 25_000;

/** What the faults that are injected below must set off. */
const expected: ReadonlySet<string> = new Set([
  "SentinelTargetDown",
  "SentinelErrorBudgetBurnFast",
  "SentinelCircuitOpen",
  "SentinelBudgetLow",
  "SentinelLabelOverflow",
  "SentinelConfigReloadFailed",
  "SentinelDegraded",
]);

describe.skipIf(!commandExists("prometheus"))("a Prometheus with the bundled rules", () => {
  let scene: Scene;
  let opened: AsyncDisposableStack;
  beforeAll(async () => {
    await using opening = new AsyncDisposableStack();
    scene = opening.use(await openScene());
    opening.use(keepAsking(scene));
    opened = opening.move();
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  test("fires no alert while all is well, and each when its fault is there", async () => {
    const { prometheus, lost, crowded, poor } = scene;
    const before = await expectedAlerts(prometheus, quietMs, () => false);
    expect([...before.keys()]).toEqual([]);
    const healths = (await prometheus.targets()).map(({ health }) => health);
    expect(healths).toEqual(["up", "up", "up"]);

    await injectFaults(scene);
    const isEnough: IsEnough = (seen) => seen.size === expected.size;
    const fired = await expectedAlerts(prometheus, firingMs, isEnough);
    expect(new Set(fired.keys())).toEqual(expected);
    const instanceOf = ({ url }: SentinelProcess): string => new URL(url).host;
    expect(fired.get("SentinelTargetDown")).toMatchObject({ instance: instanceOf(lost) });
    expect(fired.get("SentinelCircuitOpen")).toMatchObject({ target: "test/m" });
    expect(fired.get("SentinelBudgetLow")).toMatchObject({ tenant: poor.id, period: "day" });
    expect(fired.get("SentinelLabelOverflow")).toMatchObject({ label: "tenant" });
    const failed = fired.get("SentinelConfigReloadFailed");
    expect(failed).toMatchObject({ instance: instanceOf(crowded) });
  });

  test("has the ids of recorded traces as exemplars", async () => {
    const exemplars = await scene.prometheus.exemplars("sentinel_request_duration_seconds_bucket");
    expect(exemplars.length).toBeGreaterThan(0);
    for (const labels of exemplars) expect(labels["trace_id"]).toMatch(/^[0-9a-f]{32}$/);
  });
});

/** Three gateways that Prometheus watches: one that will be lost, one on a Redis, one with tenants and limits. */
interface Scene extends AsyncDisposable {
  readonly prometheus: Prometheus;
  readonly lost: SentinelProcess;
  readonly redis: RedisServer;
  readonly crowded: SentinelProcess;
  readonly plane: PricedUpstream;
  readonly asker: TestTenant;
  readonly poor: TestTenant;
}

/** A dollar and a half for a hundred answers. */
const dear = whole(
  completion("ok", { usage: { prompt_tokens: 10, completion_tokens: 1_000, total_tokens: 1_010 } }),
);

async function openScene(): Promise<Scene> {
  await using made = new AsyncDisposableStack();
  const env = { SENTINEL_CACHE: "off", SENTINEL_METRICS_TENANTS_MAX: "2" };
  const plane = made.use(await startPricedUpstream({ script: dear, env }));
  const budgets = [{ period: "day", kind: "soft", limit_usd: "0.1" }];
  const asker = await newTenant(plane.gateway);
  const poor = await newTenant(plane.gateway, { policy: { budgets } });
  const redis = made.use(await startRedis());
  const collector = made.use(await startScriptedUpstream(whole({})));
  const yaml = configurationFor(plane.upstream.baseUrl);
  const [lost, crowded] = await Promise.all([
    startSentinel(),
    startSentinel({
      yaml,
      env: {
        SENTINEL_REDIS_URL: redis.url,
        SENTINEL_CACHE: "off",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.baseUrl}/traces`,
      },
    }),
  ]);
  made.use(lost);
  made.use(crowded);
  const prometheus = made.use(
    await startPrometheus({
      gateways: [lost.url, crowded.url, plane.gateway.url],
      rules: [ruleFileYaml(recordingRules(scale)), ruleFileYaml(alertRules(scale))],
    }),
  );
  const owned = made.move();
  return {
    prometheus,
    lost,
    redis,
    crowded,
    plane,
    asker,
    poor,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** JSON is YAML. */
const configurationFor = (baseUrl: string): string =>
  JSON.stringify({
    providers: {
      test: { type: "openai", base_url: baseUrl, api_keys: ["sk-upstream"], models: ["m"] },
    },
  });

/** Ten requests a second at each gateway that serves some, whatever becomes of them. */
function keepAsking({ asker, crowded }: Scene): AsyncDisposable {
  const everyMs = 100;
  const running = new Set<Promise<unknown>>();
  const ask = (asked: Promise<Response>): void => {
    const over = asked
      .then((answer) => answer.arrayBuffer())
      .catch(() => undefined) // Answers are what Prometheus is asked about.
      .finally(() => running.delete(over));
    running.add(over);
  };
  const timer = setInterval(() => {
    ask(asker.chat());
    ask(chatAt(crowded));
  }, everyMs);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

const chatAt = ({ url, apiKey }: SentinelProcess): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(chatBody()),
  });

async function injectFaults({ lost, redis, crowded, plane, poor }: Scene): Promise<void> {
  lost.kill("SIGKILL");
  // All but nothing of its budget is spent, and it is the second tenant of two that are counted apart.
  for (let spent = 0; spent < 0.1; spent += 0.015) expect((await poor.chat()).status).toBe(200);
  const third = await newTenant(plane.gateway);
  expect((await third.chat()).status).toBe(200);
  plane.upstream.answer((response) => void response.writeHead(500).end());
  await crowded.writeYaml("providers: 7");
  crowded.kill("SIGHUP");
  await crowded.waitForLine((line) => String(line["msg"]).includes("was not reloaded"));
  await redis.kill();
}

type IsEnough = (seen: ReadonlyMap<string, Labels>) => boolean;

/** The expected alerts that were seen to fire until it is enough, or for as long as we are patient; with their labels. */
async function expectedAlerts(
  prometheus: Prometheus,
  patienceMs: number,
  isEnough: IsEnough,
): Promise<ReadonlyMap<string, Labels>> {
  const seen = new Map<string, Labels>();
  const deadlineMs = performance.now() + patienceMs;
  while (performance.now() < deadlineMs && !isEnough(seen)) {
    for (const { name, state, labels } of await prometheus.alerts()) {
      if (state === "firing" && expected.has(name)) seen.set(name, labels);
    }
    await sleep(250);
  }
  return seen;
}
