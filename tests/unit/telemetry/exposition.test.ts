import { spawnSync } from "node:child_process";

import fc from "fast-check";
import { expect, test } from "vitest";

import { expositionText } from "../../../src/telemetry/metrics/exposition.ts";
import { familiesJson } from "../../../src/telemetry/metrics/json.ts";
import { openLabel } from "../../../src/telemetry/metrics/label.ts";
import { errorTypes } from "../../../src/telemetry/metrics/label-values.ts";
import { addNodeMetrics } from "../../../src/telemetry/metrics/node-metrics.ts";
import { Registry } from "../../../src/telemetry/metrics/registry.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import type { Metrics } from "../../../src/telemetry/metrics.ts";
import { commandExists } from "../../support/command-exists.ts";
import { parseExposition } from "../../support/parse-exposition.ts";

const formats = ["prometheus", "openmetrics"] as const;

function emptyRegistry(): Registry {
  return new Registry({ onSeriesOverflow: () => undefined, onCollectFailure: () => undefined });
}

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom('"', "\\", "\n", "\r", "{", "}", ",", "=", " ", "#", "\ud800", "é"),
  }),
);

test("whatever is in names and help, a scraper reads back the same values and numbers", () => {
  const series = fc.uniqueArray(fc.tuple(anyText, anyText, fc.double({ noNaN: true, min: 0 })), {
    selector: ([x, y]) => JSON.stringify([x.toWellFormed(), y.toWellFormed()]),
  });
  fc.assert(
    fc.property(series, anyText, fc.constantFrom(...formats), (all, help, format) => {
      const registry = emptyRegistry();
      const labels = [openLabel("x"), openLabel("y")] as const;
      const family = registry.gauge({ name: "some_gauge", help, labels });
      for (const [x, y, value] of all) family.with(x, y).set(value);
      registry.counter({ name: "an_end_total", help: "The end", labels: [] }).with().inc();
      // As it is on the wire: a half character would become another there.
      const text = Buffer.from(expositionText(registry.snapshots(), format)).toString();
      const { samples } = parseExposition(text);
      const gauges = samples.filter(({ name }) => name === "some_gauge");
      expect(
        gauges.map((sample) => [sample.labels["x"], sample.labels["y"], sample.value]),
      ).toEqual(all.map(([x, y, value]) => [x.toWellFormed(), y.toWellFormed(), value + 0]));
      expect(samples).toHaveLength(all.length + 1);
    }),
  );
});

test("a histogram's samples are cumulative, end at infinity and agree with its count", () => {
  const observed = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 20 }));
  fc.assert(
    fc.property(observed, fc.constantFrom(...formats), (values, format) => {
      const registry = emptyRegistry();
      const labels = [openLabel("x")] as const;
      const bounds = [0.00005, 0.5, 1, 10];
      const family = registry.histogram({ name: "took_seconds", help: "Took", labels, bounds });
      const cell = family.with("a");
      family.with("b");
      for (const value of values) cell.observe(value);
      const { samples } = parseExposition(expositionText(registry.snapshots(), format));
      const ofA = samples.filter(({ labels: { x } }) => x === "a");
      expect(ofA.map(({ name, labels: { le }, value }) => [name, le, value])).toEqual([
        ...["0.00005", "0.5", "1.0", "10.0", "+Inf"].map((le, at) => [
          "took_seconds_bucket",
          le,
          values.filter((value) => value <= (bounds[at] ?? Infinity)).length,
        ]),
        ["took_seconds_sum", undefined, values.reduce((sum, value) => sum + value, 0)],
        ["took_seconds_count", undefined, values.length],
      ]);
    }),
  );
});

test("exemplars are on the buckets of OpenMetrics, and the old format never sees one", () => {
  const registry = emptyRegistry();
  const family = registry.histogram({ name: "t_seconds", help: "T", labels: [], bounds: [1] });
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const before = Date.now() / 1_000 - 0.001;
  family.with().observe(0.25, traceId);
  const [low, high] = parseExposition(expositionText(registry.snapshots(), "openmetrics")).samples;
  expect(low?.exemplar).toMatchObject({ labels: { trace_id: traceId }, value: 0.25 });
  expect(low?.exemplar?.epochSeconds).toBeGreaterThanOrEqual(before);
  expect(high?.exemplar).toBeUndefined();
  expect(expositionText(registry.snapshots(), "prometheus")).not.toContain(traceId);
});

