import type { z } from "zod";

import {
  listOf,
  mustBe,
  oneOf,
  strictFields,
  text,
  usdAmount,
  wholeNumber,
} from "../config/field-types.ts";
import { nanoUsdFrom } from "../lib/usd.ts";
import { cachePolicySchema } from "./cache-policy.ts";
import { judgePolicySchema } from "./judge-policy.ts";

/** Whoever pays for requests and sees their records. Nothing crosses from one tenant to another. */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly status: TenantStatus;
  readonly policy: Policy;
  readonly createdAtMs: number;
}

/** A suspended tenant keeps its records, but its keys are refused. */
export type TenantStatus = (typeof tenantStatuses)[number];
export const tenantStatuses = ["active", "suspended"] as const;

/** The tenant that the first start makes. */
export const defaultTenantId = "default";

const modelPatternsMax = 500;

const modelPattern = text({
  pattern: /^(?=.)[^\s*]{0,256}\*?$/,
  rule: "must be a model's name, or how it begins and a * after that",
});

const budgetsMax = 8;
const countMax = 1_000_000_000;

/** At which parts of a budget its webhook is called, in percent. */
const alertPercents = () =>
  listOf(wholeNumber({ min: 1, max: 100 }), { max: 10 })
    .readonly()
    .default([80, 100]);

const budgetSchema = strictFields({
  period: oneOf(["day", "week", "month", "total"]),
  /** `hard` refuses what would go beyond it, `soft` only tells. */
  kind: oneOf(["hard", "soft"]).default("hard"),
  limit_usd: usdAmount(),
  alert_at_percent: alertPercents(),
});
export type Budget = Readonly<z.infer<typeof budgetSchema>>;

const isOncePerPeriod = (budgets: readonly Budget[]): boolean =>
  new Set(budgets.map(({ period, kind }) => `${period} ${kind}`)).size === budgets.length;

/** What a tenant, or one of its keys, may do. The narrower of the two wins. */
const sharedPolicy = {
  /** Model names, a trailing `*` matching the rest. Absent: every model. */
  models: listOf(modelPattern, { max: modelPatternsMax }).readonly().exactOptional(),
  limits: strictFields({
    requests_per_minute: wholeNumber({ min: 1, max: countMax }).exactOptional(),
    tokens_per_minute: wholeNumber({ min: 1, max: countMax }).exactOptional(),
    concurrent_requests: wholeNumber({ min: 1, max: 1_000_000 }).exactOptional(),
  }).exactOptional(),
  budgets: listOf(budgetSchema, { max: budgetsMax })
    .refine(isOncePerPeriod, {
      error: mustBe("must have at most one hard and one soft budget for each period"),
    })
    .readonly()
    .exactOptional(),
  /** Whether models without a known price may be used. Absent: unless a hard budget could not count them. */
  unpriced_models: oneOf(["allow", "refuse"]).exactOptional(),
  cache: cachePolicySchema.exactOptional(),
};

export const keyPolicySchema = strictFields(sharedPolicy);

const daysMax = 3_650;

const webhookUrl = () => {
  const rule = "must be an http or https URL";
  const pattern = /^https?:\/\/[^\s]{1,2000}$/;
  return text({ pattern, rule }).refine((url) => URL.canParse(url), { error: mustBe(rule) });
};

/** What concerns a tenant as a whole comes on top. */
export const policySchema = strictFields({
  ...sharedPolicy,
  /** Prompts and answers are kept for so many days. Absent: they are not kept. */
  payload_retention_days: wholeNumber({ min: 1, max: daysMax }).exactOptional(),
  /** Audit records are kept for so many days, where that is shorter than the platform's. */
  audit_retention_days: wholeNumber({ min: 1, max: daysMax }).exactOptional(),
  /** Gets the alerts of this tenant's budgets, in place of the platform's address. */
  budget_webhook_url: webhookUrl().exactOptional(),
  /** What of its answers is judged, by whom, and what that may cost. Absent: nothing is. */
  judge: judgePolicySchema.exactOptional(),
});
export type Policy = Readonly<z.infer<typeof policySchema>>;

export type Role = (typeof roles)[number];
export const roles = ["inference", "viewer", "admin"] as const;

/** Who is calling, as every later step sees it. */
export interface Caller {
  readonly tenantId: string;
  readonly keyId: string;
  readonly role: Role;
  /** The tenant's policy and the key's own; a request must satisfy each. */
  readonly policies: readonly Policy[];
}

/** Whether this caller may use the model that it named. */
export function mayUseModel(caller: Caller, model: string): boolean {
  return caller.policies.every(
    ({ models }) => models === undefined || models.some((pattern) => matches(pattern, model)),
  );
}

/**
 * Whether a model whose price nobody knows may be used, as far as this policy goes. A hard budget could not count
 * it, so that with one it takes the policy's word.
 */
export function permitsUnpriced({ unpriced_models: said, budgets = [] }: Policy): boolean {
  if (said !== undefined) return said === "allow";
  return !budgets.some(({ kind }) => kind === "hard");
}

/**
 * Whether `outer` allows everything that `inner` does: models, limits, hard budgets and models without a price.
 * (Limits and budgets are each key's own, so that two keys of the same policy may use twice of it; the tenant's
 * are what holds all of them together.)
 */
export function isWithin(policies: { inner: Policy; outer: Policy }): boolean {
  return (
    areModelsWithin(policies) &&
    areLimitsWithin(policies) &&
    areBudgetsWithin(policies) &&
    (permitsUnpriced(policies.outer) || !permitsUnpriced(policies.inner))
  );
}

interface Nested {
  readonly inner: Policy;
  readonly outer: Policy;
}

function areModelsWithin({ inner, outer }: Nested): boolean {
  const wide = outer.models;
  if (wide === undefined) return true;
  if (inner.models === undefined) return false;
  return inner.models.every((narrow) => wide.some((pattern) => matches(pattern, narrow)));
}

const limitNames = ["requests_per_minute", "tokens_per_minute", "concurrent_requests"] as const;

function areLimitsWithin({ inner, outer }: Nested): boolean {
  return limitNames.every((name) => {
    const most = outer.limits?.[name];
    return most === undefined || (inner.limits?.[name] ?? Number.POSITIVE_INFINITY) <= most;
  });
}

/** Each hard budget needs one in `inner` that is no larger, for the same period or one that all of it lies in. */
function areBudgetsWithin({ inner, outer }: Nested): boolean {
  const hardOnes = (policy: Policy) => (policy.budgets ?? []).filter(({ kind }) => kind === "hard");
  return hardOnes(outer).every((wide) =>
    hardOnes(inner).some(
      (narrow) =>
        periodsAround[wide.period].includes(narrow.period) && amountOf(narrow) <= amountOf(wide),
    ),
  );
}

/** Whatever is spent in one of these is spent in the others too. (A week can lie in two months.) */
const periodsAround: Readonly<Record<Budget["period"], readonly Budget["period"][]>> = {
  day: ["day", "week", "month", "total"],
  week: ["week", "total"],
  month: ["month", "total"],
  total: ["total"],
};

const amountOf = ({ limit_usd: limitUsd }: Budget): number =>
  nanoUsdFrom(limitUsd) ?? Number.POSITIVE_INFINITY;

function matches(pattern: string, model: string): boolean {
  return pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : pattern === model;
}
