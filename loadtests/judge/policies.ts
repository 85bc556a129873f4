import { setTimeout as sleep } from "node:timers/promises";

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

export interface JobCounts {
  readonly waiting: number;
  readonly running: number;
}

const settledMs = 1_000;
const drainMsMax = 300_000;

/**
 * Waits until the jobs have stayed the same for a second, or until there are none where somebody does them: those of one
 * turn are not to be done in the next. Resolves to how many wait.
 */
export async function untilJudged(origin: string, hasWorkers: boolean): Promise<number> {
  const deadlineMs = performance.now() + drainMsMax;
  let before = -1;
  for (;;) {
    const { waiting, running } = await readCounts(origin);
    const isOver = hasWorkers ? waiting + running === 0 : true;
    if (isOver && waiting === before) return waiting;
    if (performance.now() > deadlineMs) throw new Error(`${waiting} jobs still wait`);
    before = waiting;
    await sleep(settledMs);
  }
}

async function readCounts(origin: string): Promise<JobCounts> {
  const { counts } = (await ask(origin, "GET", "/jobs")) as { readonly counts: JobCounts[] };
  return {
    waiting: counts.reduce((sum, { waiting }) => sum + waiting, 0),
    running: counts.reduce((sum, { running }) => sum + running, 0),
  };
}

async function ask(origin: string, method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${origin}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}
