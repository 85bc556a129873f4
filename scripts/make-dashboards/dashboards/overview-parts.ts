import { providerAsked, providerFailed } from "../rules/recording.ts";
import { byModel, byProvider, ofSentinel, orZero, quantile, rate, window } from "./queries.ts";
import { lines, one, stacked } from "./spec.ts";
import type { RowSpec } from "./spec.ts";

const attempts = (labels: string): string =>
  rate("provider", "sentinel_upstream_duration_seconds_count", `${labels},${byModel}`);

export const providersRow: RowSpec = {
  title: "Providers",
  panels: [
    {
      kind: "circuits",
      title: "Circuits",
      description:
        "Each provider's model: asked (closed), left alone (open), or probed (half open). The worst of all replicas.",
      unit: "none",
      queries: one(
        'max by (target) (2 * sum by (instance, target) (sentinel_circuit_state{state="open"}) + sum by (instance, target) (sentinel_circuit_state{state="half_open"}))',
        "{{target}}",
      ),
    },
    stacked({
      title: "Attempts by outcome",
      description:
        "error, timeout, credential: the provider's trouble. rate_limited: our quota there. rejected: it refuses what the request says. canceled: the client left.",
      unit: "reqps",
      queries: one(
        rate("outcome", "sentinel_upstream_duration_seconds_count", byModel),
        "{{outcome}}",
      ),
    }),
    lines({
      title: "Provider failures",
      description:
        "Share of attempts that end in an error, a timeout or a refused key. 10 % alerts.",
      unit: "percentunit",
      max: 1,
      steps: [
        { from: null, color: "green" },
        { from: 0.1, color: "red" },
      ],
      queries: one(
        `(${attempts(providerFailed)} or ${attempts(providerAsked)} * 0) / clamp_min(${attempts(providerAsked)}, 1e-9)`,
        "{{provider}}",
      ),
    }),
    lines({
      title: "Provider 429s",
      description:
        "Answers that say we are over our quota there. Lasting: ask for more, or add a key or a target.",
      unit: "reqps",
      queries: one(
        `${attempts('outcome="rate_limited"')} or ${attempts(providerAsked)} * 0`,
        "{{provider}}",
      ),
    }),
    lines({
      title: "Retries",
      description: "Further attempts at the same provider. They may add 20 % of load at most.",
      unit: "reqps",
      queries: one(
        orZero(rate("provider, reason", "sentinel_upstream_retries_total", byProvider)),
        "{{provider}} {{reason}}",
      ),
    }),
    lines({
      title: "Fallbacks",
      description: "Requests that went on to another target. Users do not see it; the bill may.",
      unit: "reqps",
      queries: one(orZero(rate("from, to", "sentinel_fallbacks_total")), "{{from}} → {{to}}"),
    }),
  ],
};

export const recordsRow: RowSpec = {
  title: "Records and stores",
  panels: [
    lines({
      title: "Journal not yet taken",
      description:
        "Bytes that a store has not got, by sink. A few kilobytes as a rule; a line that climbs is a store that is down (nothing is lost).",
      unit: "bytes",
      queries: one("max by (instance, sink) (sentinel_journal_bytes)", "{{instance}} {{sink}}"),
    }),
    lines({
      title: "Journal lag in records",
      description: "Records that were read and that a sink has not taken yet.",
      unit: "none",
      queries: one(
        "max by (instance, sink) (sentinel_journal_lag_records)",
        "{{instance}} {{sink}}",
      ),
    }),
    lines({
      title: "Journal on disk",
      description: "It is kept an hour after every store has it, up to SENTINEL_JOURNAL_MAX_BYTES.",
      unit: "bytes",
      queries: one("max by (instance) (sentinel_journal_disk_bytes)", "{{instance}}"),
    }),
    lines({
      title: "Audit records dropped",
      description:
        "0, always. payload, job (an answer that is not judged): a full disk begins. start, record: the books have a hole.",
      unit: "cps",
      queries: one(rate("reason", "sentinel_audit_dropped_total"), "{{reason}}"),
    }),
    lines({
      title: "Store errors",
      description:
        "Operations that failed, by store and operation. A failover shows as a short peak.",
      unit: "ops",
      queries: one(
        `${rate("store, op", "sentinel_store_errors_total")} or ${rate("store, op", "sentinel_store_duration_seconds_count")} * 0`,
        "{{store}} {{op}}",
      ),
    }),
    lines({
      title: "Store latency",
      description: "p99 by store and operation. Those on a request's path give up after 50 ms.",
      unit: "s",
      isLogarithmic: true,
      queries: one(
        quantile(0.99, "store, op", "sentinel_store_duration_seconds"),
        "{{store}} {{op}}",
      ),
    }),
  ],
};

export const processRow: RowSpec = {
  title: "Process",
  panels: [
    lines({
      title: "Event loop lag",
      description: "p99. About 11 ms is an idle loop; above 100 ms streams stutter.",
      unit: "s",
      steps: [
        { from: null, color: "green" },
        { from: 0.1, color: "red" },
      ],
      queries: one(ofSentinel("nodejs_eventloop_lag_p99_seconds"), "{{instance}}"),
    }),
    lines({
      title: "CPU",
      description: "Cores in use. The main thread has one: near 1, add a replica.",
      unit: "none",
      decimals: 2,
      queries: one(ofSentinel(`rate(process_cpu_seconds_total[${window}])`), "{{instance}}"),
    }),
    lines({
      title: "Memory",
      description: "Resident bytes. It is flat after an hour under even load; a slope is a leak.",
      unit: "bytes",
      queries: one(ofSentinel("process_resident_memory_bytes"), "{{instance}}"),
    }),
    lines({
      title: "Garbage collection",
      description: "Share of time. Above a tenth the heap is too small for the traffic.",
      unit: "percentunit",
      queries: one(
        ofSentinel(`sum by (job, instance) (rate(nodejs_gc_duration_seconds_sum[${window}]))`),
        "{{instance}}",
      ),
    }),
    lines({
      title: "Degraded parts",
      description: "1 while requests go on without this part. /health says since when and why.",
      unit: "none",
      max: 1,
      queries: one("max by (part) (sentinel_degraded)", "{{part}}"),
    }),
    lines({
      title: "Label overflow",
      description: "Names that were counted as _other because there are too many. 0, always.",
      unit: "cps",
      queries: one(rate("label", "sentinel_label_overflow_total"), "{{label}}"),
    }),
    lines({
      title: "Configuration reloads",
      description: "failure: the file has a mistake, and the configuration of before holds.",
      unit: "none",
      queries: one(
        `sum by (result) (increase(sentinel_config_reloads_total[${window}]))`,
        "{{result}}",
      ),
    }),
    lines({
      title: "Spans dropped",
      description: "Traces that the collector did not take. Requests do not wait for it.",
      unit: "cps",
      queries: one(`sum(rate(sentinel_spans_dropped_total[${window}])) or vector(0)`, "dropped"),
    }),
  ],
};
