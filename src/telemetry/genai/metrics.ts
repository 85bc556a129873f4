import type { Attributes } from "@opentelemetry/api";

import { exporterOptions, scopeName } from "../otlp-target.ts";
import type { OtlpIdentity, OtlpTarget } from "../otlp-target.ts";
import { within } from "../tracing/span-queue.ts";
import { genAiMetrics } from "./attributes.ts";

/** The GenAI conventions' metrics. Seconds; attributes have few values each. */
export interface GenAiMetrics extends AsyncDisposable {
  record(metric: keyof typeof genAiMetrics, value: number, attributes: Attributes): void;
}

export interface GenAiMetricsOptions {
  readonly target: OtlpTarget;
  readonly identity: OtlpIdentity;
  readonly intervalMs: number;
  /** How long the end of the process waits for the last figures. */
  readonly flushMs: number;
  /** Told of the first export that fails, and then of the first one that works again. */
  readonly onSent: (outcome: "failed" | "recovered", error?: unknown) => void;
}

/** OpenTelemetry's packages are loaded here, and not where nobody collects. */
export async function openGenAiMetrics(options: GenAiMetricsOptions): Promise<GenAiMetrics> {
  const { target, identity, intervalMs, flushMs } = options;
  const [{ MeterProvider, PeriodicExportingMetricReader }, { resourceFromAttributes }, exporter] =
    await Promise.all([
      import("@opentelemetry/sdk-metrics"),
      import("@opentelemetry/resources"),
      openExporter(target),
    ]);
  tellOutcomes(exporter, options.onSent);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(intervalMs, target.timeoutMs),
  });
  const provider = new MeterProvider({
    resource: resourceFromAttributes(identity.attributes),
    readers: [reader],
  });
  const meter = provider.getMeter(scopeName, identity.version);
  const histogram = ({ name, unit, description, buckets }: MetricShape) =>
    meter.createHistogram(name, {
      unit,
      description,
      advice: { explicitBucketBoundaries: [...buckets] },
    });
  const histograms = {
    tokenUsage: histogram(genAiMetrics.tokenUsage),
    operationDuration: histogram(genAiMetrics.operationDuration),
    requestDuration: histogram(genAiMetrics.requestDuration),
    timeToFirstToken: histogram(genAiMetrics.timeToFirstToken),
    timePerOutputToken: histogram(genAiMetrics.timePerOutputToken),
  };
  return {
    record: (metric, value, attributes) => {
      histograms[metric].record(value, attributes);
    },
    [Symbol.asyncDispose]: () =>
      // What cannot be told any more is told of as every failure to export is.
      within(
        flushMs,
        provider.shutdown().catch(() => undefined),
      ),
  };
}

interface MetricShape {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly buckets: readonly number[];
}

type Exporter = Awaited<ReturnType<typeof openExporter>>;

async function openExporter(target: OtlpTarget) {
  const { OTLPMetricExporter } =
    target.protocol === "http/json"
      ? await import("@opentelemetry/exporter-metrics-otlp-http")
      : await import("@opentelemetry/exporter-metrics-otlp-proto");
  return new OTLPMetricExporter(exporterOptions(target));
}

/** Its reader keeps failures to itself. */
function tellOutcomes(exporter: Exporter, onSent: GenAiMetricsOptions["onSent"]): void {
  const send = exporter.export.bind(exporter);
  let isFailing = false;
  exporter.export = (metrics, onDone) => {
    send(metrics, (result) => {
      const hasFailed = result.error !== undefined;
      if (hasFailed && !isFailing) onSent("failed", result.error);
      if (!hasFailed && isFailing) onSent("recovered");
      isFailing = hasFailed;
      onDone(result);
    });
  };
}
