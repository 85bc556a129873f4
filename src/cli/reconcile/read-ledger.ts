import { nanoUsdPerUsd } from "../../lib/usd.ts";
import { askAll, queryOf } from "../gateway-client.ts";
import type { Answer, GatewayClient } from "../gateway-client.ts";
import type { LedgerRow } from "./compare.ts";
import { countOf } from "./figures.ts";

export interface LedgerQuestion {
  /** Undefined: all of them. */
  readonly tenantId: string | undefined;
  /** As Sentinel names it. */
  readonly provider: string;
  /** Days, both included. */
  readonly firstDay: string;
  readonly lastDay: string;
}

const dayMs = 86_400_000;
/** The gateway refuses reports of too many rows. */
const daysPerQuestion = 31;
const tenantsAtOnce = 4;

/** What the gateway's ledger has of a provider, day by day and model by model, over all tenants. */
export async function readLedger(
  client: GatewayClient,
  question: LedgerQuestion,
): Promise<readonly LedgerRow[]> {
  const tenants = await tenantsOf(client, question);
  const spans = spansOf(question);
  const rows: LedgerRow[] = [];
  const waiting = tenants.values();
  const lane = async (): Promise<void> => {
    for (const tenant of waiting) {
      for (const span of spans) {
        const asked = { tenant, ...span, group_by: "day,served_model,provider" };
        const report = await client.ask("GET", `/v1/usage${queryOf(asked)}`);
        const data = report["data"] as readonly Answer[];
        rows.push(...data.filter((row) => row["provider"] === question.provider).map(ledgerRow));
      }
    }
  };
  await Promise.all(Array.from({ length: tenantsAtOnce }, lane));
  return rows;
}

async function tenantsOf(
  client: GatewayClient,
  { tenantId }: LedgerQuestion,
): Promise<readonly string[]> {
  if (tenantId !== undefined) return [tenantId];
  const tenants = await askAll(client, "/admin/v1/tenants?limit=100");
  return tenants.map(({ id }) => String(id));
}

function spansOf({ firstDay, lastDay }: LedgerQuestion): readonly { from: string; to: string }[] {
  const endMs = Date.parse(lastDay) + dayMs;
  const spans = [];
  for (let fromMs = Date.parse(firstDay); fromMs < endMs; fromMs += daysPerQuestion * dayMs) {
    const toMs = Math.min(fromMs + daysPerQuestion * dayMs, endMs);
    spans.push({ from: isoDay(fromMs), to: isoDay(toMs) });
  }
  return spans;
}

const isoDay = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 10);

function ledgerRow(row: Answer): LedgerRow {
  const byStatus = row["cost_by_status"] as Readonly<Record<string, Answer>>;
  const inexact = ["estimated", "unpriced"].map((status) =>
    countOf(byStatus[status]?.["requests"]),
  );
  // What the cache answered was asked of no provider.
  const asked = (countOf(row["requests"]) ?? 0n) - (countOf(row["cache_hits"]) ?? 0n);
  return {
    day: String(row["day"]),
    model: String(row["served_model"]),
    figures: {
      requests: asked,
      inputTokens: countOf(row["input_tokens"]) ?? 0n,
      outputTokens: countOf(row["output_tokens"]) ?? 0n,
      costNanoUsd: exactNanoUsd(String(row["cost_usd"])),
    },
    inexactRequests: inexact.reduce<bigint>((sum, count) => sum + (count ?? 0n), 0n),
  };
}

/** Of the text: a number of nano-dollars may be too large for JavaScript's. */
function exactNanoUsd(text: string): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole) * BigInt(nanoUsdPerUsd) + BigInt(fraction.padEnd(9, "0"));
}
