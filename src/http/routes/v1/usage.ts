import { Hono } from "hono";

import { usdText } from "../../../lib/usd.ts";
import { usageDimensions, usageSums } from "../../../pipeline/cost/usage-ledger.ts";
import type {
  UsageDimension,
  UsageLedger,
  UsageQuery,
  UsageRow,
  UsageSum,
  UsageSums,
} from "../../../pipeline/cost/usage-ledger.ts";
import type { AppEnv } from "../../context.ts";
import { bad, readSpan, readWord, refuseUnknown } from "../../report-query.ts";
import type { ReportSpan } from "../../report-query.ts";
import { reportedTenant } from "../../reporting-scope.ts";
import type { HasTenant } from "../../reporting-scope.ts";
import { judgeUsage, readJudgeGroupBy } from "./judge-usage.ts";
import type { JudgeUsageDeps } from "./judge-usage.ts";

export interface UsageRoutesDeps extends Pick<JudgeUsageDeps, "calibrationOf"> {
  readonly usageLedger: UsageLedger;
  readonly hasTenant: HasTenant;
  /** Resolves when what was settled so far can be read, or after a moment. */
  readonly settled: () => Promise<void>;
  readonly nowMs: () => number;
}

/** A report with more rows than this would be nobody's to read. */
const rowsMax = 50_000;

/**
 * `GET /v1/usage`: what one tenant used and what it cost, by hour, day, model, provider, key or tag; with `metrics=judge`
 * what its answers were worth.
 */
export function usageRoutes(deps: UsageRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/", async (c) => {
    const tenantId = await reportedTenant(c, deps.hasTenant);
    refuseUnknown(c.req.query(), ["tenant", "from", "to", "group_by", "metrics"]);
    const query = (name: string): string | undefined => c.req.query(name);
    const span = readSpan(query, deps.nowMs());
    const metrics = readWord(query, "metrics", ["usage", "judge"]) ?? "usage";
    const report = reportOf(metrics, query("group_by"), deps);
    await deps.settled();
    return json({
      object: "usage",
      tenant: tenantId,
      from: new Date(span.fromMs).toISOString(),
      to: new Date(span.toMs).toISOString(),
      ...(await report(tenantId, span)),
    });
  });
  return routes;
}

/** Throws `invalid_value` before anything is read. */
function reportOf(
  metrics: "usage" | "judge",
  grouping: string | undefined,
  deps: UsageRoutesDeps,
): (tenantId: string, span: ReportSpan) => Promise<object> {
  if (metrics === "judge") {
    const groupBy = readJudgeGroupBy(grouping);
    return (tenantId, span) => judgeUsage({ tenantId, span, groupBy }, deps);
  }
  const groupBy = readGroupBy(grouping);
  return (tenantId, span) => requestUsage({ tenantId, ...span, groupBy }, deps);
}

async function requestUsage(query: UsageQuery, { usageLedger }: UsageRoutesDeps): Promise<object> {
  const { groupBy } = query;
  const rows = await usageLedger.usage(query);
  if (rows.length > rowsMax) throw bad("group_by", `gives more than ${rowsMax} rows; ask for less`);
  // A request with two tags is in both of their rows: tags do not add up to the total.
  const whole = groupBy.includes("tag") ? await usageLedger.usage({ ...query, groupBy: [] }) : rows;
  return { group_by: groupBy, data: rows.map(present), totals: figures(total(whole)) };
}

const withTag: readonly UsageDimension[] = ["tag", "day", "model"];

function readGroupBy(text: string | undefined): readonly UsageDimension[] {
  const words = (text ?? "").split(",").flatMap((word) => (word.trim() === "" ? [] : word.trim()));
  const found = usageDimensions.filter((dimension) => words.includes(dimension));
  if (found.length < new Set(words).size) {
    throw bad(
      "group_by",
      `must be made of ${usageDimensions.join(", ")}, with commas between them`,
    );
  }
  if (found.includes("tag") && found.some((dimension) => !withTag.includes(dimension))) {
    throw bad("group_by", `can have beside tag only day and model`);
  }
  return found;
}

function total(rows: readonly UsageRow[]): UsageSums {
  const sums = Object.fromEntries(usageSums.map((name) => [name, 0n])) as Record<UsageSum, bigint>;
  for (const row of rows) for (const name of usageSums) sums[name] += row.sums[name];
  return sums;
}

const present = ({ group, sums }: UsageRow): object => ({ ...group, ...figures(sums) });

/** Money in dollars as text, exact to the nano-dollar, and in whole nano-dollars. */
function figures(sums: UsageSums): object {
  const costNanoUsd = sums.exact_nano_usd + sums.estimated_nano_usd;
  return {
    requests: sums.requests,
    failed_requests: sums.failed_requests,
    input_tokens: sums.input_tokens,
    cached_input_tokens: sums.cached_input_tokens,
    cache_write_tokens: sums.cache_write_tokens,
    output_tokens: sums.output_tokens,
    reasoning_tokens: sums.reasoning_tokens,
    cost_usd: usdText(costNanoUsd),
    cost_nano_usd: costNanoUsd,
    cost_by_status: {
      exact: { requests: sums.exact_requests, cost_usd: usdText(sums.exact_nano_usd) },
      estimated: { requests: sums.estimated_requests, cost_usd: usdText(sums.estimated_nano_usd) },
      unpriced: { requests: sums.unpriced_requests },
    },
    cache_hits: sums.cache_hits,
    saved_usd: usdText(sums.saved_nano_usd),
    saved_input_tokens: sums.saved_input_tokens,
    saved_output_tokens: sums.saved_output_tokens,
  };
}

/** Sums are whole numbers of any size, written with all their digits. */
function json(value: object): Response {
  const text = JSON.stringify(value, (_key, field: unknown) =>
    typeof field === "bigint" ? JSON.rawJSON(String(field)) : field,
  );
  return new Response(text, { headers: { "content-type": "application/json" } });
}
