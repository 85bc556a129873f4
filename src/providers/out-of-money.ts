import type { ErrorBody } from "../errors.ts";

/**
 * Whether a 429 says that an account has nothing left to spend, where waiting does not help. OpenAI gives all
 * of its own the type `insufficient_quota`, and before 2026 the code too; servers in front of it keep only one
 * of the two. (https://developers.openai.com/api/docs/guides/error-codes, read 2026-11-21)
 */
export function isOutOfMoney({ code, type }: ErrorBody): boolean {
  return type === "insufficient_quota" || (code !== null && codes.has(code));
}

const codes: ReadonlySet<string> = new Set([
  "insufficient_quota",
  "credit_balance_exhausted",
  "organization_spend_limit_exceeded",
  "organization_usage_limit_exceeded",
  "project_spend_limit_exceeded",
  "billing_hard_limit_reached",
  "billing_not_active",
]);
