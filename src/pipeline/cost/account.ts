import { usdText } from "../../lib/usd.ts";
import type { Usage } from "../../protocol/usage.ts";
import { costOf } from "../../providers/prices/quote.ts";
import type { Quote } from "../../providers/prices/quote.ts";
import type { Attempt } from "../../providers/provider.ts";
import type { Exchange } from "../exchange.ts";
import { leastCertain } from "./cost-status.ts";
import type { Cost } from "./cost-status.ts";
import { usedOf } from "./used.ts";
import type { CountedUsage } from "./used.ts";

/** What a request came to: the sum of its attempts. */
export interface Account {
  readonly attempts: readonly AttemptAccount[];
  /** Of all attempts together; undefined where nothing is known to have been used. */
  readonly usage: CountedUsage | undefined;
  readonly cost: Cost;
  /** The price of the attempt that served, or was asked last. */
  readonly quote: Quote | undefined;
}

export interface AttemptAccount {
  readonly attempt: Attempt;
  readonly usage: CountedUsage | undefined;
  readonly cost: Cost;
}

/** What is paid for a model of a provider; undefined where nobody knows. Costs a look-up in a map. */
export type QuoteOf = (providerName: string, model: string) => Quote | undefined;

/** Works out what an exchange came to, as far as it has got. Runs once per request; budget 2 µs. */
export function accountOf(exchange: Exchange, quoteOf: QuoteOf): Account {
  const { attempts } = exchange;
  const accounts = attempts.map((attempt, index) => {
    const usage = usedOf(exchange, attempt, index === attempts.length - 1);
    return { attempt, usage, cost: priced(usage, quoteOf(attempt.provider, attempt.model)) };
  });
  const [only] = accounts;
  const last = attempts.at(-1);
  const quote = last && quoteOf(last.provider, last.model);
  if (only === undefined) return { attempts: [], usage: undefined, cost: nothing, quote };
  if (accounts.length === 1)
    return { attempts: accounts, usage: only.usage, cost: only.cost, quote };
  return {
    attempts: accounts,
    usage: accounts.map(({ usage }) => usage).reduce(sumOf),
    cost: accounts.map(({ cost }) => cost).reduce(addUp),
    quote,
  };
}

/** As the headers and the last chunk of a stream have it. */
export function shownCost({ cost }: Account): { cost_usd: string; cost_status: Cost["status"] } {
  return { cost_usd: usdText(cost.nanoUsd), cost_status: cost.status };
}

/** Where nothing was used nothing is paid, and that is known exactly. */
const nothing: Cost = { nanoUsd: 0, status: "exact" };
const unknown: Cost = { nanoUsd: 0, status: "unpriced" };

function priced(usage: CountedUsage | undefined, quote: Quote | undefined): Cost {
  if (usage === undefined) return nothing;
  const found = quote && costOf(quote, usage);
  if (found === undefined) return unknown;
  const isExact = found.isExact && usage.source === "provider";
  return { nanoUsd: found.nanoUsd, status: isExact ? "exact" : "estimated" };
}

const addUp = (left: Cost, right: Cost): Cost => ({
  nanoUsd: left.nanoUsd + right.nanoUsd,
  status: leastCertain(left.status, right.status),
});

function sumOf(
  left: CountedUsage | undefined,
  right: CountedUsage | undefined,
): CountedUsage | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  const sum = (name: keyof Usage): number => Number(left[name] ?? 0) + Number(right[name] ?? 0);
  return {
    inputTokens: sum("inputTokens"),
    cachedInputTokens: sum("cachedInputTokens"),
    cacheWriteTokens: sum("cacheWriteTokens"),
    outputTokens: sum("outputTokens"),
    reasoningTokens: sum("reasoningTokens"),
    source: left.source === "provider" && right.source === "provider" ? "provider" : "estimated",
  };
}
