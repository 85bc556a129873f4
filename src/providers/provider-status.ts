import type { KeyStatus } from "./key-ring.ts";
import type { TargetStatus } from "./target-health.ts";

/** How a provider has been doing, for the admin API. */
export interface ProviderStatus {
  /** The models that were asked for. */
  readonly targets: readonly TargetStatus[];
  readonly keys: readonly KeyStatus[];
}

/** `unknown` is one that nobody has asked yet. */
export type ProviderHealthWord = "ok" | "degraded" | "down" | "unknown";

/** The whole in one word: `down` if nothing can be asked, `degraded` if something cannot. */
export function healthOf({ targets, keys }: ProviderStatus): ProviderHealthWord {
  const isAllOpen = targets.length > 0 && targets.every(({ breaker }) => breaker === "open");
  const isAllRefused = keys.length > 0 && keys.every(isRefused);
  if (isAllOpen || isAllRefused) return "down";
  if (targets.some(isImpaired) || keys.some(({ rests }) => rests.length > 0)) return "degraded";
  return targets.some(({ requests }) => requests > 0) ? "ok" : "unknown";
}

/** Whether it is given a rest, or all that was ever asked of it has failed. */
function isImpaired({ breaker, waitMs, requests, failures }: TargetStatus): boolean {
  return breaker !== "closed" || waitMs > 0 || (requests > 0 && failures >= requests);
}

/** Whether it rests for every model. */
export function isRefused({ rests }: KeyStatus): boolean {
  return rests.some(({ model }) => model === undefined);
}
