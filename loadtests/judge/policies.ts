import { adminToken } from "../harness/gateway-environment.ts";
import { judgeModel } from "./judge-processes.ts";

/** How the tenant whose requests are sent has its answers judged. */
export interface JudgedShare {
  readonly name: string;
  /** 0: it has no policy at all. */
  readonly rate: number;
}

export const baseline = "none";

/**
 * No policy, twice, and one around which they lie: what is between the two without is the noise that a difference has to
 * be seen above. `rate`: 0 to 1.
 */
export const sharesAround = (rate: number): readonly JudgedShare[] => [
  { name: baseline, rate: 0 },
  { name: `${rate * 100} %`, rate },
  { name: "none again", rate: 0 },
];

export async function setPolicy(origin: string, { rate }: JudgedShare): Promise<void> {
  const judge = {
    evaluators: ["relevance"],
    model: judgeModel,
    daily_budget_usd: "1000000",
    sample_rate: rate,
  };
  await ask(origin, "PATCH", "/tenants/default", { policy: rate === 0 ? {} : { judge } });
}

async function ask(origin: string, method: string, path: string, body: object): Promise<void> {
  const answer = await fetch(`${origin}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
}
