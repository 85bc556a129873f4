import { toFailure } from "../errors.ts";
import type { Failure, FailureKind } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import { Lru } from "../lib/lru.ts";
import type { BreakerRules, BreakerState } from "./policies/breaker.ts";
import { isOutOfMoney } from "./out-of-money.ts";
import { RetryBudget } from "./policies/retry-budget.ts";
import { Breaker } from "./policies/with-breaker.ts";
import type { Attempt } from "./provider.ts";
import { measured } from "./routing/latency.ts";
import type { Measurement } from "./routing/latency.ts";

/** How one model at one provider has been doing since the provider was opened: what the admin API shows. */
export interface TargetStatus {
  /** As the provider calls it. */
  readonly model: string;
  readonly breaker: BreakerState["kind"];
  /** Milliseconds until its breaker lets a request through, or the rest is over that it asked for; 0 if it is up. */
  readonly waitMs: number;
  /** Moving average of the time to a stream's first event; undefined before the first success. */
  readonly firstEventMs: number | undefined;
  /** Moving average of the time to the end of a whole answer. */
  readonly wholeAnswerMs: number | undefined;
  /** What was sent to the provider, retries included. */
  readonly requests: number;
  /** Those that failed by the provider's fault, or for want of a good key or of quota. */
  readonly failures: number;
  /** The last first. Equal ones are one entry with a count. */
  readonly lastErrors: readonly TargetError[];
}

export interface TargetError {
  /** When it last happened. */
  readonly epochMs: number;
  /** How often, since it is in the list. */
  readonly count: number;
  /** The HTTP status that a client gets for it: the provider's own if it is a 4xx. */
  readonly status: number;
  readonly kind: FailureKind;
  readonly code: string | null;
  /** As in `Attempt`. */
  readonly keyId: string | undefined;
  /** Only where the provider was not available: what it says of a bad request may quote the request. */
  readonly message: string | undefined;
}

/** How fast a target has been in one way of answering. */
export interface Speed {
  measurement: Measurement | undefined;
  exploredAtMs: number;
}

/** What is remembered of one model at one provider. All routes that lead there share it. */
export class TargetHealth {
  readonly breaker: Breaker;
  readonly streams: Speed = { measurement: undefined, exploredAtMs: Number.NEGATIVE_INFINITY };
  readonly wholes: Speed = { measurement: undefined, exploredAtMs: Number.NEGATIVE_INFINITY };
  readonly #clock: Clock;
  readonly #model: string;
  #requests = 0;
  #successes = 0;
  #failures = 0;
  #lastErrors: readonly TargetError[] = [];
  #restUntilMs = 0;

  constructor(model: string, rules: BreakerRules, clock: Clock) {
    this.#model = model;
    this.#clock = clock;
    this.breaker = new Breaker(rules, clock);
  }

  /** A request is on its way to the provider. */
  noteRequest(): void {
    this.#requests++;
  }

  /** It was answered, or its stream has begun. */
  noteSuccess(): void {
    this.#successes++;
  }

  /** It failed, or its stream broke off. The breaker is told by its own policy. */
  noteFailure(thrown: unknown, attempt: Attempt | undefined): void {
    const failure = toFailure(thrown);
    const isUnavailable = showsUnavailable(failure);
    if (isUnavailable) this.#failures++;
    if (!isUnavailable && failure.kind !== "provider_rejected") return;
    const { kind, status } = failure;
    const code = failure.body.code?.slice(0, codeCharsMax) ?? null;
    const keyId = attempt?.keyId;
    const isSame = (error: TargetError): boolean =>
      error.kind === kind &&
      error.status === status &&
      error.code === code &&
      error.keyId === keyId;
    const count = (this.#lastErrors.find(isSame)?.count ?? 0) + 1;
    const message = isUnavailable ? failure.body.message.slice(0, messageCharsMax) : undefined;
    const epochMs = this.#clock.epochMs();
    const others = this.#lastErrors.filter((error) => !isSame(error));
    const error = { epochMs, count, status, kind, code, keyId, message };
    this.#lastErrors = [error, ...others].slice(0, lastErrorsMax);
  }

  /** None of its keys got an answer. Whoever has another target goes there first for a while. */
  noteRefusal(failure: Failure): void {
    const restMs = restAfter(failure);
    if (restMs > 0) this.#restUntilMs = Math.max(this.#restUntilMs, this.#clock.tickMs() + restMs);
  }

  noteAnswered(): void {
    this.#restUntilMs = 0;
  }

  /** Milliseconds until a request is welcome. */
  get waitMs(): number {
    return Math.max(this.breaker.waitMs, this.#restUntilMs - this.#clock.tickMs(), 0);
  }

  noteLatency(speed: Speed, ms: number): void {
    speed.measurement = measured(speed.measurement, ms, this.#clock.tickMs());
  }

  /** Whether there is such a model, as far as can be told: clients make up names. */
  get isKnown(): boolean {
    return this.#successes > 0 || this.#failures > 0;
  }

  get status(): TargetStatus {
    return {
      model: this.#model,
      breaker: this.breaker.state,
      waitMs: this.waitMs,
      firstEventMs: this.streams.measurement?.averageMs,
      wholeAnswerMs: this.wholes.measurement?.averageMs,
      requests: this.#requests,
      failures: this.#failures,
      lastErrors: this.#lastErrors,
    };
  }
}

/** What is remembered of one provider: it lasts until the provider's own configuration changes. */
export class ProviderHealth {
  readonly retryBudget = new RetryBudget();
  readonly #rules: BreakerRules;
  readonly #clock: Clock;
  readonly #targets = new Lru<string, TargetHealth>(targetsMax);

  constructor(rules: BreakerRules, clock: Clock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Asked for with each request and not kept, so that what is in use is not what is forgotten. */
  of(model: string): TargetHealth {
    const known = this.#targets.get(model);
    if (known !== undefined) return known;
    const health = new TargetHealth(model, this.#rules, this.#clock);
    this.#targets.set(model, health);
    return health;
  }

  get statuses(): readonly TargetStatus[] {
    return [...this.#targets.values()].filter(({ isKnown }) => isKnown).map(({ status }) => status);
  }
}

/** At the bound the one that was asked for longest ago is forgotten. */
const targetsMax = 1_000;
const lastErrorsMax = 10;
const messageCharsMax = 300;
const codeCharsMax = 64;

/** However long it asks for, it is asked again after this: limits are lifted, accounts topped up. */
const restMsMax = 60_000;

/** For how long a target asked to be left alone, or is no use for want of a good key. */
function restAfter({ kind, status, body, retryAfterMs = 0 }: Failure): number {
  const askedForMs = Math.min(retryAfterMs, restMsMax);
  if (kind === "upstream_error") return askedForMs;
  if (kind !== "provider_rejected") return 0;
  // Not for 403, which may be about what was asked, and would move everyone's conversations.
  if (status === 401 || status === 402) return restMsMax;
  if (status !== 429) return 0;
  return isOutOfMoney(body) ? restMsMax : askedForMs;
}

/** The provider's own fault, or that there is no good key or no quota; never what the caller did wrong. */
function showsUnavailable(failure: Failure): boolean {
  switch (failure.kind) {
    case "upstream_error":
      return true;
    case "upstream_timeout":
      return failure.recovery !== "none"; // Otherwise it was the client's own patience.
    case "provider_rejected":
      return unavailableStatuses.has(failure.status);
    default:
      return false;
  }
}

const unavailableStatuses: ReadonlySet<number> = new Set([401, 402, 403, 408, 429]);
