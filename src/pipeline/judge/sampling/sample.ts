import { hash } from "node:crypto";

import { ownValue } from "../../../lib/own-value.ts";
import type { JudgePolicy } from "../../../tenants/judge-policy.ts";
import type { EvaluationData } from "../scores/evaluation.ts";

export type SampledBy = EvaluationData["sampled_by"];

/** What is known of a request when it has ended. */
export interface SampleFacts {
  readonly id: string;
  /** As the client named it. */
  readonly model: string;
  /** The answer broke off. */
  readonly isError: boolean;
  /** A rule of the shield noted something. */
  readonly isFlagged: boolean;
}

/**
 * Why a request is judged; undefined: it is not. The same request always gets the same answer, on every replica and after
 * every crash, and whoever raises a rate judges all that was judged before.
 */
export function sampleOf(policy: JudgePolicy, facts: SampleFacts): SampledBy | undefined {
  const place = placeOf(facts.id);
  const rate = ownValue(policy.routes, facts.model) ?? policy.sample_rate;
  if (place < rate) return "rate";
  const raised = Math.min(1, rate * raisedBy);
  if (facts.isError && place < (policy.error_sample_rate ?? raised)) return "error";
  if (facts.isFlagged && place < (policy.shield_sample_rate ?? raised)) return "shield";
  return undefined;
}

/** Whether a thumb down has it judged. */
export const isSampledByFeedback = (policy: JudgePolicy, id: string): boolean =>
  placeOf(id) < (policy.feedback_sample_rate ?? 1);

/** What broke off or was noted is judged so many times as often, where the policy does not say. */
const raisedBy = 5;

/** In [0, 1): the first 48 bits of the SHA-256 of the request's id. */
export const placeOf = (id: string): number =>
  Number.parseInt(hash("sha256", id).slice(0, 12), 16) / 2 ** 48;
