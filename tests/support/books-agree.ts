import { setTimeout as pause } from "node:timers/promises";

import { expect } from "vitest";

import { idEpochMs } from "../../src/lib/ids.ts";
import { usdText } from "../../src/lib/usd.ts";
import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import { periodIdsOf } from "../../src/pipeline/limits/budget-periods.ts";
import { LedgerReader } from "../../src/stores/sqlite/books/ledger-reader.ts";
import type { TestGateway } from "./gateway.ts";

/** A record as `/v1/audit` shows it. */
export interface ShownRecord extends AuditEntry {
  readonly writer: string;
  readonly seq: number;
  readonly prev_hash: string;
  readonly hash: string;
  readonly amendments: readonly object[];
}

/** One row of `/v1/usage`, or its totals. */
export interface UsageFigures {
  readonly requests: number;
  readonly failed_requests: number;
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly cache_write_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_usd: string;
  readonly cost_nano_usd: number;
  readonly cost_by_status: {
    readonly exact: { readonly requests: number; readonly cost_usd: string };
    readonly estimated: { readonly requests: number; readonly cost_usd: string };
    readonly unpriced: { readonly requests: number };
  };
  readonly cache_hits: number;
  readonly saved_usd: string;
  readonly saved_input_tokens: number;
  readonly saved_output_tokens: number;
}

export interface UsageReport {
  readonly data: readonly (UsageFigures & Readonly<Record<string, unknown>>)[];
  readonly totals: UsageFigures;
}

/** Asks `/v1/usage` or `/v1/audit` as the platform's admin. */
export async function report<Report>(gateway: TestGateway, path: string): Promise<Report> {
  const answer = await gateway.fetch(path, asPlatform(gateway));
  const text = await answer.text();
  expect({ status: answer.status, text }).toMatchObject({ status: 200 });
  return JSON.parse(text) as Report;
}

export const asPlatform = ({ adminToken }: TestGateway): RequestInit => ({
  headers: { authorization: `Bearer ${adminToken}` },
});

/** Every record of the tenant, the newest first. */
export async function recordsOf(
  gateway: TestGateway,
  tenant = "default",
): Promise<readonly ShownRecord[]> {
  const answer = await gateway.fetch(`/v1/audit?tenant=${tenant}`, {
    headers: {
      authorization: `Bearer ${gateway.adminToken}`,
      accept: "application/x-ndjson",
    },
  });
  expect(answer.status).toBe(200);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as ShownRecord);
}

/**
 * Asserts that there are so many records of a tenant, and that they, the ledger in all its groups and the spent of every
 * budget say the same, to the nano-dollar. Waits for requests that are just ending.
 */
export async function booksAgree(
  gateway: TestGateway,
  { count, tenant = "default" }: { readonly count: number; readonly tenant?: string },
): Promise<readonly ShownRecord[]> {
  const records = await untilRecorded(gateway, tenant, count);
  expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
  for (const record of records) addsUp(record);
  const sums = figuresOf(records);
  const usage = await report<UsageReport>(gateway, `/v1/usage?tenant=${tenant}`);
  expect(usage.totals).toMatchObject(sums);
  for (const dimension of ["hour", "day", "model", "served_model", "provider", "key"]) {
    const path = `/v1/usage?tenant=${tenant}&group_by=${dimension}`;
    const { data, totals } = await report<UsageReport>(gateway, path);
    expect(totals).toEqual(usage.totals);
    expect(sumOf(data, ({ cost_nano_usd: cost }) => cost)).toBe(sums.cost_nano_usd);
    expect(sumOf(data, ({ requests }) => requests)).toBe(count);
  }
  budgetsAgree(gateway, tenant, records);
  return records;
}

async function untilRecorded(
  gateway: TestGateway,
  tenant: string,
  count: number,
): Promise<readonly ShownRecord[]> {
  const deadlineMs = performance.now() + 15_000;
  let records = await recordsOf(gateway, tenant);
  while (records.length < count && performance.now() < deadlineMs) {
    await pause(5);
    records = await recordsOf(gateway, tenant);
  }
  expect(records.map(({ id, outcome }) => `${id} ${outcome}`)).toHaveLength(count);
  return records;
}

