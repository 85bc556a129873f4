import { closedLabel, openLabel } from "./label.ts";
import { auditDropReasons, overflowLabels, reloadResults } from "./label-values.ts";
import type { Registry } from "./registry.ts";

const storeBounds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
] as const;

/** What there is to say of Sentinel's own parts: journal, stores, configuration, telemetry. */
export function upkeepFamilies(registry: Registry) {
  const sink = openLabel("sink");
  const store = openLabel("store");
  const operation = openLabel("op");
  return {
    journalBytes: registry.gauge({
      name: "sentinel_journal_bytes",
      help: "Bytes of the journal that this sink has not taken yet.",
      labels: [sink],
      others: "hidden",
    }),
    journalLagRecords: registry.gauge({
      name: "sentinel_journal_lag_records",
      help: "Records of the journal that were read and that this sink has not taken yet.",
      labels: [sink],
      others: "hidden",
    }),
    journalDiskBytes: registry.gauge({
      name: "sentinel_journal_disk_bytes",
      help: "Bytes that the journal takes on disk.",
      labels: [],
    }),
    auditDropped: registry.counter({
      name: "sentinel_audit_dropped_total",
      help: "Parts of the audit log that could not be kept: payloads, starts, whole records.",
      labels: [closedLabel("reason", auditDropReasons)],
    }),
    storeErrors: registry.counter({
      name: "sentinel_store_errors_total",
      help: "Operations on a store that failed.",
      labels: [store, operation],
    }),
    storeDuration: registry.histogram({
      name: "sentinel_store_duration_seconds",
      help: "Seconds that an operation on a store took.",
      labels: [store, operation],
      bounds: storeBounds,
    }),
    labelOverflow: registry.counter({
      name: "sentinel_label_overflow_total",
      help: "Times that a label's value was counted as _other because its label, or its metric, was full.",
      labels: [closedLabel("label", overflowLabels)],
    }),
    degraded: registry.gauge({
      name: "sentinel_degraded",
      help: "1 while this part of /health is degraded, else 0.",
      labels: [openLabel("part")],
      others: "hidden",
    }),
    configReloads: registry.counter({
      name: "sentinel_config_reloads_total",
      help: "Reloads of the configuration, by whether the new one was taken.",
      labels: [closedLabel("result", reloadResults)],
    }),
    spansDropped: registry.counter({
      name: "sentinel_spans_dropped_total",
      help: "Finished spans that were not exported, by why.",
      labels: [openLabel("reason")],
    }),
    buildInfo: registry.gauge({
      name: "sentinel_build_info",
      help: "1; the labels say which build this is, and on which Node it runs.",
      labels: [openLabel("version"), openLabel("commit"), openLabel("node")],
      others: "hidden",
    }),
  };
}
