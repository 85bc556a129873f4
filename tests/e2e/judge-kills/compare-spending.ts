import { judgeTenantId } from "../../../src/tenants/system-tenant.ts";
import { evaluationsOf } from "./accounts.ts";
import type { AmendedRecord, JudgeAccounts } from "./accounts.ts";
import type { JudgeEvidence } from "./compare.ts";
import { nameOf } from "./judge-script.ts";
import { serialOf } from "./prices.ts";
import type { JudgeCall } from "./provider.ts";

/** The judge's own books: what it was asked stands in them at most once, and no cap is exceeded. */
export function compareSpending(evidence: JudgeEvidence, accounts: JudgeAccounts): string[] {
  return [
    ...serialProblems(evidence, accounts.judgeRecords),
    ...scoreProblems(evidence.calls, accounts),
    ...spentProblems(evidence, accounts),
    ...capProblems(evidence, accounts),
  ];
}

/** Every answer of the judge has a usage of its own, by which its record is found. */
function serialProblems({ calls, kills }: JudgeEvidence, records: readonly AmendedRecord[]) {
  const problems: string[] = [];
  const served = new Map(
    calls.flatMap((call) => (call.serial === undefined ? [] : [[call.serial, call] as const])),
  );
  const found = new Set<number>();
  for (const record of records) {
    if (record.amendments.length > 0) problems.push(`the judge itself was judged: ${record.id}`);
    if (record.outcome !== "ok" || record.usage === null) continue;
    const { input_tokens: inputTokens, output_tokens: outputTokens } = record.usage;
    const serial = serialOf({ inputTokens, outputTokens });
    const call = served.get(serial);
    if (call === undefined) problems.push(`${record.id}: the judge never answered that`);
    else if (BigInt(record.cost_nano_usd) !== call.nanoUsd)
      problems.push(`${record.id} costs ${call.nanoUsd}, recorded ${record.cost_nano_usd}`);
    if (found.has(serial))
      problems.push(`doubled: answer ${serial} of the judge is in two records`);
    found.add(serial);
  }
  const interrupted = records.filter(({ outcome }) => outcome === "interrupted").length;
  const lost = served.size - found.size;
  if (lost > interrupted)
    problems.push(`${lost} answers of the judge have no record, and ${interrupted} were cut short`);
  if (kills === 0 && interrupted > 0) problems.push("calls of the judge were interrupted");
  if (records.length < calls.length)
    problems.push(`the judge was asked ${calls.length} times, and ${records.length} are recorded`);
  return problems;
}

/** No score without a verdict that the judge gave. */
function scoreProblems(calls: readonly JudgeCall[], { records }: JudgeAccounts): string[] {
  const verdicts = new Set(calls.filter(({ isVerdict }) => isVerdict).map(nameOf));
  return [...records.values()].flat().flatMap((record) =>
    evaluationsOf(record)
      .filter(({ score }) => score !== null)
      .map(({ evaluator }) => nameOf({ label: record.client_request_id ?? "", evaluator }))
      .filter((name) => !verdicts.has(name))
      .map((name) => `made up: a score of ${name}, which the judge never gave`),
  );
}

/** `/v1/usage` beside the records, and beside what evaluations say that they cost. */
function spentProblems(
  { kills }: JudgeEvidence,
  { judgeRecords, spent, records }: JudgeAccounts,
): string[] {
  const problems: string[] = [];
  const sums = new Map<string, bigint>();
  for (const { key, cost_nano_usd: cost } of judgeRecords)
    sums.set(key, (sums.get(key) ?? 0n) + BigInt(cost));
  for (const key of new Set([...sums.keys(), ...spent.keys()])) {
    const [audit = 0n, usage = 0n] = [sums.get(key), spent.get(key)];
    if (audit !== usage) problems.push(`${judgeTenantId} ${key}: audit ${audit}, usage ${usage}`);
  }
  for (const [tenant, own] of records) {
    const told = own
      .flatMap(evaluationsOf)
      .reduce((total, { cost_nano_usd: cost }) => total + BigInt(cost), 0n);
    const paid = spent.get(keyOf(tenant)) ?? 0n;
    // What died with a process was paid for, and is in no evaluation.
    if (told > paid || (kills === 0 && told < paid))
      problems.push(`${tenant}: evaluations cost ${told}, and ${paid} was paid`);
  }
  return problems;
}

/** By what the gateway says and by what the judge knows. */
function capProblems({ calls, capNanoUsd, days }: JudgeEvidence, { spent }: JudgeAccounts) {
  const most = capNanoUsd * BigInt(days);
  const asked = calls
    .filter(({ label }) => label.startsWith(`${cappedTenant}-`))
    .reduce((total, { nanoUsd }) => total + nanoUsd, 0n);
  const paid = spent.get(keyOf(cappedTenant)) ?? 0n;
  return [
    ...(paid > most ? [`the cap is exceeded: ${paid} of ${most} is in the books`] : []),
    ...(asked > most ? [`the cap is exceeded: the judge counts ${asked} of ${most}`] : []),
  ];
}

export const cappedTenant = "capped";

/** Whose key of the judge's it is: `judgeCaller` in `src/tenants/system-tenant.ts`. */
const keyOf = (tenant: string): string => `judge-${tenant}`;

/** What calls have cost, for the report. */
export const totalCost = (calls: readonly JudgeCall[]): bigint =>
  calls.reduce((total, { nanoUsd }) => total + nanoUsd, 0n);
