import type { z } from "zod";

import { listOf, strictFields, text } from "../config/field-types.ts";

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

/** What a tenant, or one of its keys, may do. The narrower of the two wins. */
export const policySchema = strictFields({
  /** Model names, a trailing `*` matching the rest. Absent: every model. */
  models: listOf(modelPattern, { max: modelPatternsMax }).readonly().exactOptional(),
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

/** Whether `outer` allows everything that `inner` does. */
export function isWithin({ inner, outer }: { inner: Policy; outer: Policy }): boolean {
  const wide = outer.models;
  if (wide === undefined) return true;
  if (inner.models === undefined) return false;
  return inner.models.every((narrow) => wide.some((pattern) => matches(pattern, narrow)));
}

function matches(pattern: string, model: string): boolean {
  return pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : pattern === model;
}
