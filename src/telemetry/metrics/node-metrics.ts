import type { MetricObjectWithValues, MetricValue, Registry } from "prom-client";

import { numberText } from "./cells.ts";
import type { Bucket, Reading } from "./cells.ts";
import { labelText } from "./label-text.ts";
import type { Registry as SnapshotRegistry } from "./registry.ts";
import type { FamilySnapshot, MetricType } from "./snapshot.ts";

/**
 * What prom-client knows of the process: memory, file descriptors, garbage collections, delays of the event loop.
 *
 * There is one of it a process, however many gateways are in it, because prom-client has no way to stop what it
 * starts. Neither its timer nor its observer keeps a process alive.
 */
let started: Promise<Registry> | undefined;

/**
 * Loads prom-client and begins to watch the process. It blocks for some tens of milliseconds, and therefore
 * belongs after the start and before the first requests, not into the first scrape.
 */
export async function startNodeMetrics(): Promise<void> {
  started ??= start();
  await started;
}

/**
 * Adds them to what a registry shows; starts what is not started. Delays of the event loop are those since they
 * were last read.
 */
export function addNodeMetrics(registry: SnapshotRegistry): void {
  let latest: readonly FamilySnapshot[] = [];
  registry.addSource(() => latest);
  registry.onCollect(async () => {
    latest = []; // Should reading fail, figures of before would look like those of now.
    latest = await nodeSnapshots();
  });
}

async function nodeSnapshots(): Promise<readonly FamilySnapshot[]> {
  started ??= start();
  const registry = await started;
  const families = await registry.getMetricsAsJSON();
  const isQuiet = families.some(
    ({ name, values }) => name === meanLagName && Number.isNaN(values[0]?.value),
  );
  return families
    .filter(({ name }) => !leftOut.test(name) && !(isQuiet && lagOverTime.test(name)))
    .map(toSnapshot);
}

async function start(): Promise<Registry> {
  // Its default: a bundle has no names of a CommonJS package that is imported lazily.
  const { default: promClient } = await import("prom-client");
  const { Registry, collectDefaultMetrics } = promClient;
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

/** Gauges named `_total`, which `promtool check metrics` refuses, and their like. */
const leftOut = /^nodejs_active_/;
/** Without a single measurement since the last call they would be nonsense: 292 years, and no number. */
const lagOverTime = /^nodejs_eventloop_lag_(min|max|mean|stddev|p\d+)_seconds$/;
const meanLagName = "nodejs_eventloop_lag_mean_seconds";

type NodeFamily = MetricObjectWithValues<MetricValue<string>>;

function toSnapshot(family: NodeFamily): FamilySnapshot {
  const { name, help, values } = family;
  // Typed as an enum that does not exist at run time: its values are these words.
  const type: MetricType = typeOf(String(family.type));
  const bySeries = Map.groupBy(values, ({ labels }) =>
    JSON.stringify({ ...labels, le: undefined }),
  );
  const series = [...bySeries.values()].map((samples) => {
    const pairs = Object.entries(samples[0]?.labels ?? {}).filter(([label]) => label !== "le");
    const labelNames = pairs.map(([label]) => label);
    const labelValues = pairs.map(([, value]) => String(value));
    return {
      labelNames,
      labelValues,
      labelText: labelText(labelNames, labelValues),
      reading: type === "histogram" ? histogramOf(samples) : numberOf(samples),
    };
  });
  return { name, help, type, labelNames: series[0]?.labelNames ?? [], series };
}

function typeOf(type: string): MetricType {
  return type === "counter" || type === "histogram" ? type : "gauge";
}

function numberOf(samples: readonly MetricValue<string>[]): Reading {
  const value = samples[0]?.value ?? 0;
  return { kind: "number", value, text: numberText(value) };
}

function histogramOf(samples: readonly NamedValue[]): Reading {
  const buckets: Bucket[] = [];
  let sum = 0;
  let count = 0;
  for (const { metricName = "", labels, value } of samples) {
    if (metricName.endsWith("_sum")) sum = value;
    if (metricName.endsWith("_count")) count = value;
    if (!metricName.endsWith("_bucket")) continue;
    const upperBound = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
    buckets.push({ upperBound, cumulativeCount: value, exemplar: undefined });
  }
  return { kind: "histogram", buckets, sum, count };
}

/** prom-client says which of a histogram's samples it is, beside what it declares. */
interface NamedValue {
  readonly metricName?: string;
  readonly labels: Partial<Record<string, string | number>>;
  readonly value: number;
}
