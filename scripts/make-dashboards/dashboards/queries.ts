import { noTraffic } from "../rules/objective.ts";

/** What the variables of the overview narrow a panel to, by the labels that its metric has. */
export const byRequest = 'tenant=~"$tenant",model=~"$model",provider=~"$provider"';
export const byModel = 'model=~"$model",provider=~"$provider"';
export const byTenantAndModel = 'tenant=~"$tenant",model=~"$model"';
export const byProvider = 'provider=~"$provider"';
export const byTenant = 'tenant=~"$tenant"';

/** Grafana makes it four scrapes at least, so that no rate is empty. */
export const window = "$__rate_interval";

/** Per second, summed by these labels. */
export const rate = (by: string, metric: string, labels = ""): string =>
  `sum by (${by}) (rate(${selector(metric, labels)}[${window}]))`;

export const selector = (metric: string, labels = ""): string =>
  labels === "" ? metric : `${metric}{${labels}}`;

/** Without requests a quantile is NaN, and `>= 0` leaves the series out: a gap, where 0 would be a lie. */
export const quantile = (of: number, by: string, metric: string, labels = ""): string => {
  const labelsKept = by === "" ? "le" : `${by}, le`;
  return `histogram_quantile(${of}, ${rate(labelsKept, `${metric}_bucket`, labels)}) >= 0`;
};

/** A share that is 0 where there is nothing to be a share of. */
export const ratio = (part: string, whole: string): string =>
  `(${part} or vector(0)) / clamp_min(${whole} or vector(0), ${noTraffic})`;

/** A line at 0 where there is no series; beside series that have labels it would be one without a name. */
export const orZero = (vector: string): string => `${vector} or on () vector(0)`;

/** Process metrics of Sentinel's own instances: Prometheus and others export the same names. */
export const ofSentinel = (vector: string): string =>
  `${vector} * on (job, instance) group_left () (sentinel_build_info)`;
