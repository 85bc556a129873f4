import type { JudgePolicy } from "../../../src/tenants/judge-policy.ts";
import { askAdmin, makeProofKey } from "../kills/proof-tenants.ts";
import type { AdminAddress, ProofKey } from "../kills/proof-tenants.ts";
import { evaluatorNames } from "./judge-script.ts";
import { judgeModel } from "./prices.ts";

/** How a tenant of the proof has its answers judged. */
export interface JudgeTenant {
  readonly id: string;
  /** Undefined: nothing of it is judged. */
  readonly judge: JudgePolicy | undefined;
  /** The share of the clients' calls. */
  readonly share: number;
}

/** One with room for all its judging, one whose cap is reached, and one that has none. */
export const judgeTenants = (cappedUsd: string): readonly JudgeTenant[] => [
  {
    id: "judged",
    share: 0.4,
    judge: {
      evaluators: evaluatorNames,
      model: judgeModel,
      daily_budget_usd: "900",
      sample_rate: 0.8,
    },
  },
  {
    id: "capped",
    share: 0.4,
    judge: {
      evaluators: evaluatorNames,
      model: judgeModel,
      daily_budget_usd: cappedUsd,
      sample_rate: 1,
    },
  },
  { id: "plain", share: 0.2, judge: undefined },
];

export async function makeJudgeTenants(
  at: AdminAddress,
  tenants: readonly JudgeTenant[],
): Promise<readonly ProofKey[]> {
  const keys: ProofKey[] = [];
  for (const { id, judge } of tenants) {
    const policy = judge === undefined ? {} : { judge };
    await askAdmin(at, "POST /tenants", { id, name: id, policy });
    keys.push(await makeProofKey(at, id, "proof", {}));
  }
  return keys;
}
