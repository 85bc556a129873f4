import type { Usage } from "../../protocol/usage.ts";
import type { Attempt } from "../../providers/provider.ts";
import type { Exchange } from "../exchange.ts";
import { estimatePrompt, estimateUsage } from "./estimate-usage.ts";

/** Tokens, and who counted them. */
export interface CountedUsage extends Usage {
  readonly source: "provider" | "estimated";
}

/**
 * What an attempt used; undefined where it is known to have used nothing, or nothing is known at all. What the
 * provider did not count is estimated where the request has reached the provider: its answer began, or it was
 * waited for until the client left or a deadline was over.
 */
export function usedOf(
  exchange: Exchange,
  attempt: Attempt,
  isLast: boolean,
): CountedUsage | undefined {
  // Counting tokens is free wherever it is offered, and says nothing of tokens used.
  if (exchange.endpoint === "count_tokens") return undefined;
  const told = isLast ? (exchange.usage ?? attempt.usage) : attempt.usage;
  if (isLast && attempt.errorKind === undefined) return usedByAnswer(exchange, told);
  if (told !== undefined) return counted(told);
  if (attempt.isUnanswered !== true) return undefined;
  // What has come is from another attempt, if anything has.
  return { ...estimatePrompt(exchange, attempt.model), source: "estimated" };
}

function usedByAnswer(exchange: Exchange, told: Usage | undefined): CountedUsage | undefined {
  const { end, isDrained = false, isStream } = exchange;
  const isWhole = end === undefined || end.outcome.kind === "ok" || isDrained;
  if (isWhole || !isStream) {
    return told === undefined ? estimated(exchange, undefined) : counted(told);
  }
  return estimated(exchange, told);
}

const counted = (usage: Usage): CountedUsage => ({ ...usage, source: "provider" });

/** A stream that was cut: its input may have been counted by the provider already, its output was not to the end. */
function estimated(exchange: Exchange, told: Usage | undefined): CountedUsage {
  const guess = estimateUsage(exchange);
  if (told === undefined) return { ...guess, source: "estimated" };
  return {
    ...told,
    outputTokens: Math.max(told.outputTokens, guess.outputTokens),
    source: "estimated",
  };
}
