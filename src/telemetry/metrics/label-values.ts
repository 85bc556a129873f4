/** The closed sets of labels' values. Dashboards and alerts name them: one that is added here is added there. */

/** The routes that call a model: availability is reckoned over these. */
export const modelCallRoutes = [
  "chat",
  "completions",
  "embeddings",
  "moderations",
  "responses",
  "messages",
  "count_tokens",
] as const;

/** `internal`: what Sentinel asks models on its own. No user waits for that, and none fails by it. */
export const routes = [
  ...modelCallRoutes,
  "internal",
  "models",
  "usage",
  "audit",
  "admin",
  "other",
] as const;
export type RouteLabel = (typeof routes)[number];

/** How the cache answered; `none` where there was nothing for it to do. */
export const cacheLabels = ["exact", "semantic", "miss", "bypass", "none"] as const;
export type CacheLabel = (typeof cacheLabels)[number];

export const streamLabels = ["true", "false"] as const;
export type StreamLabel = (typeof streamLabels)[number];

/** Whose fault, and then what: the sum over one prefix is what that party has to answer for. */
export const errorTypes = [
  "caller_invalid_request",
  "caller_unauthenticated",
  "caller_forbidden",
  "caller_not_found",
  "caller_disconnected",
  "policy_rate_limit",
  "policy_budget",
  "policy_cache_only",
  "provider_error",
  "provider_timeout",
  "provider_rate_limited",
  "provider_credential",
  "provider_rejected",
  "provider_unavailable",
  "sentinel_internal",
  "sentinel_overloaded",
  "sentinel_shutting_down",
  "sentinel_store_unavailable",
] as const;
export type ErrorType = (typeof errorTypes)[number];

export const overheadStages = [
  "total",
  "authenticate",
  "read",
  "cache",
  "admit",
  "account",
] as const;
export type OverheadStage = (typeof overheadStages)[number];

/** How one attempt at a provider ended. */
export const upstreamOutcomes = [
  "ok",
  "error",
  "timeout",
  "rate_limited",
  "credential",
  "rejected",
  "canceled",
] as const;
export type UpstreamOutcome = (typeof upstreamOutcomes)[number];

/** Cached input is part of the input, reasoning of the output. */
export const tokenTypes = ["input", "output", "cached_input", "reasoning"] as const;
export type TokenType = (typeof tokenTypes)[number];

export const costStatuses = ["exact", "estimated", "unpriced"] as const;
export type CostStatusLabel = (typeof costStatuses)[number];

export const cacheLookupOutcomes = ["exact", "semantic", "miss", "bypass", "error"] as const;
export type CacheLookupOutcome = (typeof cacheLookupOutcomes)[number];

export const similarityResults = ["hit", "miss"] as const;
export type SimilarityResult = (typeof similarityResults)[number];

/** How a similar question can be a wrong one: see the cache's design on audited hits. */
export const semanticErrorChannels = ["CN", "CS"] as const;
export type SemanticErrorChannel = (typeof semanticErrorChannels)[number];

export const ratioBounds = ["estimate", "lower", "upper"] as const;
export type RatioBound = (typeof ratioBounds)[number];

export const rejectedLimits = ["requests", "tokens", "concurrency", "budget"] as const;
export type RejectedLimit = (typeof rejectedLimits)[number];

export const budgetPeriods = ["day", "week", "month", "total"] as const;
export type BudgetPeriodLabel = (typeof budgetPeriods)[number];

export const circuitStates = ["closed", "open", "half_open"] as const;
export type CircuitStateLabel = (typeof circuitStates)[number];

export const retryReasons = ["error", "timeout", "rate_limited", "credential", "rejected"] as const;
export type RetryReason = (typeof retryReasons)[number];

export const auditDropReasons = ["payload", "job", "start", "record"] as const;
export type AuditDropReason = (typeof auditDropReasons)[number];

export const overflowLabels = [
  "tenant",
  "model",
  "provider",
  "target",
  "evaluator",
  "series",
] as const;
export type OverflowLabel = (typeof overflowLabels)[number];

export const reloadResults = ["success", "failure"] as const;
export type ReloadResult = (typeof reloadResults)[number];

/** Of jobs; `delayed` are those that wait for their time. */
export const jobStates = ["waiting", "delayed", "running", "dead"] as const;

/** When κ on the anchors was found: with the calibration, and the last time since. */
export const anchorRuns = ["baseline", "latest"] as const;
