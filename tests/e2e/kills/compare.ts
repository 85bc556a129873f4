import { decodeTime } from "ulid";

import { usdText } from "../../../src/lib/usd.ts";
import type { AuditEntry } from "../../../src/pipeline/audit/entry.ts";
import { periodIdsOf } from "../../../src/pipeline/limits/budget-periods.ts";
import { spentName } from "./accounts.ts";
import type { Accounts } from "./accounts.ts";
import type { Seen } from "./clients.ts";
import type { GatewayRun } from "./fleet.ts";
import { costOfCall } from "./priced-calls.ts";

export interface Evidence {
  readonly seen: readonly Seen[];
  /** Labels of the calls that came to the provider. */
  readonly reached: ReadonlySet<string>;
  readonly runs: readonly GatewayRun[];
}

/** Everything that clients, provider and accounts say differently: one sentence each, none where all is well. */
export function compare(evidence: Evidence, accounts: Accounts): string[] {
  const problems: string[] = [];
  for (const [tenant, records] of accounts.records) {
    const own = evidence.seen.filter(({ key }) => key.tenant === tenant);
    const byLabel = new Map<string, AuditEntry>();
    const byId = new Map<string, AuditEntry>();
    for (const record of records) {
      if (byId.has(record.id)) problems.push(`doubled: ${record.id}`);
      byId.set(record.id, record);
      const label = record.client_request_id;
      if (label === null) {
        problems.push(`${record.id} does not name its call`);
        continue;
      }
      if (byLabel.has(label)) problems.push(`doubled: two records of ${label}`);
      byLabel.set(label, record);
    }
    for (const one of own) problems.push(...problemsOf(one, byId, byLabel));
    problems.push(...unaccounted(own, byLabel, evidence.reached));
    problems.push(...sumProblems(tenant, records, accounts));
  }
  return [...problems, ...interruptedByTerm(evidence.runs, accounts)];
}

/** What a client saw of its call, against the call's record. */
function problemsOf(
  one: Seen,
  byId: ReadonlyMap<string, AuditEntry>,
  byLabel: ReadonlyMap<string, AuditEntry>,
): string[] {
  const { requestId, call, end, isCall } = one;
  const told = `${call.kind} ${call.label} (${requestId ?? "no id"})`;
  if (requestId === undefined || !isCall) {
    return end === "complete" ? [`${told} was answered without an id`] : [];
  }
  const record = byId.get(requestId);
  if (record === undefined) return [`missing: ${told}, which ended as ${end}`];
  const isNamed = byLabel.get(call.label)?.id === requestId;
  const what = [
    isNamed ? undefined : `is recorded under another id, ${byLabel.get(call.label)?.id ?? "none"}`,
    outcomeProblem(one, record),
    toldCostProblem(one, record),
    costProblem(one, record),
  ];
  return what.filter((problem) => problem !== undefined).map((problem) => `${told} ${problem}`);
}

/** Whole for its client is whole in its record, and an error is an error. */
function outcomeProblem({ end, status, run }: Seen, { outcome }: AuditEntry): string | undefined {
  if (outcome === "interrupted" && run.ending === "SIGTERM") return "was interrupted by SIGTERM";
  if (end === "complete" && outcome !== "ok") return `was whole, and is '${outcome}'`;
  const isSettled = outcome !== "ok" && outcome !== "interrupted";
  if (end === "refused" && !isSettled) return `got an error ${status}, and is '${outcome}'`;
  return undefined;
}

function toldCostProblem({ end, cost }: Seen, record: AuditEntry): string | undefined {
  if (end !== "complete") return undefined;
  if (cost?.usd === record.cost_usd && cost.status === record.cost_status) return undefined;
  return `was told ${cost?.usd} ${cost?.status}, recorded ${record.cost_usd} ${record.cost_status}`;
}

/** What came to its end costs what the provider counted, and what was refused nothing. */
function costProblem({ call, status }: Seen, record: AuditEntry): string | undefined {
  const { outcome, cost_nano_usd: cost, cost_usd: costUsd } = record;
  if (status === 429 && cost !== 0) return `was refused, and cost ${costUsd}`;
  if (outcome !== "ok" || BigInt(cost) === costOfCall(call)) return undefined;
  return `costs ${usdText(costOfCall(call))}, recorded ${costUsd}`;
}