/** A record's own sums. */
function addsUp(record: ShownRecord): void {
  const { attempts, usage, cost_nano_usd: cost, cost_usd: costUsd } = record;
  expect(cost).toBe(sumOf(attempts, (attempt) => attempt.cost_nano_usd));
  expect(costUsd).toBe(usdText(cost));
  const used = attempts.flatMap((attempt) => attempt.usage ?? []);
  expect(usage?.input_tokens ?? 0).toBe(sumOf(used, (one) => one.input_tokens));
  expect(usage?.output_tokens ?? 0).toBe(sumOf(used, (one) => one.output_tokens));
  // What the cache answered was asked of nobody, and what somebody was asked saved nothing.
  if (isHit(record)) expect([attempts, usage, cost]).toEqual([[], null, 0]);
  else expect(record.cache).toMatchObject({ saved_nano_usd: 0, from: null });
}

const isHit = ({ cache }: ShownRecord): boolean =>
  cache.outcome === "exact" || cache.outcome === "semantic";

function figuresOf(records: readonly ShownRecord[]): UsageFigures {
  const tokens = (name: "input_tokens" | "output_tokens" | "reasoning_tokens") =>
    sumOf(records, ({ usage }) => usage?.[name] ?? 0);
  const having = (status: AuditEntry["cost_status"]) =>
    records.filter(({ cost_status: own }) => own === status);
  const costOf = (some: readonly ShownRecord[]) => sumOf(some, ({ cost_nano_usd: cost }) => cost);
  const [exact, unpriced] = [having("exact"), having("unpriced")];
  const all = costOf(records);
  return {
    requests: records.length,
    failed_requests: records.filter(({ outcome }) => outcome !== "ok").length,
    input_tokens: tokens("input_tokens"),
    cached_input_tokens: sumOf(records, ({ usage }) => usage?.cached_input_tokens ?? 0),
    cache_write_tokens: sumOf(records, ({ usage }) => usage?.cache_write_tokens ?? 0),
    output_tokens: tokens("output_tokens"),
    reasoning_tokens: tokens("reasoning_tokens"),
    cost_nano_usd: all,
    cost_usd: usdText(all),
    cost_by_status: {
      exact: { requests: exact.length, cost_usd: usdText(costOf(exact)) },
      estimated: {
        requests: having("estimated").length,
        cost_usd: usdText(all - costOf(exact)),
      },
      unpriced: { requests: unpriced.length },
    },
    cache_hits: records.filter(isHit).length,
    saved_usd: usdText(sumOf(records, ({ cache }) => cache.saved_nano_usd)),
    saved_input_tokens: sumOf(records, ({ cache }) => cache.saved_input_tokens ?? 0),
    saved_output_tokens: sumOf(records, ({ cache }) => cache.saved_output_tokens ?? 0),
  };
}

/** What the limits would begin with after a restart. */
function budgetsAgree(
  { dataDir }: TestGateway,
  tenant: string,
  records: readonly ShownRecord[],
): void {
  const nowMs = Date.now();
  const ledger = new LedgerReader(dataDir);
  const spent = ledger.budgetsSpent(nowMs).filter(({ tenantId }) => tenantId === tenant);
  ledger.close();
  const said = new Map(
    spent.map((one) => [`${one.keyId ?? ""} ${one.periodId}`, one.spentNanoUsd]),
  );
  const wanted = new Map<string, bigint>();
  const isCurrent = new Set(periodIdsOf(nowMs));
  for (const { id, key, cost_nano_usd: cost } of records) {
    for (const period of periodIdsOf(idEpochMs(id))) {
      if (!isCurrent.has(period)) continue;
      for (const scope of ["", key]) {
        const name = `${scope} ${period}`;
        wanted.set(name, (wanted.get(name) ?? 0n) + BigInt(cost));
      }
    }
  }
  const nonZero = (sums: ReadonlyMap<string, bigint>) =>
    Object.fromEntries([...sums].filter(([, sum]) => sum !== 0n).toSorted());
  expect(nonZero(said)).toEqual(nonZero(wanted));
}

const sumOf = <One>(all: readonly One[], value: (one: One) => number): number =>
  all.reduce((sum, one) => sum + value(one), 0);
