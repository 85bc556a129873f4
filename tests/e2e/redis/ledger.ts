import { openAuditKeys } from "../../../src/stores/disk/audit-keys.ts";
import { verifyAuditFiles } from "../../../src/stores/sqlite/books/verify.ts";
import type { AuditEntry } from "../../../src/pipeline/audit/entry.ts";
import { usdText } from "../../../src/lib/usd.ts";
import type { SentinelProcess } from "../../support/process.ts";
import type { RedisServer } from "../../support/redis.ts";
import { adminOf } from "./fleet.ts";

/** A request as its client saw it. */
export interface Seen {
  readonly tenant: string;
  readonly isStream: boolean;
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** Sentinel's id; empty where there was no answer. */
  readonly id: string;
  /** What the answer said that it cost. */
  readonly costUsd: string | undefined;
  /** The parts that were named as down. */
  readonly degraded: readonly string[];
  readonly startedMs: number;
  readonly tookMs: number;
}

export interface LedgerQuestion {
  readonly gateway: SentinelProcess;
  readonly redis: Pick<RedisServer, "command">;
  readonly tenants: readonly string[];
  readonly seen: readonly Seen[];
}

/** What clients, audit records, usage and budgets say differently: a sentence each, none where all is well. */
export async function ledgerProblems(question: LedgerQuestion): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const tenant of question.tenants) {
    const records = await exportedRecords(question.gateway, tenant);
    problems.push(...recordProblems(tenant, records, question.seen));
    const sum = records.reduce((total, { cost_nano_usd: cost }) => total + BigInt(cost), 0n);
    const { totals } = JSON.parse(
      await read(question.gateway, `/v1/usage?tenant=${tenant}`, "application/json"),
    ) as { totals: { requests: number; cost_nano_usd: number } };
    if (BigInt(totals.cost_nano_usd) !== sum) {
      problems.push(`${tenant}: usage is ${totals.cost_nano_usd}, the records come to ${sum}`);
    }
    if (totals.requests !== records.length) {
      problems.push(`${tenant}: usage has ${totals.requests} of ${records.length} records`);
    }
    problems.push(...(await budgetProblems(question.redis, tenant, sum)));
  }
  return problems;
}

function recordProblems(
  tenant: string,
  records: readonly AuditEntry[],
  seen: readonly Seen[],
): string[] {
  const problems: string[] = [];
  const byId = new Map(records.map((record) => [record.id, record]));
  if (byId.size !== records.length) problems.push(`${tenant}: a record is there twice`);
  const served = seen.filter((one) => one.tenant === tenant && one.status === 200);
  for (const { id, costUsd } of served) {
    const record = byId.get(id);
    if (record === undefined) problems.push(`${tenant}: ${id} is missing`);
    else if (costUsd === undefined || usdText(record.cost_nano_usd) !== costUsd) {
      problems.push(`${tenant}: ${id} cost ${record.cost_nano_usd}, its client read ${costUsd}`);
    }
  }
  const charged = records.filter(({ cost_nano_usd: cost }) => cost > 0).length;
  if (charged !== served.length) {
    problems.push(`${tenant}: ${charged} requests were charged, ${served.length} were served`);
  }
  return problems;
}

async function budgetProblems(
  redis: Pick<RedisServer, "command">,
  tenant: string,
  sum: bigint,
): Promise<string[]> {
  const problems: string[] = [];
  const key = `{${tenant}}:b:t`;
  const [spent, held] = (
    (await redis.command("HMGET", key, "s:", "h:")) as readonly (string | null)[]
  ).map((field) => BigInt(field ?? 0));
  if (spent !== sum) problems.push(`${tenant}: budgets' spent is ${spent}, the records ${sum}`);
  if (held !== 0n) problems.push(`${tenant}: ${held} nano-dollars are held by nobody`);
  return problems;
}

export async function exportedRecords(
  gateway: SentinelProcess,
  tenant: string,
): Promise<readonly AuditEntry[]> {
  const text = await read(gateway, `/v1/audit?tenant=${tenant}`, "application/x-ndjson");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AuditEntry);
}

async function read(gateway: SentinelProcess, path: string, accept: string): Promise<string> {
  const { url, token } = adminOf(gateway);
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}`, accept } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${text}`);
  return text;
}

/** How many records the audit files of a data directory have; throws where their chain is broken. */
export async function recordsInFiles(dataDir: string): Promise<number> {
  const { chainKey } = await openAuditKeys(dataDir, undefined);
  const { records, problems } = await verifyAuditFiles({ dataDir, chainKey });
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join(" "));
  return records;
}

interface Health {
  readonly status: string;
  readonly parts: readonly { readonly name: string; readonly state: string; detail?: string }[];
}

export async function healthOf({ url }: Pick<SentinelProcess, "url">): Promise<Health> {
  return (await (await fetch(`${url}/health`)).json()) as Health;
}

/** The names of the parts that are down. */
export async function degradedParts(gateway: Pick<SentinelProcess, "url">): Promise<string[]> {
  const { parts } = await healthOf(gateway);
  return parts.filter(({ state }) => state === "degraded").map(({ name }) => name);
}
