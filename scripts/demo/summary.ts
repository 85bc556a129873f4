import { z } from "zod";

import type { Demo } from "./start-demo.ts";

const usageSchema = z.looseObject({
  totals: z.looseObject({
    requests: z.number().optional(),
    cost_usd: z.string().optional(),
    saved_usd: z.string().optional(),
  }),
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

/** What is left of a demo that has ended: each tenant's totals, and what the audit log says of some requests. */
export async function summaryOf(demo: Demo): Promise<string> {
  const get = async (path: string): Promise<unknown> => {
    const headers = { authorization: `Bearer ${demo.adminToken}` };
    return (await fetch(demo.url + path, { headers })).json();
  };
  const rows: string[] = [];
  // The last are the calls that the semantic cache makes to compare answers.
  for (const tenant of [...Object.keys(demo.tenants), "sentinel"]) {
    const usage = usageSchema.safeParse(await get(`/v1/usage?tenant=${tenant}`));
    if (!usage.success) continue;
    const { requests = 0, cost_usd: cost = "", saved_usd: saved = "" } = usage.data.totals;
    rows.push(
      `  ${tenant.padEnd(18)}${String(requests).padStart(9)}  ${cost.padStart(14)}  ${saved.padStart(14)}`,
    );
  }
  const stories: string[] = [];
  for (const [what, { id, key }] of Object.entries(demo.figures.interesting)) {
    const tenant = Object.values(demo.tenants).find((each) => each.key === key)?.id ?? "";
    const record = recordSchema.safeParse(await get(`/v1/audit/${id}?tenant=${tenant}`));
    if (record.success) stories.push(`  A request that was ${what}, ${storyOf(record.data)}`);
  }
  const head = `  ${"tenant".padEnd(18)}${"requests".padStart(9)}  ${"cost, US$".padStart(14)}  ${"saved, US$".padStart(14)}`;
  return [head, ...rows, "", ...stories].join("\n");
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
