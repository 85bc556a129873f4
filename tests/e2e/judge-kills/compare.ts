import type { EvaluationData } from "../../../src/pipeline/judge/scores/evaluation.ts";
import { evaluationsOf } from "./accounts.ts";
import type { AmendedRecord, JudgeAccounts, ScoreRow } from "./accounts.ts";
import type { Seen } from "./clients.ts";
import { compareSpending } from "./compare-spending.ts";
import { evaluationProblem } from "./compare-evaluation.ts";
import { evaluatorNames, nameOf, placeOf } from "./judge-script.ts";
import type { JudgeCall } from "./provider.ts";
import type { JudgeTenant } from "./tenants.ts";

export interface JudgeEvidence {
  readonly tenants: readonly JudgeTenant[];
  readonly seen: readonly Seen[];
  /** What the judge has been asked. */
  readonly calls: readonly JudgeCall[];
  readonly kills: number;
  /** Of the capped tenant in a day, in nano-dollars. */
  readonly capNanoUsd: bigint;
  /** UTC days on which the proof ran. */
  readonly days: number;
}

/** Everything that clients, judge and accounts say differently: one sentence each, none where all is well. */
export function compare(evidence: JudgeEvidence, accounts: JudgeAccounts): string[] {
  return [
    ...evidence.tenants.flatMap((tenant) => tenantProblems(tenant, evidence, accounts)),
    ...compareSpending(evidence, accounts),
  ];
}

function tenantProblems(
  tenant: JudgeTenant,
  evidence: JudgeEvidence,
  accounts: JudgeAccounts,
): string[] {
  const records = accounts.records.get(tenant.id) ?? [];
  const seen = evidence.seen.filter(({ call }) => call.tenant === tenant.id);
  const byLabel = new Map(seen.map((one) => [one.call.label, one]));
  const ids = new Set(records.map(({ id }) => id));
  const costs = costsByName(evidence.calls);
  const missing = seen.filter(
    ({ requestId, end }) => end === "complete" && !ids.has(requestId ?? ""),
  );
  return [
    ...missing.map(({ call }) => `missing: the record of ${call.label}, which was whole`),
    ...records.flatMap((record) =>
      recordProblems({ record, tenant, seen: byLabel.get(record.client_request_id ?? ""), costs }),
    ),
    ...sumProblems(tenant.id, records, accounts),
  ];
}

interface OneRecord {
  readonly record: AmendedRecord;
  readonly tenant: JudgeTenant;
  readonly seen: Seen | undefined;
  readonly costs: ReadonlyMap<string, ReadonlySet<bigint>>;
}

/** The record's evaluations: each that has to be there, once, and no other. */
function recordProblems({ record, tenant, seen, costs }: OneRecord): string[] {
  const label = record.client_request_id ?? "no label";
  const evaluations = evaluationsOf(record);
  const expected = expectedOf(record, tenant, seen);
  const counts = evaluatorNames.map(
    (name) => evaluations.filter(({ evaluator }) => evaluator === name).length,
  );
  const told = `${label} (${record.id}, ${record.outcome})`;
  const problems = evaluations
    .map((evaluation) => evaluationProblem(label, evaluation, costs))
    .filter((problem) => problem !== undefined)
    .map((problem) => `${told} ${problem}`);
  const by = placeOf(record.id) < (tenant.judge?.sample_rate ?? 0) ? "rate" : "error";
  if (evaluations.some((one) => one.sampled_by !== by)) problems.push(`${told} was not by ${by}`);
  if (counts.reduce((sum, count) => sum + count, 0) !== evaluations.length)
    problems.push(`${told} was judged by somebody else`);
  // Its jobs are one line: all of them are done, or there were none.
  const allowed = expected === "perhaps" ? [0, 1] : [expected === "judged" ? 1 : 0];
  const isRight = allowed.some((wanted) => counts.every((count) => count === wanted));
  if (!isRight) problems.push(`${told} should be ${expected}, and has ${counts.join(" and ")}`);
  return problems;
}

/** `perhaps`: its jobs were written down, and the process was killed before its record was. */
function expectedOf(
  { id, outcome }: AmendedRecord,
  { judge }: JudgeTenant,
  seen: Seen | undefined,
): "judged" | "unjudged" | "perhaps" {
  if (judge === undefined) return "unjudged";
  const isSampled = placeOf(id) < judge.sample_rate;
  if (outcome === "ok") return isSampled ? "judged" : "unjudged";
  // What broke off is judged five times as often: here, always.
  const isBroken = seen?.call.kind === "broken" && outcome !== "client_closed_request";
  if (outcome === "interrupted") return isSampled || isBroken ? "perhaps" : "unjudged";
  return isBroken ? "judged" : "unjudged";
}

/** What verdicts on the same question have cost: more than one where a process died with the first. */
function costsByName(calls: readonly JudgeCall[]): Map<string, Set<bigint>> {
  const costs = new Map<string, Set<bigint>>();
  for (const call of calls) {
    if (!call.isVerdict) continue;
    const name = nameOf(call);
    const known = costs.get(name) ?? new Set();
    costs.set(name, known.add(call.nanoUsd));
  }
  return costs;
}

/** `/v1/usage?metrics=judge` beside the evaluations of the records. */
function sumProblems(
  tenant: string,
  records: readonly AmendedRecord[],
  accounts: JudgeAccounts,
): string[] {
  const rows = accounts.scores.get(tenant) ?? [];
  const all = records.flatMap(evaluationsOf);
  const strangers = rows.filter(({ evaluator }) => !evaluatorNames.includes(evaluator));
  const problems = strangers.map(({ evaluator }) => `${tenant}: usage of ${evaluator}`);
  for (const name of evaluatorNames) {
    const audit = sumsOf(all.filter(({ evaluator }) => evaluator === name));
    const usage = rows.find(({ evaluator }) => evaluator === name) ?? sumsOf([]);
    for (const what of figures) {
      const [one, other] = [audit[what] ?? 0, usage[what] ?? 0];
      if (Math.abs(one - other) > roundingMax)
        problems.push(`${tenant}, ${what} of ${name}: audit ${one}, usage ${other}`);
    }
  }
  return problems;
}

/** A mean is told with six digits. */
const roundingMax = 1e-6;

type Figures = Omit<ScoreRow, "evaluator">;
const figures = [
  "scored",
  "sampled",
  "not_applicable",
  "failed",
  "capped",
  "repaired",
  "mean_score",
  "cost_nano_usd",
] as const satisfies readonly (keyof Figures)[];

function sumsOf(own: readonly EvaluationData[]): Figures {
  const scored = own.filter(({ score }) => score !== null);
  // The mean is that of the plain sample: what broke off is judged more often than it comes.
  const scores = scored.filter((one) => one.sampled_by === "rate").map(({ score }) => score ?? 0);
  const capped = own.filter(({ failure }) => failure === "daily_cap").length;
  return {
    scored: scored.length,
    sampled: scores.length,
    not_applicable: own.filter(({ status }) => status === "not_applicable").length,
    failed: own.filter(({ status }) => status === "failed").length - capped,
    capped,
    repaired: own.filter((one) => one.is_repaired).length,
    mean_score: scores.length === 0 ? null : sum(scores) / scores.length,
    cost_nano_usd: sum(own.map((one) => one.cost_nano_usd)),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);
