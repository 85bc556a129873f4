import { Failure } from "../../errors.ts";
import type { Usage } from "../../protocol/usage.ts";
import { costOf } from "../../providers/prices/quote.ts";
import type { QuoteOf } from "../cost/account.ts";
import type { Exchange } from "../exchange.ts";
import type { Journal } from "../journal.ts";
import { dearerTier } from "./dearer-tier.ts";
import type { Admission, LimitStore, ScopedRules } from "./limit-store.ts";
import { refusalFailure } from "./refusal.ts";
import type { ExpectedTokens, Reservations } from "./reservation.ts";
import { hitRulesOf, rulesOf, unpricedAllowed } from "./rules.ts";

export interface AdmitDeps {
  readonly limits: LimitStore;
  readonly reservations: Reservations;
  readonly quoteOf: QuoteOf;
  readonly journal: Journal;
}

/** A model at a provider that may serve the request. */
export interface PossibleTarget {
  readonly providerName: string;
  readonly model: string;
}

/**
 * Admits a request or throws why not: `rate_limit_exceeded`, `budget_exceeded`, `model_not_allowed` for a model
 * without a price, `store_unavailable`. From then on it is in the journal, and is settled whatever happens. At
 * once, not by a promise, for callers without limits and where the limits are counted in this process.
 */
export function admit(
  exchange: Exchange,
  targets: readonly PossibleTarget[],
  deps: AdmitDeps,
): undefined | Promise<undefined> {
  const begunTickMs = performance.now();
  if (deps.journal.mustRefuse) throw diskFull();
  const { caller } = exchange;
  const expected = (exchange.expected = deps.reservations.expect(exchange));
  const prices = reckon(targets, exchange, expected, deps.quoteOf);
  if (prices.unpriced !== undefined && !unpricedAllowed(caller)) throw unpriced(prices.unpriced);
  return enter(exchange, { rules: rulesOf(caller), expected, prices, begunTickMs }, deps);
}

/**
 * Admits a request whose answer is in the cache: it counts among the requests, and needs neither tokens nor money. Throws
 * `rate_limit_exceeded`.
 */
export function admitHit(exchange: Exchange, deps: AdmitDeps): undefined | Promise<undefined> {
  if (deps.journal.mustRefuse) throw diskFull();
  const begunTickMs = performance.now();
  const rules = hitRulesOf(exchange.caller);
  const entering = { rules, expected: noTokens, prices: nothingToPay, begunTickMs };
  return enter(exchange, entering, deps);
}

interface Entering {
  readonly rules: readonly ScopedRules[];
  readonly expected: ExpectedTokens;
  readonly prices: Prices;
  readonly begunTickMs: number;
}

function enter(
  exchange: Exchange,
  { rules, expected, prices, begunTickMs }: Entering,
  deps: AdmitDeps,
): undefined | Promise<undefined> {
  const { tenantId, keyId } = exchange.caller;
  const tokens = expected.inputTokens + expected.outputTokens;
  const admission = deps.limits.admit({
    id: exchange.id,
    tenantId,
    keyId,
    startedEpochMs: exchange.startedEpochMs,
    rules,
    reserve: { tokens, nanoUsd: prices.nanoUsd },
  });
  const take = (found: Admission): undefined => {
    exchange.quota = found.quota;
    if (found.kind === "refused") {
      exchange.refusal = found.refusal;
      throw refusalFailure(found.refusal);
    }
    exchange.lease = found.lease;
    begin(exchange, expected, prices, deps);
    exchange.stages.admit = performance.now() - begunTickMs;
  };
  if (admission instanceof Promise) return admission.then(take);
  take(admission);
  return undefined;
}

interface Prices {
  readonly nanoUsd: number;
  readonly inputNanoUsd: number;
  /** A target whose price nobody knows. */
  readonly unpriced: PossibleTarget | undefined;
}

const noTokens: ExpectedTokens = { inputTokens: 0, outputTokens: 0 };
const nothingToPay: Prices = { nanoUsd: 0, inputNanoUsd: 0, unpriced: undefined };

/** By the dearest of the targets: which one will serve is not known yet. */
function reckon(
  targets: readonly PossibleTarget[],
  { request }: Pick<Exchange, "request">,
  { inputTokens, outputTokens }: ExpectedTokens,
  quoteOf: QuoteOf,
): Prices {
  const tier = dearerTier(request);
  let nanoUsd = 0;
  let inputNanoUsd = 0;
  let unpricedTarget: PossibleTarget | undefined;
  for (const target of targets) {
    const quote = quoteOf(target.providerName, target.model);
    const all = quote && costOf(quote, plain(inputTokens, outputTokens, tier));
    const input = quote && costOf(quote, plain(inputTokens, 0, tier));
    if (all === undefined || input === undefined) unpricedTarget ??= target;
    nanoUsd = Math.max(nanoUsd, all?.nanoUsd ?? 0);
    inputNanoUsd = Math.max(inputNanoUsd, input?.nanoUsd ?? 0);
  }
  return { nanoUsd, inputNanoUsd, unpriced: unpricedTarget };
}

function plain(inputTokens: number, outputTokens: number, tier: string | undefined): Usage {
  const tokens = {
    inputTokens,
    outputTokens,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
  };
  return tier === undefined ? tokens : { ...tokens, serviceTier: tier };
}

function begin(
  exchange: Exchange,
  { inputTokens }: ExpectedTokens,
  { inputNanoUsd, unpriced }: Prices,
  { journal }: AdmitDeps,
): void {
  const { caller } = exchange;
  journal.start({
    id: exchange.id,
    tenant: caller.tenantId,
    key: caller.keyId,
    endpoint: exchange.endpoint,
    model: exchange.model,
    stream: exchange.isStream,
    route: exchange.route ?? null,
    tags: exchange.tags,
    client_request_id: exchange.clientRequestId ?? null,
    input_tokens: inputTokens,
    input_nano_usd: inputNanoUsd,
    cost_status: unpriced === undefined ? "estimated" : "unpriced",
    lease: exchange.lease?.journalled ?? null,
  });
}

function unpriced({ providerName, model }: PossibleTarget): Failure {
  return new Failure(
    "model_not_allowed",
    `The price of ${providerName}/${model} is not known, and this key's budget could not count it. ` +
      "Ask the platform's admin to set its price, or to allow unpriced models in the policy.",
    { param: "model" },
  );
}

function diskFull(): Failure {
  return new Failure(
    "store_unavailable",
    "Sentinel cannot write down what it serves: its disk is full. Try again later.",
    { retryAfterMs: 30_000 },
  );
}
