import type { Neighbour } from "../../src/pipeline/cache/channels.ts";
import {
  SemanticPolicy,
  semanticPolicyDefaults,
} from "../../src/pipeline/cache/semantic-policy.ts";
import type { SemanticPolicySnapshot } from "../../src/pipeline/cache/semantic-policy.ts";
import { seededRandom } from "./seeded-random.ts";

export interface TaughtOptions {
  readonly embedderId: string;
  /** That questions of one normal form mean the same. */
  readonly forms?: boolean;
  /** That what is near means the same. */
  readonly near?: boolean;
}

/** What a tenant's policy has learnt whose checks have all found that what is near, or has the same normal form, is right. */
export function taughtPolicy(options: TaughtOptions): SemanticPolicySnapshot {
  const { embedderId, forms = true, near = true } = options;
  const random = seededRandom(5);
  const policy = new SemanticPolicy({ ...semanticPolicyDefaults, embedderId, random });
  const label = (similarity: number, by: Neighbour["by"]): void => {
    const counts = { confirmations: 0, refutations: 0 };
    const neighbour = { entryId: "e", answerId: "a", similarity, by, ...counts };
    const decided = policy.decide([neighbour], {
      mode: "shadow",
      isBudgetLeft: true,
      forbids: () => false,
    });
    if (decided?.check === true) policy.observe(decided, true);
  };
  for (let at = 0; at < 400; at++) {
    if (near) label(0.7 + 0.3 * random(), "vector");
    if (forms) label(1, "form");
  }
  return policy.toJSON();
}
