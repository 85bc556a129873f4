import { expect, test } from "vitest";

import type { LimitRefusal } from "../../../src/pipeline/limits/limit-store.ts";
import { narrower, quotaHeaders } from "../../../src/pipeline/limits/quota.ts";
import { refusalFailure } from "../../../src/pipeline/limits/refusal.ts";

const nowMs = Date.UTC(2026, 10, 21, 12);

test("a rate says which it is, how large, and when to try again", () => {
  const refusal = {
    limit: "requests",
    scope: "key",
    max: 60,
    retryAfterMs: 412.3,
  } as const;
  const failure = refusalFailure(refusal, nowMs);
  expect(failure).toMatchObject({
    kind: "rate_limit_exceeded",
    status: 429,
    retryAfterMs: 412.3,
    headers: {},
    body: { type: "rate_limit_error", code: "rate_limit_exceeded", param: null },
    message:
      "Too many requests: the limit of this API key (60 requests a minute). " +
      "Try again in 0.5 s, or ask the tenant's admin for a higher limit.",
  });
});

test.each([
  ["tokens", "Too many tokens: the limit of your tenant (9 tokens a minute)."],
  ["concurrency", "Too many requests at once: the limit of your tenant (9 concurrent requests)."],
] as const)("a limit of %s is named in the client's words", (limit, beginning) => {
  const failure = refusalFailure({ limit, scope: "tenant", max: 9, retryAfterMs: 1_000 }, nowMs);
  expect(failure.message.startsWith(beginning)).toBe(true);
  expect(failure.retryAfterMs).toBe(1_000);
});

test.each([
  ["requests", "(1 request a minute)"],
  ["tokens", "(1 token a minute)"],
  ["concurrency", "(1 concurrent request)"],
] as const)("a limit of one is not told in the plural: %s", (limit, size) => {
  const failure = refusalFailure({ limit, scope: "key", max: 1, retryAfterMs: 1_000 }, nowMs);
  expect(failure.message).toContain(size);
});

test("what is larger than the whole limit is not to be tried again", () => {
  const refusal = { limit: "tokens", scope: "key", max: 10, retryAfterMs: undefined } as const;
  const failure = refusalFailure(refusal, nowMs);
  expect(failure).toMatchObject({
    kind: "rate_limit_exceeded",
    retryAfterMs: undefined,
    headers: { "x-should-retry": "false" },
  });
  expect(failure.message).toContain("more than the limit of this API key (10 tokens a minute)");
  expect(failure.message).toContain("max_tokens");
});

const budget = {
  limit: "budget",
  scope: "tenant",
  period: "month",
  limitNanoUsd: 100_000_000_000,
  spentNanoUsd: 99_999_123_450,
  heldNanoUsd: 0,
} as const satisfies LimitRefusal;

test("a budget says what is spent of it and when it resets, and is not to be tried again", () => {
  expect(refusalFailure(budget, nowMs)).toMatchObject({
    kind: "budget_exceeded",
    status: 429,
    retryAfterMs: undefined,
    headers: { "x-should-retry": "false" },
    body: { type: "insufficient_quota", code: "budget_exceeded" },
    message:
      "The monthly budget of your tenant has no room for this request: $99.99912345 of $100.00 is spent. " +
      "It resets on 2026-12-01 at 00:00 UTC. Ask the tenant's admin for a higher budget to go on.",
  });
});

test.each([
  ["day", "It resets on 2026-11-22 at 00:00 UTC."],
  ["week", "It resets on 2026-11-23 at 00:00 UTC."],
  ["total", "It does not reset."],
] as const)("a budget of a %s: %s", (period, sentence) => {
  expect(refusalFailure({ ...budget, period }, nowMs).message).toContain(sentence);
});

test("what is held for others is told apart from what is spent", () => {
  const held = { ...budget, scope: "key", heldNanoUsd: 5_000_000_000 } as const;
  expect(refusalFailure(held, nowMs).message).toContain(
    "is spent and $5.00 is held for requests that run.",
  );
});

test("the quota becomes OpenAI's headers, for the kinds that are limited", () => {
  const requests = { limit: 60, remaining: 59, resetMs: 1_000 };
  const tokens = { limit: 90_000, remaining: 0, resetMs: 360_000 };
  expect(quotaHeaders({ requests, tokens })).toEqual([
    "x-ratelimit-limit-requests",
    "60",
    "x-ratelimit-remaining-requests",
    "59",
    "x-ratelimit-reset-requests",
    "1s",
    "x-ratelimit-limit-tokens",
    "90000",
    "x-ratelimit-remaining-tokens",
    "0",
    "x-ratelimit-reset-tokens",
    "6m0s",
  ]);
  expect(quotaHeaders({ requests: undefined, tokens: undefined })).toEqual([]);
  expect(quotaHeaders({ requests, tokens: undefined })).toHaveLength(6);
});

test("the narrower of two limits is the one of which less remains", () => {
  const wide = { limit: 100, remaining: 5, resetMs: 9 };
  const narrow = { limit: 10, remaining: 8, resetMs: 9 };
  expect(narrower(wide, narrow)).toBe(wide);
  expect(narrower(narrow, undefined)).toBe(narrow);
  expect(narrower(undefined, undefined)).toBeUndefined();
  const even = { ...narrow, remaining: 5 };
  expect(narrower(wide, even)).toBe(even);
});