test("a counter's family is named without _total in OpenMetrics, which ends with EOF", () => {
  const registry = emptyRegistry();
  registry.counter({ name: "things_total", help: 'Some "things"', labels: [] }).with().inc(3);
  expect(expositionText(registry.snapshots(), "prometheus")).toBe(
    '# HELP things_total Some "things"\n# TYPE things_total counter\nthings_total 3\n',
  );
  expect(expositionText(registry.snapshots(), "openmetrics")).toBe(
    '# HELP things Some \\"things\\"\n# TYPE things counter\nthings_total 3\n# EOF\n',
  );
});

test("a family that nothing is known of is left out", () => {
  const registry = emptyRegistry();
  registry.counter({ name: "things_total", help: "Things", labels: [openLabel("x")] });
  expect(expositionText(registry.snapshots(), "prometheus")).toBe("");
  expect(expositionText(registry.snapshots(), "openmetrics")).toBe("# EOF\n");
  expect([...familiesJson(registry.snapshots())].join("")).toBe("{}");
});

test("numbers are written so that the same double is read", () => {
  const values = [0, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, Infinity, -Infinity, NaN, -2.5];
  const registry = emptyRegistry();
  const family = registry.gauge({ name: "g", help: "G", labels: [openLabel("at")] });
  values.forEach((value, at) => family.with(String(at)).set(value));
  const { samples } = parseExposition(expositionText(registry.snapshots(), "openmetrics"));
  expect(samples.map(({ value }) => value)).toEqual(values);
});

test("what JSON has no number for is null there", () => {
  const registry = emptyRegistry();
  const family = registry.gauge({ name: "g", help: "G", labels: [openLabel("x")] });
  family.with("nothing").set(NaN);
  family.with("something").set(2);
  const text = [...familiesJson(registry.snapshots())].join("");
  expect(JSON.parse(text)).toEqual({
    g: {
      type: "gauge",
      help: "G",
      series: [
        { labels: { x: "nothing" }, value: null },
        { labels: { x: "something" }, value: 2 },
      ],
    },
  });
});

/** Something in every family, with names that clients might choose. */
function usedMetrics(): Metrics {
  const metrics = createMetrics({ version: "1.2.3", onCollectFailure: throwIt });
  const names = ['te"nant', "mo\\del\n", "pröv ider"] as const;
  metrics.requests.with(...names, "chat", "200", "miss").inc();
  metrics.errors.declare(["openai"], errorTypes);
  metrics.requestDuration
    .with("chat", "true", "miss")
    .observe(0.3, "4bf92f3577b34da6a3ce929d0e0e4736");
  metrics.overhead.with("total").observe(0.0003);
  metrics.upstreamDuration.with("openai", "fast", "ok").observe(0.2);
  metrics.timeToFirstToken.with("openai", "fast").observe(0.1);
  metrics.timePerOutputToken.with("openai", "fast").observe(0.01);
  metrics.tokens.with(...names, "input").inc(12);
  metrics.cost.with(...names, "exact").inc(123_450);
  metrics.cacheSavedUsd.with("acme", "fast").inc(1);
  metrics.cacheSavedTokens.with("acme", "fast").inc(20);
  metrics.cacheSimilarity.with("hit").observe(0.97);
  metrics.cacheSemanticErrorRatio.with("acme", "CS", "upper").set(0.02);
  metrics.cacheSemanticMaxErrorRatio.with("acme").set(0.05);
  metrics.ratelimitRejections.with("acme", "tokens").inc();
  metrics.budgetRemaining.with("acme", "day").set(-0.5);
  metrics.budgetLimit.with("acme", "day").set(10);
  metrics.circuitState.with("openai/gpt", "open").set(1);
  metrics.upstreamRetries.with("openai", "timeout").inc();
  metrics.fallbacks.with("openai", "claude").inc();
  metrics.upstreamInflightRequests.with("openai").inc();
  metrics.journalBytes.with("sqlite").set(1_024);
  metrics.journalLagRecords.with("sqlite").set(3);
  metrics.journalDiskBytes.with().set(4_096);
  metrics.storeErrors.with("tenants", "find").inc();
  metrics.storeDuration.with("tenants", "find").observe(0.001);
  metrics.judgeScore.with("relevance").observe(0.75);
  metrics.judgeFailures.with("relevance", "timeout").inc();
  metrics.judgeCostUsd.with("acme").inc(90_000);
  metrics.judgeOldestJob.with().set(3);
  metrics.judgeAnchorKappa.with("relevance", "latest").set(0.7);
  metrics.jobs.with("judge", "waiting").set(2);
  metrics.degraded.with("redis").set(0);
  metrics.spansDropped.with("queue_full").inc();
  return metrics;
}

