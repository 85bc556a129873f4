import { evaluatorNameIn } from "../../../tenants/judge-policy.ts";
import type { JudgePolicy } from "../../../tenants/judge-policy.ts";
import { policyTerms } from "./judge-job.ts";
import type { JudgeJob } from "./judge-job.ts";

/** What a tenant's policy says of judging; `null`: nothing, or there is no such tenant any more. */
export type JudgePolicyNow = JudgePolicy | null;

/**
 * A job as it is to be done now: it may have waited for hours, and a model that may not see the text any more, a cap that
 * was lowered or a version that was replaced hold for it as well. Undefined: the tenant has nothing judged by it any more.
 */
export function judgeJobNow(job: JudgeJob, policy: JudgePolicyNow): JudgeJob | undefined {
  const name = evaluatorNameIn(job.evaluator);
  const evaluator = policy?.evaluators.find((reference) => evaluatorNameIn(reference) === name);
  if (policy === null || evaluator === undefined) return undefined;
  return { ...job, ...policyTerms(policy), evaluator };
}
