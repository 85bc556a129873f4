import type { AuditAmendment, AuditEntry } from "../../../src/pipeline/audit/entry.ts";
import type { EvaluationData } from "../../../src/pipeline/judge/scores/evaluation.ts";
import { judgeTenantId } from "../../../src/tenants/system-tenant.ts";
import { askAdmin } from "../kills/proof-tenants.ts";
import type { AdminAddress } from "../kills/proof-tenants.ts";

/** What the gateway has written down of requests, of their judging, and of what that cost. */
export interface JudgeAccounts {
  /** Of each tenant of the proof. */
  readonly records: ReadonlyMap<string, readonly AmendedRecord[]>;
  /** Of the judge's own calls. */
  readonly judgeRecords: readonly AmendedRecord[];
  /** `/v1/usage?metrics=judge` of each tenant of the proof, by evaluator. */
  readonly scores: ReadonlyMap<string, readonly ScoreRow[]>;
  /** `/v1/usage` of the judge, in nano-dollars by key. */
  readonly spent: ReadonlyMap<string, bigint>;
}

export type AmendedRecord = AuditEntry & { readonly amendments: readonly AuditAmendment[] };

export interface ScoreRow {
  readonly evaluator: string;
  readonly scored: number;
  /** Of those with a score, the ones that the plain sample chose. */
  readonly sampled: number;
  readonly not_applicable: number;
  readonly failed: number;
  readonly capped: number;
  readonly repaired: number;
  readonly mean_score: number | null;
  readonly cost_nano_usd: number;
}

/** What somebody said of a record, as evaluations say it. */
export const evaluationsOf = ({ amendments }: AmendedRecord): readonly EvaluationData[] =>
  amendments.flatMap(({ kind, data }) =>
    kind === "evaluation" ? [data as unknown as EvaluationData] : [],
  );

export async function readJudgeAccounts(
  at: AdminAddress,
  tenants: readonly string[],
): Promise<JudgeAccounts> {
  const records = new Map<string, readonly AmendedRecord[]>();
  const scores = new Map<string, readonly ScoreRow[]>();
  for (const tenant of tenants) {
    records.set(tenant, await exportAudit(at, tenant));
    const path = `/v1/usage?tenant=${tenant}&metrics=judge&group_by=evaluator`;
    scores.set(tenant, (JSON.parse(await read(at, path)) as Rows<ScoreRow>).data);
  }
  const usage = await read(at, `/v1/usage?tenant=${judgeTenantId}&group_by=key`);
  const { data } = JSON.parse(usage) as Rows<{ key: string; cost_nano_usd: number }>;
  const spent = new Map(data.map(({ key, cost_nano_usd: cost }) => [key, BigInt(cost)]));
  return { records, scores, spent, judgeRecords: await exportAudit(at, judgeTenantId) };
}

interface Rows<Row> {
  readonly data: readonly Row[];
}

async function exportAudit(at: AdminAddress, tenant: string): Promise<readonly AmendedRecord[]> {
  const text = await read(at, `/v1/audit?tenant=${tenant}`, "application/x-ndjson");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AmendedRecord);
}

async function read(
  { url, token }: AdminAddress,
  path: string,
  accept = "application/json",
): Promise<string> {
  const answer = await fetch(`${url}${path}`, {
    headers: { authorization: `Bearer ${token}`, accept },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${text}`);
  return text;
}

export interface JobFigures {
  readonly waiting: number;
  readonly running: number;
  readonly dead: number;
  /** Of caps, in US dollars, by their ids. */
  readonly caps: ReadonlyMap<string, string>;
}

export async function readJobs(at: AdminAddress): Promise<JobFigures> {
  const { counts, caps } = (await askAdmin(at, "GET /jobs")) as unknown as JobsAnswer;
  const sum = (count: (one: JobsAnswer["counts"][number]) => number): number =>
    counts.reduce((total, one) => total + count(one), 0);
  return {
    waiting: sum(({ waiting }) => waiting),
    running: sum(({ running }) => running),
    dead: sum(({ dead }) => dead),
    caps: new Map(caps.data.map(({ id, spent_usd: usd }) => [id, usd])),
  };
}

interface JobsAnswer {
  readonly counts: readonly {
    readonly waiting: number;
    readonly running: number;
    readonly dead: number;
  }[];
  readonly caps: { readonly data: readonly { readonly id: string; readonly spent_usd: string }[] };
}