function throwIt(error: unknown): never {
  throw error;
}

test("every family is shown, with nothing that is no number, in both formats alike", async () => {
  const { registry } = usedMetrics();
  addNodeMetrics(registry);
  await registry.collect();
  await eventLoopTurns();
  await registry.collect();
  const families = [...registry.snapshots()];
  const empty = families.filter(({ series }) => series.length === 0).map(({ name }) => name);
  expect(empty.filter((name) => name.startsWith("sentinel_"))).toEqual([]);
  const old = parseExposition(expositionText(families, "prometheus"));
  const open = parseExposition(expositionText(families, "openmetrics"));
  expect([old.isEnded, open.isEnded]).toEqual([false, true]);
  const plain = open.samples.map((sample) => ({ ...sample, exemplar: undefined }));
  expect(old.samples).toEqual(plain);
  expect(old.samples.filter(({ value }) => !Number.isFinite(value))).toEqual([]);
  expect([...old.types.keys()]).toEqual(expect.arrayContaining(wellKnownNodeMetrics));
  expect([...old.help.values()].filter((help) => help.length < 10)).toEqual([]);
  const keys = old.samples.map(({ name, labels }) => JSON.stringify([name, labels]));
  expect(new Set(keys).size).toBe(keys.length);
});

const wellKnownNodeMetrics = [
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
  "nodejs_eventloop_lag_seconds",
  "nodejs_eventloop_lag_p99_seconds",
  "nodejs_heap_size_used_bytes",
  "nodejs_version_info",
];

/** Until the event loop's delay has been measured at least once: prom-client does so each 10 ms. */
async function eventLoopTurns(): Promise<void> {
  const { monitorEventLoopDelay } = await import("node:perf_hooks");
  const monitor = monitorEventLoopDelay({ resolution: 10 });
  monitor.enable();
  while (monitor.count < 2) await new Promise((resolve) => setImmediate(resolve));
  monitor.disable();
}

test("twenty million nano-dollars and one are not rounded on their way out", () => {
  const metrics = createMetrics({ version: "1", onCollectFailure: throwIt });
  const cell = metrics.cost.with("acme", "fast", "openai", "exact");
  for (let times = 0; times < 3; times++) cell.inc(9_007_199_254_740_991);
  const { samples } = parseExposition(expositionText(metrics.registry.snapshots(), "prometheus"));
  const cost = samples.find(({ name }) => name === "sentinel_cost_usd_total");
  expect(cost?.valueText).toBe("27021597.764222973");
});

test("the build says its version, its commit as far as it is known, and its Node", () => {
  const { registry, build } = createMetrics({ version: "1.2.3", onCollectFailure: throwIt });
  expect(build).toEqual({ version: "1.2.3", commit: "unknown", node: process.version });
  const { samples } = parseExposition(expositionText(registry.snapshots(), "prometheus"));
  const info = samples.find(({ name }) => name === "sentinel_build_info");
  expect(info).toMatchObject({ labels: build, value: 1 });
});

test("the hundred-and-first tenant is _other, and that shows", () => {
  const metrics = createMetrics({ version: "1", onCollectFailure: throwIt });
  const named = Array.from({ length: 101 }, (_, at) => metrics.caps.tenant.of(`tenant-${at}`));
  expect(named.at(99)).toBe("tenant-99");
  expect(named.at(100)).toBe("_other");
  const { samples } = parseExposition(expositionText(metrics.registry.snapshots(), "prometheus"));
  const overflows = samples.filter(({ name }) => name === "sentinel_label_overflow_total");
  expect(
    Object.fromEntries(overflows.map(({ labels, value }) => [labels["label"], value])),
  ).toEqual({
    tenant: 1,
    model: 0,
    provider: 0,
    target: 0,
    evaluator: 0,
    series: 0,
  });
});

const hasPromtool = commandExists("promtool");

test.skipIf(!hasPromtool)(
  `promtool finds nothing to complain of${hasPromtool ? "" : " (SKIPPED: promtool is not installed)"}`,
  async () => {
    const { registry } = usedMetrics();
    addNodeMetrics(registry);
    await registry.collect();
    await eventLoopTurns();
    await registry.collect();
    const input = expositionText(registry.snapshots(), "prometheus");
    const checked = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
    expect(checked.stderr + checked.stdout).toBe("");
    expect(checked.status).toBe(0);
  },
);
