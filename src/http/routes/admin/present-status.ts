import type { KeyStatus } from "../../../providers/key-ring.ts";
import { healthOf, isRefused } from "../../../providers/provider-status.ts";
import type { ProviderStatus } from "../../../providers/provider-status.ts";
import type { TargetError, TargetStatus } from "../../../providers/target-health.ts";
import { toSeconds } from "./fields.ts";

/** How a provider is doing, as the admin API shows it; null for one that is not in use. */
export function presentStatus(status: ProviderStatus | undefined, nowEpochMs: number) {
  if (status === undefined) return null;
  return {
    health: healthOf(status),
    targets: status.targets.map(presentTarget),
    keys: status.keys.map((key) => presentKey(key, nowEpochMs)),
  };
}

function presentTarget(target: TargetStatus) {
  return {
    model: target.model,
    breaker: target.breaker,
    retry_in_ms: Math.ceil(target.waitMs),
    latency_ms: {
      stream_ttft: rounded(target.firstEventMs),
      whole: rounded(target.wholeAnswerMs),
    },
    requests: target.requests,
    failures: target.failures,
    last_errors: target.lastErrors.map(presentError),
  };
}

function presentError(error: TargetError) {
  return {
    at: toSeconds(error.epochMs),
    count: error.count,
    status: error.status,
    kind: error.kind,
    code: error.code,
    message: error.message ?? null,
    key: error.keyId ?? null,
  };
}

/** `models` are those that the key rests for: null for all of them, or for none of them where it does not rest. */
function presentKey(key: KeyStatus, nowEpochMs: number) {
  const { id, masked, rests } = key;
  const isForAll = isRefused(key);
  const telling = rests.filter(({ model }) => !isForAll || model === undefined);
  const [first] = telling;
  if (first === undefined) {
    return { id, masked, state: "ok", reason: null, status: null, until: null, models: null };
  }
  const leftMs = Math.max(...telling.map((rest) => rest.leftMs));
  return {
    id,
    masked,
    state: "resting",
    reason: !isForAll && first.status === 429 ? "rate_limited" : "refused",
    status: first.status,
    until: toSeconds(nowEpochMs + leftMs),
    models: isForAll ? null : telling.flatMap(({ model }) => model ?? []),
  };
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 10) / 10;
}
