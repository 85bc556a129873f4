import type { Clock } from "../lib/clock.ts";
import type { Deadlines } from "./deadlines.ts";
import type { KeyRing } from "./key-ring.ts";
import { noteAttempts } from "./policies/note-attempts.ts";
import { withBreaker } from "./policies/with-breaker.ts";
import { withKeys } from "./policies/with-keys.ts";
import { withPointOfNoReturn } from "./policies/with-point-of-no-return.ts";
import { withRetry } from "./policies/with-retry.ts";
import type { SendPatiently } from "./policies/with-retry.ts";
import type { Provider } from "./provider.ts";
import type { ProviderHealth, TargetHealth } from "./target-health.ts";
import type { UpstreamPlace } from "./upstream-place.ts";

/** One model at one provider, with all that stands between it and a request. */
export interface Target {
  /** `provider/model`. */
  readonly name: string;
  readonly providerName: string;
  readonly model: string;
  /** The provider's, of which see `Supplier`. */
  readonly place: string | undefined;
  readonly forwardHeaders: readonly string[];
  /** Shared with every other route to the same model of the same provider. */
  readonly health: TargetHealth;
  readonly send: SendPatiently;
}

/** What a target needs of its provider. */
export interface Supplier {
  readonly name: string;
  readonly adapter: Provider;
  readonly keys: KeyRing;
  readonly deadlines: Deadlines;
  /** Where it is and how it is spoken to: behind the same name somebody else may answer after a change. */
  readonly place?: string | undefined;
  /** As its traces have it. */
  readonly upstream?: UpstreamPlace | undefined;
  /** Headers of clients that the operator has sent on to it, lower case: they may shape its answers. */
  readonly forwardHeaders?: readonly string[];
  /** What is remembered of it; lasts as long as it does. */
  readonly health: ProviderHealth;
}

export interface TargetOptions {
  readonly supplier: Supplier;
  readonly model: string;
  readonly deadlines: Deadlines;
  readonly retriesMax: number;
  readonly clock: Clock;
}

/** From the outside in: the target's model and deadlines, retry, breaker, keys, note, point of no return, adapter. */
export function buildTarget({
  supplier,
  model,
  deadlines,
  retriesMax,
  clock,
}: TargetOptions): Target {
  const {
    name: providerName,
    adapter,
    keys,
    health,
    place,
    upstream,
    forwardHeaders = [],
  } = supplier;
  const name = `${providerName}/${model}`;
  // Looked up once for each request: the one that is in use is never the one that is forgotten.
  let current = health.of(model);
  const healthOf = (): TargetHealth => current;
  const noting = { providerName, healthOf, clock, upstream };
  const noted = noteAttempts(withPointOfNoReturn(adapter), noting);
  const guarded = withBreaker(withKeys(noted, keys), healthOf, name);
  const sendWithRetry = withRetry(guarded, retriesMax, health.retryBudget);
  return {
    name,
    providerName,
    model,
    place,
    forwardHeaders,
    get health() {
      return (current = health.of(model));
    },
    send: (call, patienceMs) => {
      current = health.of(model);
      const deadlineTickMs = Math.min(call.deadlineTickMs, call.startedTickMs + deadlines.totalMs);
      return sendWithRetry({ ...call, model, deadlines, deadlineTickMs }, patienceMs);
    },
  };
}
