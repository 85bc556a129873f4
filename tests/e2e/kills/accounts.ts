import { join } from "node:path";

import type { AuditEntry } from "../../../src/pipeline/audit/entry.ts";
import { openToRead } from "../../../src/stores/sqlite/books/open-file.ts";
import type { RedisServer } from "../../support/redis.ts";
import { proofTenants } from "./proof-tenants.ts";
import type { AdminAddress } from "./proof-tenants.ts";

/** What the gateway has written down, as whoever pays reads it. */
export interface Accounts {
  /** Of each tenant, from the export of `/v1/audit`. */
  readonly records: ReadonlyMap<string, readonly AuditEntry[]>;
  /** From `/v1/usage`: of each tenant under its name, of each key under its id. */
  readonly usage: ReadonlyMap<string, UsageFigures>;
  /** Of budgets, under `spentName`. */
  readonly spent: ReadonlyMap<string, bigint>;
}

export interface UsageFigures {
  readonly requests: number;
  readonly costNanoUsd: bigint;
}

export const spentName = (tenant: string, keyId: string, periodId: string): string =>
  `${tenant} ${keyId} ${periodId}`;

export async function readAccounts(
  at: AdminAddress,
  store: { readonly dataDir: string; readonly redis: RedisServer | undefined },
): Promise<Accounts> {
  const records = new Map<string, readonly AuditEntry[]>();
  const usage = new Map<string, UsageFigures>();
  for (const tenant of proofTenants) {
    records.set(tenant, await exportAudit(at, tenant));
    await addUsage(at, tenant, usage);
  }
  const spent =
    store.redis === undefined ? spentInLedger(store.dataDir) : await spentInRedis(store.redis);
  return { records, usage, spent };
}

async function exportAudit(at: AdminAddress, tenant: string): Promise<readonly AuditEntry[]> {
  const text = await read(at, `/v1/audit?tenant=${tenant}`, "application/x-ndjson");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AuditEntry);
}

interface UsageAnswer {
  readonly data: readonly (UsageNumbers & { readonly key: string })[];
  readonly totals: UsageNumbers;
}

interface UsageNumbers {
  readonly requests: number;
  readonly cost_nano_usd: number;
}

async function addUsage(
  at: AdminAddress,
  tenant: string,
  usage: Map<string, UsageFigures>,
): Promise<void> {
  const text = await read(at, `/v1/usage?tenant=${tenant}&group_by=key`, "application/json");
  const { data, totals } = JSON.parse(text) as UsageAnswer;
  usage.set(tenant, figuresOf(totals));
  for (const row of data) usage.set(row.key, figuresOf(row));
}

const figuresOf = ({ requests, cost_nano_usd: cost }: UsageNumbers): UsageFigures => ({
  requests,
  costNanoUsd: BigInt(cost),
});

async function read({ url, token }: AdminAddress, path: string, accept: string): Promise<string> {
  const answer = await fetch(`${url}${path}`, {
    headers: { authorization: `Bearer ${token}`, accept },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${text}`);
  return text;
}

function spentInLedger(dataDir: string): Map<string, bigint> {
  const ledger = openToRead(join(dataDir, "ledger.db"));
  const sql = "SELECT tenant, key, period_id, CAST(nano_usd AS TEXT) AS n FROM spent";
  const rows = ledger?.all({ sql }) ?? [];
  ledger?.close();
  return new Map(
    rows.map((row) => [
      spentName(String(row["tenant"]), String(row["key"]), String(row["period_id"])),
      BigInt(String(row["n"])),
    ]),
  );
}

async function spentInRedis(redis: RedisServer): Promise<Map<string, bigint>> {
  const spent = new Map<string, bigint>();
  for (const [name, amount] of await budgetFields(redis, "s:")) spent.set(name, amount);
  return spent;
}

/** What requests that run, or died, hold of budgets. */
export async function heldInRedis(redis: RedisServer): Promise<bigint> {
  let held = 0n;
  for (const [, amount] of await budgetFields(redis, "h:")) held += amount;
  return held;
}

async function budgetFields(redis: RedisServer, prefix: string): Promise<[string, bigint][]> {
  const found: [string, bigint][] = [];
  for (const key of (await redis.command("KEYS", "{*}:b:*")) as string[]) {
    const [, tenant = "", periodId = ""] = /^\{(.*)\}:b:(.*)$/.exec(key) ?? [];
    for (const field of (await redis.command("HKEYS", key)) as string[]) {
      if (!field.startsWith(prefix)) continue;
      const amount = BigInt(String(await redis.command("HGET", key, field)));
      found.push([spentName(tenant, field.slice(prefix.length), periodId), amount]);
    }
  }
  return found;
}
