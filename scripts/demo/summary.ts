import { z } from "zod";

import type { Demo } from "./start-demo.ts";

const usageSchema = z.looseObject({
  totals: z.looseObject({
    requests: z.number().optional(),
    cost_usd: z.string().optional(),
    saved_usd: z.string().optional(),
  }),
});

const judgedSchema = z.looseObject({
  data: z.array(
    z.looseObject({
      evaluator: z.string(),
      scored: z.number(),
      failed: z.number(),
      capped: z.number(),
      mean_score: z.number().nullable(),
      cost_usd: z.string(),
      feedback: z.looseObject({ count: z.number(), mean_score: z.number().nullable() }),
    }),
  ),
});

const recordSchema = z.looseObject({
  id: z.string(),
  model: z.string().nullable(),
  status: z.number(),
  cost_usd: z.string(),
  cost_status: z.string(),
  cache: z.looseObject({ outcome: z.string(), similarity: z.number().nullable() }),
  attempts: z.array(
    z.looseObject({
      provider: z.string(),
      model: z.string(),
      status: z.number().nullable(),
      duration_ms: z.number(),
    }),
  ),
});
type AuditRecord = z.infer<typeof recordSchema>;

type Get = (path: string) => Promise<unknown>;

/** What is left of a demo that has ended: each tenant's totals, its scores, and what the audit log says of some requests. */
export async function summaryOf(demo: Demo): Promise<string> {
  const get: Get = async (path) => {
    const headers = { authorization: `Bearer ${demo.adminToken}` };
    return (await fetch(demo.url + path, { headers })).json();
  };
  const rows = await usageRows(demo, get);
  const scores = await scoreRows(demo, get);
  const stories = await storiesOf(demo, get);
  return [...rows, "", ...scores, "", ...stories].join("\n");
}

async function usageRows({ tenants }: Demo, get: Get): Promise<readonly string[]> {
  const rows = [
    `  ${"tenant".padEnd(18)}${"requests".padStart(9)}  ${"cost, US$".padStart(14)}  ${"saved, US$".padStart(14)}`,
  ];
  // The last are the calls that the semantic cache makes to compare answers, and the judge's.
  for (const tenant of [...Object.keys(tenants), "sentinel", "sentinel-judge"]) {
    const usage = usageSchema.safeParse(await get(`/v1/usage?tenant=${tenant}`));
    if (!usage.success) continue;
    const { requests = 0, cost_usd: cost = "", saved_usd: saved = "" } = usage.data.totals;
    rows.push(
      `  ${tenant.padEnd(18)}${String(requests).padStart(9)}  ${cost.padStart(14)}  ${saved.padStart(14)}`,
    );
  }
  return rows;
}

/** Of the tenants that have answers judged. */
async function scoreRows({ tenants }: Demo, get: Get): Promise<readonly string[]> {
  const head = ["scored", "failed", "capped", "mean"].map((name) => name.padStart(8)).join("");
  const rows = [`  ${"judged".padEnd(18)}${"by".padEnd(13)}${head}  ${"cost, US$".padStart(14)}`];
  for (const tenant of Object.keys(tenants)) {
    const judged = judgedSchema.safeParse(await get(`/v1/usage?tenant=${tenant}&metrics=judge`));
    for (const row of judged.data?.data ?? []) {
      const { evaluator, feedback, cost_usd: cost } = row;
      // Without an evaluator it is what people said of the answer as a whole.
      const isJudge = evaluator !== "";
      const figures = isJudge
        ? [row.scored, row.failed, row.capped, meanText(row.mean_score)]
        : [feedback.count, "", "", meanText(feedback.mean_score)];
      const shown = figures.map((figure) => String(figure).padStart(8)).join("");
      const by = isJudge ? evaluator : "thumbs";
      rows.push(`  ${tenant.padEnd(18)}${by.padEnd(13)}${shown}  ${cost.padStart(14)}`);
    }
  }
  return rows;
}

const meanText = (mean: number | null): string => mean?.toFixed(2) ?? "-";

async function storiesOf({ tenants, figures }: Demo, get: Get): Promise<readonly string[]> {
  const stories: string[] = [];
  for (const [what, { id, key }] of Object.entries(figures.interesting)) {
    const tenant = Object.values(tenants).find((each) => each.key === key)?.id ?? "";
    const record = recordSchema.safeParse(await get(`/v1/audit/${id}?tenant=${tenant}`));
    if (record.success) stories.push(`  A request that was ${what}, ${storyOf(record.data)}`);
  }
  return stories;
}

function storyOf({
  id,
  model,
  status,
  cost_usd,
  cost_status,
  cache,
  attempts,
}: AuditRecord): string {
  const similarity =
    cache.similarity === null ? "" : ` (similarity ${cache.similarity.toFixed(3)})`;
  const asked = attempts.map(
    (attempt) =>
      `    asked ${attempt.provider}/${attempt.model}: ${attempt.status ?? "no answer"} after ${attempt.duration_ms.toFixed(0)} ms`,
  );
  const head = `${id}, for ${model ?? "no model"}: ${status}, US$ ${cost_usd} (${cost_status}), cache ${cache.outcome}${similarity}`;
  return [head, ...asked].join("\n");
}
