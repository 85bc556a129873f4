import { createMetrics } from "../../../src/telemetry/metrics.ts";

/** The names that Prometheus sees of each metric that Sentinel has, with their labels. */
export function exposedMetrics(): ReadonlyMap<string, ReadonlySet<string>> {
  const { registry } = createMetrics({ version: "test", onCollectFailure: () => undefined });
  const exposed = new Map<string, ReadonlySet<string>>();
  for (const { name, type, labelNames } of registry.snapshots()) {
    if (type !== "histogram") {
      exposed.set(name, new Set(labelNames));
      continue;
    }
    exposed.set(`${name}_bucket`, new Set([...labelNames, "le"]));
    exposed.set(`${name}_count`, new Set(labelNames));
    exposed.set(`${name}_sum`, new Set(labelNames));
  }
  return exposed;
}

/** Of the process itself, by the names that Node's Prometheus clients have for them; and Prometheus's own `up`. */
export const processMetrics: ReadonlySet<string> = new Set([
  "nodejs_eventloop_lag_p99_seconds",
  "nodejs_gc_duration_seconds_sum",
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
  "up",
]);

export interface Mention {
  readonly metric: string;
  /** The labels that it is narrowed by. */
  readonly labels: readonly string[];
}

/** Which metrics an expression reads. Functions and labels have other names than metrics here. */
export function mentionedMetrics(expr: string): readonly Mention[] {
  const pattern = /\b(up|(?:sentinel|nodejs|process)_\w+|job\w*:[\w:]+)(?:\{([^}]*)\})?/g;
  return [...expr.matchAll(pattern)].map(([, metric = "", matchers = ""]) => ({
    metric,
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = ""]) => label),
  }));
}

/** The labels that an expression groups or joins by. */
export const groupedLabels = (expr: string): readonly string[] =>
  [...expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = ""]) =>
    list
      .split(",")
      .map((label) => label.trim())
      .filter((label) => label !== ""),
  );
