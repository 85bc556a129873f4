import { Failure } from "../../errors.ts";
import type { Usage } from "../../protocol/usage.ts";
import { costOf } from "../../providers/prices/quote.ts";
import type { QuoteOf } from "../cost/account.ts";
import { lastAttempt } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import { dearerTier } from "./dearer-tier.ts";
import type { Lease, LimitStore } from "./limit-store.ts";

export interface BudgetGuardDeps {
  readonly limits: LimitStore;
  readonly quoteOf: QuoteOf;
}

/**
 * A rule of thumb, for English, code and Chinese alike: what a stream has cost so far is only estimated until its
 * provider counts.
 */
const bytesPerToken = 4;
/** From so many characters on it is known how many bytes a character of this answer takes. */
const sampleCharacters = 256;
/** More is asked for when so much of what was reserved is used up, so that a distant store has time to answer. */
const askFromPart = 0.8;
/** Where there is no room for that much more, less is asked for, down to what so many tokens of output cost. */
const leastTokens = 64;

/** Undefined where no hard budget says anything about the exchange. */
export function guardBudget(exchange: Exchange, deps: BudgetGuardDeps): BudgetGuard | undefined {
  const { lease } = exchange;
  const isGuarded = lease?.rules.some(({ budgets }) => budgets.some(({ isHard }) => isHard));
  return lease !== undefined && isGuarded ? new BudgetGuard(exchange, lease, deps) : undefined;
}

/**
 * Keeps a stream within the hard budgets of its caller. One that outgrows its reservation has more reserved; where
 * there is no more to be had it is ended at what it has. Runs once per batch of events, for callers with a hard
 * budget alone; budget 1 µs.
 */
export class BudgetGuard {
  readonly #exchange: Exchange;
  readonly #lease: Lease;
  readonly #deps: BudgetGuardDeps;
  #reservedNanoUsd: number;
  #stepNanoUsd: number;
  readonly #tier: Pick<Usage, "serviceTier">;
  #isAsking = false;
  #isAtCap = false;
  #bytesPerCharacter: number | undefined;

  constructor(exchange: Exchange, lease: Lease, deps: BudgetGuardDeps) {
    this.#exchange = exchange;
    this.#lease = lease;
    this.#deps = deps;
    const tier = dearerTier(exchange.request);
    this.#tier = tier === undefined ? {} : { serviceTier: tier };
    this.#reservedNanoUsd = lease.reserved.nanoUsd;
    this.#stepNanoUsd = Math.max(this.#costOf(leastTokens), lease.reserved.nanoUsd);
  }

  /** After each batch. Throws `budget_exceeded` at the cap. */
  check(): void {
    const spentNanoUsd = this.#costOf(this.#deliveredBytes() / bytesPerToken);
    // What is free, or has no price, takes nothing from a budget, however much others have.
    if (spentNanoUsd === 0 || spentNanoUsd < this.#reservedNanoUsd * askFromPart) return;
    if (!this.#isAtCap && !this.#isAsking) this.#ask(spentNanoUsd - this.#reservedNanoUsd);
    if (this.#isAtCap && spentNanoUsd >= this.#reservedNanoUsd) throw atCap();
  }

  #deliveredBytes(): number {
    const { delivered } = this.#exchange;
    if (delivered === undefined) return 0;
    const { characters } = delivered;
    if (this.#bytesPerCharacter === undefined && characters >= sampleCharacters) {
      const { text } = delivered;
      this.#bytesPerCharacter = Buffer.byteLength(text) / Math.max(1, text.length);
    }
    return characters * (this.#bytesPerCharacter ?? 1);
  }

  /** At least for what a fast stream has delivered beyond its reservation already: `missingNanoUsd`. */
  #ask(missingNanoUsd: number): void {
    const step = Math.max(this.#stepNanoUsd, missingNanoUsd);
    const answer = this.#deps.limits.extend(this.#lease, { tokens: 0, nanoUsd: step });
    if (typeof answer === "boolean") {
      this.#take(answer, step, missingNanoUsd);
      if (!answer && !this.#isAtCap) this.#ask(missingNanoUsd);
      return;
    }
    this.#isAsking = true;
    answer.then(
      (isGranted) => {
        this.#isAsking = false;
        this.#take(isGranted, step, missingNanoUsd);
      },
      () => {
        // A store that does not answer has granted nothing, and is asked again with the next batch.
        this.#isAsking = false;
      },
    );
  }

  #take(isGranted: boolean, step: number, missingNanoUsd: number): void {
    if (isGranted) {
      this.#reservedNanoUsd += step;
      return;
    }
    this.#stepNanoUsd = Math.floor(step / 2);
    const next = Math.max(this.#stepNanoUsd, missingNanoUsd);
    this.#isAtCap = step <= missingNanoUsd || next < Math.max(1, this.#costOf(leastTokens, 0));
  }

  /** Of the input, if it is not said otherwise, and so many tokens of output. */
  #costOf(outputTokens: number, inputTokens = this.#inputTokens()): number {
    const attempt = lastAttempt(this.#exchange);
    const quote = attempt && this.#deps.quoteOf(attempt.provider, attempt.model);
    const usage = {
      inputTokens,
      outputTokens: Math.ceil(outputTokens),
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
      ...this.#tier,
    };
    return (quote && costOf(quote, usage)?.nanoUsd) ?? 0;
  }

  #inputTokens(): number {
    return this.#exchange.usage?.inputTokens ?? this.#exchange.expected?.inputTokens ?? 0;
  }
}

function atCap(): Failure {
  return new Failure(
    "budget_exceeded",
    "This answer has used up what was left of a hard budget, and ends here. Ask for a higher budget, or wait for its next period.",
    { headers: { "x-should-retry": "false" } },
  );
}
