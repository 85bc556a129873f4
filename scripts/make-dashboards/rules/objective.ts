/**
 * The service level: of a hundred thousand model calls a hundred may fail. A call fails if it is answered with 5xx;
 * clients that leave (499), callers' mistakes and limits (4xx) are no failures.
 */
export const errorBudget = 0.001;

/**
 * The routes that ask a model. Reports, the admin API and lists of models are not what users wait for, and nor is what
 * Sentinel asks on its own (`internal`): a judge whose provider is down pages nobody.
 */
export const modelCalls =
  'route=~"chat|completions|embeddings|moderations|responses|messages|count_tokens"';

/**
 * The failed calls among `sentinel_requests_total`. A 504 that no provider was asked for is `only-if-cached` without an
 * answer, which the caller wanted to know and no failure of ours.
 */
export const failedCalls = (
  labels: string,
  window: string,
  change: "rate" | "increase" = "rate",
): string =>
  `(${change}(sentinel_requests_total{${labels},code=~"5..",code!="504"}[${window}])` +
  ` or ${change}(sentinel_requests_total{${labels},code="504",provider!="_none"}[${window}]))`;

/** A denominator this small is no traffic at all: 0 / 0 becomes 0, and nothing else changes. */
export const noTraffic = "1e-9";

/** The smaller of two vectors with the same labels. PromQL has no function for it. */
export const smaller = (left: string, right: string): string =>
  `((${left} <= ${right}) or ${right})`;