/** A record for each call that the provider got, and none of a call that no client has sent. */
function unaccounted(
  own: readonly Seen[],
  byLabel: ReadonlyMap<string, AuditEntry>,
  reached: ReadonlySet<string>,
): string[] {
  const labels = new Set(own.map(({ call }) => call.label));
  const missing = [...labels].filter((label) => reached.has(label) && !byLabel.has(label));
  const unknown = [...byLabel.keys()].filter((label) => !labels.has(label));
  return [
    ...missing.map((label) => `missing: ${label}, which the provider got`),
    ...unknown.map((label) => `nobody has sent ${label}, and it is recorded`),
  ];
}

function sumProblems(
  tenant: string,
  records: readonly AuditEntry[],
  { usage, spent }: Accounts,
): string[] {
  const problems: string[] = [];
  const differ = (what: string, audit: bigint | number, other: bigint | number): void => {
    if (audit !== other) problems.push(`${tenant}, ${what}: audit ${audit}, other ${other}`);
  };
  const sums = sumsOf(tenant, records);
  for (const [name, { requests, costNanoUsd }] of sums.usage) {
    const figures = usage.get(name);
    differ(`requests of ${name} in /v1/usage`, requests, figures?.requests ?? 0);
    differ(`nano-dollars of ${name} in /v1/usage`, costNanoUsd, figures?.costNanoUsd ?? 0n);
  }
  for (const [name, amount] of sums.spent) differ(`spent ${name}`, amount, spent.get(name) ?? 0n);
  for (const [name, amount] of spent) {
    if (name.startsWith(`${tenant} `) && !sums.spent.has(name)) differ(`spent ${name}`, 0n, amount);
  }
  return problems;
}

function sumsOf(tenant: string, records: readonly AuditEntry[]) {
  const usage = new Map<string, { requests: number; costNanoUsd: bigint }>();
  const spent = new Map<string, bigint>();
  usage.set(tenant, { requests: 0, costNanoUsd: 0n });
  for (const { id, key, cost_nano_usd: cost } of records) {
    for (const name of [tenant, key]) {
      const sum = usage.get(name) ?? { requests: 0, costNanoUsd: 0n };
      usage.set(name, {
        requests: sum.requests + 1,
        costNanoUsd: sum.costNanoUsd + BigInt(cost),
      });
    }
    for (const periodId of periodIdsOf(decodeTime(id))) {
      for (const keyId of ["", key]) {
        const name = spentName(tenant, keyId, periodId);
        spent.set(name, (spent.get(name) ?? 0n) + BigInt(cost));
      }
    }
  }
  return { usage, spent };
}

/** Also of requests whose ids no client saw; while several processes run, nobody can say whose those are. */
function interruptedByTerm(runs: readonly GatewayRun[], { records }: Accounts): string[] {
  if (runs.some(({ seat }) => seat > 0)) return [];
  const all = [...records.values()].flat();
  const interrupted = all.filter(({ outcome }) => outcome === "interrupted");
  return runs
    .filter(({ ending }) => ending === "SIGTERM")
    .flatMap(({ startedMs, endedMs = Number.POSITIVE_INFINITY }) =>
      interrupted.filter(({ id }) => decodeTime(id) >= startedMs && decodeTime(id) <= endedMs),
    )
    .map(({ id }) => `${id} was interrupted by SIGTERM`);
}

/** Calls that an orderly end has cut: it lets what runs finish. */
export function cutByTerm({ seen }: Pick<Evidence, "seen">): string[] {
  return seen
    .filter(({ run, end, requestId, call }) => {
      const isCut = end === "cut" && requestId !== undefined && call.kind !== "broken";
      return isCut && run.ending === "SIGTERM";
    })
    .map(({ call, requestId }) => `${call.label} (${requestId ?? "?"}) was cut by SIGTERM`);
}
