import { didYouMean } from "../../../config/did-you-mean.ts";
import { Failure } from "../../../errors.ts";
import type { Evaluators } from "../../../pipeline/judge/evaluators/evaluators.ts";
import type { Policy } from "../../../tenants/tenant.ts";

type Known = Pick<Evaluators, "find" | "list" | "refresh">;

/**
 * Throws `invalid_value` for a policy whose answers could not be judged as it says: by evaluators that nobody knows, or that
 * compare two answers. One that another replica has made a moment ago is looked for in the store.
 */
export async function requireKnownEvaluators(
  policy: Policy | undefined,
  evaluators: Known | undefined,
): Promise<void> {
  const references = policy?.judge?.evaluators ?? [];
  if (evaluators === undefined || references.length === 0) return;
  if (references.some((reference) => evaluators.find(reference) === undefined)) {
    await evaluators.refresh();
  }
  for (const [at, reference] of references.entries()) {
    const problem = problemWith(reference, evaluators);
    if (problem === undefined) continue;
    throw new Failure("invalid_value", problem, { param: `policy.judge.evaluators[${at}]` });
  }
}

function problemWith(reference: string, evaluators: Known): string | undefined {
  const found = evaluators.find(reference);
  if (found?.evaluator.subject === "answer") return undefined;
  const [name = "", version] = reference.split("@");
  if (found !== undefined) {
    return `The evaluator '${name}' compares two answers, and a request has one: it is for calibrations.`;
  }
  if (version !== undefined && evaluators.find(name) !== undefined) {
    return `The evaluator '${name}' has no version ${version}. GET /admin/v1/judges/${name} lists those that there are.`;
  }
  const single = evaluators.list().filter(({ evaluator }) => evaluator.subject === "answer");
  const names = single.map(({ evaluator }) => evaluator.name);
  const meant = didYouMean(name, names);
  const hint = meant === undefined ? `There are ${names.join(", ")}.` : `Did you mean '${meant}'?`;
  return `There is no evaluator '${name}'. ${hint}`;
}
