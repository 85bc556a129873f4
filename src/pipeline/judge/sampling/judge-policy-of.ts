import type { JudgePolicy } from "../../../tenants/judge-policy.ts";
import type { Caller } from "../../../tenants/tenant.ts";

/** The tenant's policy alone says whether its answers are judged; a key's has no say in it. */
export const judgePolicyOf = ({ policies: [tenant] }: Caller): JudgePolicy | undefined =>
  tenant?.judge;
