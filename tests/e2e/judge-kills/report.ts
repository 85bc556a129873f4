import { usdText } from "../../../src/lib/usd.ts";
import { evaluationsOf } from "./accounts.ts";
import type { AmendedRecord, JudgeAccounts } from "./accounts.ts";
import { cappedTenant, totalCost } from "./compare-spending.ts";
import { nameOf } from "./judge-script.ts";
import type { JudgeCall } from "./provider.ts";
import type { JudgeProof } from "./run.ts";

const problemsShown = 50;
const complaintsShown = 20;

/** The proof for people: a table of tenants, and what matters beside it. */
export function judgeProofText(proof: JudgeProof): string {
  const { accounts, evidence, leftovers, problems, complaints } = proof;
  const headings = ["tenant", "records", "ok", "interrupted", "evaluations", "scored"];
  const more = ["repaired", "weighted", "failed", "capped"];
  const rows = [...accounts.records].map(([tenant, records]) => rowOf(tenant, records));
  const calls = evidence.calls.length;
  const paid = accounts.spent.get(`judge-${cappedTenant}`) ?? 0n;
  const asked = totalCost(evidence.calls.filter(({ label }) => label.startsWith(cappedTenant)));
  const interrupted = accounts.judgeRecords.filter(({ outcome }) => outcome === "interrupted");
  return [
    `${evidence.kills} SIGKILLs, ${evidence.seen.length} calls of clients in ${seconds(proof.loadMs)}; ` +
      `all judged and accounts agree ${seconds(proof.judgedMs)} after the last`,
    "",
    ...aligned([[...headings, ...more], ...rows]),
    "",
    `the judge was asked ${calls} times, in ${accounts.judgeRecords.length} records, of which ${interrupted.length} were cut short; ` +
      `${repeatedCount(evidence.calls)} verdicts were given twice, and are one score; ` +
      `it counts $${usdText(totalCost(evidence.calls))}`,
    `in the judge's books are $${usdText(sumOf(accounts.spent.values()))}, and evaluations tell of $${usdText(toldCost(accounts))}: what died with a process is in none`,
    `cap of $${usdText(evidence.capNanoUsd)}: $${usdText(paid)} in the books, $${usdText(asked)} by the judge`,
    `${proof.jobs.dead} jobs are dead, ${leftovers.dead} with their text; the text of ${leftovers.queued.size} others is left in the queue, ` +
      `of ${leftovers.journalled.size} calls in the journal, and in ${leftovers.elsewhere.length} other files`,
    ...(complaints.length === 0
      ? []
      : ["", "In the gateways' logs:", ...complaints.slice(0, complaintsShown)]),
    "",
    ...(problems.length === 0
      ? ["0 scores missing, 0 doubled, 0 made up, 0 nano-dollars of difference."]
      : [`${problems.length} PROBLEMS`, ...problems.slice(0, problemsShown)]),
  ].join("\n");
}

function rowOf(tenant: string, records: readonly AmendedRecord[]): string[] {
  const all = records.flatMap(evaluationsOf);
  const outcomes = (wanted: string): number =>
    records.filter(({ outcome }) => outcome === wanted).length;
  const capped = all.filter(({ failure }) => failure === "daily_cap").length;
  const figures = [
    records.length,
    outcomes("ok"),
    outcomes("interrupted"),
    all.length,
    all.filter(({ status }) => status === "scored").length,
    all.filter((one) => one.is_repaired).length,
    all.filter(({ method }) => method === "logprobs").length,
    all.filter(({ status }) => status === "failed").length - capped,
    capped,
  ];
  return [tenant, ...figures.map(String)];
}

const sumOf = (amounts: Iterable<bigint>): bigint =>
  [...amounts].reduce((sum, amount) => sum + amount, 0n);

const toldCost = ({ records }: JudgeAccounts): bigint =>
  sumOf(
    [...records.values()]
      .flat()
      .flatMap(evaluationsOf)
      .map(({ cost_nano_usd: cost }) => BigInt(cost)),
  );

/** Of a process that died with the first. A repair is the second call, and the first verdict. */
function repeatedCount(calls: readonly JudgeCall[]): number {
  const verdicts = calls.filter(({ isVerdict }) => isVerdict);
  return verdicts.length - new Set(verdicts.map(nameOf)).size;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  "),
  );
}
