import { expect, test } from "vitest";

import { compare, cutByTerm } from "./kills/compare.ts";
import type { Evidence } from "./kills/compare.ts";
import type { Accounts } from "./kills/accounts.ts";
import { proofText } from "./kills/report.ts";
import { runKillProof } from "./kills/run.ts";
import type { KillProof, KillProofOptions } from "./kills/run.ts";

/** As an e2e test has time for. `npm run proof:kills` is the long version. */
const short = { clients: 12, loadMs: [150, 900], startKillChance: 0.2 } as const;

test("after SIGKILLs and a SIGTERM under load every request is accounted once, to the nano-dollar", async () => {
  const proof = await prove({
    ...short,
    kills: 3,
    terms: 1,
    store: "sqlite",
    processes: 1,
    sharesFolder: false,
    provesNothingHeld: true,
  });

  // There was something to lose.
  const ends = (wanted: string) => proof.seen.filter(({ end }) => end === wanted).length;
  expect(ends("complete")).toBeGreaterThan(25);
  expect(ends("left")).toBeGreaterThan(0);
  const outcomes = new Set([...proof.accounts.records.values()].flat().map((one) => one.outcome));
  expect([...outcomes]).toEqual(expect.arrayContaining(["ok", "interrupted"]));

  // And the comparison would have said so.
  for (const [what, tampered] of lossesOf(proof.accounts)) {
    expect(compare(proof.evidence, tampered), what).not.toEqual([]);
  }
  expect(cutByTerm({ seen: [...proof.seen, ...cutStream(proof.evidence)] })).not.toEqual([]);
});

test("the same with Redis, where the process beside the killed one goes on", async () => {
  const proof = await prove({
    ...short,
    kills: 1,
    terms: 1,
    store: "redis",
    processes: 2,
    sharesFolder: true,
    provesNothingHeld: false,
  });
  expect(proof.seen.filter(({ end }) => end === "complete").length).toBeGreaterThan(25);
});

async function prove(options: Omit<KillProofOptions, "seed">): Promise<KillProof> {
  const seed = Date.now() % 1_000_000;
  const proof = await runKillProof({ ...options, seed });
  expect(proof.problems, `seed ${seed}\n${proofText(proof)}`).toEqual([]);
  return proof;
}

/** The accounts, each with another thing wrong. */
function* lossesOf(accounts: Accounts): Generator<[string, Accounts]> {
  const { records, usage, spent } = accounts;
  for (const [tenant, own] of records) {
    const last = own.findLast(({ outcome }) => outcome === "ok");
    if (last === undefined) continue;
    const others = own.filter(({ id }) => id !== last.id);
    const withRecords = (changed: typeof own): Accounts => ({
      ...accounts,
      records: new Map([...records, [tenant, changed]]),
    });
    yield [`${tenant}: a record is missing`, withRecords(others)];
    yield [`${tenant}: a record is doubled`, withRecords([...own, last])];
    const dearer = { ...last, cost_nano_usd: last.cost_nano_usd + 1 };
    yield [`${tenant}: a nano-dollar too much`, withRecords([...others, dearer])];
    const figures = usage.get(tenant);
    if (figures === undefined) continue;
    const less = { ...figures, costNanoUsd: figures.costNanoUsd - 1n };
    yield [`${tenant}: usage`, { ...accounts, usage: new Map([...usage, [tenant, less]]) }];
  }
  for (const [name, amount] of spent) {
    yield [`spent ${name}`, { ...accounts, spent: new Map([...spent, [name, amount + 1n]]) }];
  }
}

/** What a client of the orderly end would have seen, had it been cut. */
function cutStream({ runs, seen }: Evidence): Evidence["seen"] {
  const [one] = seen.filter(({ end, call }) => end === "complete" && call.kind === "streamed");
  const run = runs.find(({ ending }) => ending === "SIGTERM");
  return one === undefined || run === undefined ? [] : [{ ...one, run, end: "cut" }];
}
