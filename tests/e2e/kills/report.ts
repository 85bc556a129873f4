import { usdText } from "../../../src/lib/usd.ts";
import type { AuditEntry } from "../../../src/pipeline/audit/entry.ts";
import type { KillProof } from "./run.ts";

/** The proof for people: a table of tenants, and what matters beside it. */
export function proofText(proof: KillProof): string {
  const { accounts, seen } = proof;
  const rows = [...accounts.records].map(([tenant, records]) => rowOf(tenant, records, proof));
  const headings = [
    "tenant",
    "records",
    "ok",
    "refused",
    "left",
    "broke",
    "interrupted",
    "audit $",
    "usage $",
    "spent $",
  ];
  const withIds = seen.filter(({ requestId, isCall }) => requestId !== undefined && isCall);
  const count = (end: string): number => seen.filter((one) => one.end === end).length;
  return [
    `${proof.kills} SIGKILLs under load, ${proof.startKills} of a start, ${proof.terms} SIGTERMs under load`,
    `${seen.length} calls: ${count("complete")} whole, ${count("refused")} refused, ${count("left")} left, ${count("cut")} cut; ${withIds.length} ids seen by clients`,
    "",
    ...aligned([headings, ...rows]),
    "",
    `accounts agree ${Math.round(proof.balancedMs)} ms after the load; ${heldText(proof)}; ${proof.chainRecords} records of the chain verify`,
    ...(proof.complaints.length === 0
      ? []
      : ["", "In the gateways' logs:", ...counted(proof.complaints)]),
    "",
    ...(proof.problems.length === 0
      ? ["0 missing, 0 doubled, 0 nano-dollars of difference."]
      : [`${proof.problems.length} PROBLEMS`, ...proof.problems.slice(0, problemsShown)]),
  ].join("\n");
}

const heldText = ({ freedMs }: KillProof): string =>
  freedMs === undefined
    ? "that nothing is held is not shown"
    : `nothing held ${Math.round(freedMs / 1_000)} s after the last start`;

const problemsShown = 50;

function rowOf(tenant: string, records: readonly AuditEntry[], { accounts }: KillProof): string[] {
  const count = (isOne: (outcome: string) => boolean): string =>
    String(records.filter(({ outcome }) => isOne(outcome)).length);
  const refusals = ["rate_limit_exceeded", "budget_exceeded", "upstream_rejected"];
  const known = ["ok", "client_closed_request", "interrupted", ...refusals];
  const audit = records.reduce((sum, { cost_nano_usd: cost }) => sum + BigInt(cost), 0n);
  return [
    tenant,
    String(records.length),
    count((outcome) => outcome === "ok"),
    count((outcome) => refusals.includes(outcome)),
    count((outcome) => outcome === "client_closed_request"),
    count((outcome) => !known.includes(outcome)),
    count((outcome) => outcome === "interrupted"),
    usdText(audit),
    usdText(accounts.usage.get(tenant)?.costNanoUsd ?? 0n),
    usdText(accounts.spent.get(`${tenant}  t`) ?? 0n),
  ];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  "),
  );
}

/** Lines that are equal but for ids and times, once, with how often they came. */
function counted(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const shape = line
      .replaceAll(/[0-7][0-9A-HJKMNP-TV-Z]{25}/g, "<id>")
      .replaceAll(/"time":"[^"]*",?/g, "");
    counts.set(shape, (counts.get(shape) ?? 0) + 1);
  }
  return [...counts].map(([shape, count]) => `${count} × ${shape.slice(0, 600)}`);
}
