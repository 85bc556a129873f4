import { expect, test } from "vitest";

import type { AuditAmendment } from "../../src/pipeline/audit/entry.ts";
import { evaluationsOf } from "./judge-kills/accounts.ts";
import type { AmendedRecord, JudgeAccounts } from "./judge-kills/accounts.ts";
import { compare } from "./judge-kills/compare.ts";
import { judgeProofText } from "./judge-kills/report.ts";
import { runJudgeProof } from "./judge-kills/run.ts";

test("after SIGKILLs every sampled answer has one score an evaluator, none is made up, and the cap holds", async () => {
  // `npm run proof:judge` is the long version.
  const seed = Date.now() % 1_000_000;
  const proof = await runJudgeProof({
    requests: 300,
    kills: 2,
    clients: 12,
    seed,
    store: "sqlite",
  });
  const told = `seed ${seed}\n${judgeProofText(proof)}`;
  expect(proof.problems, told).toEqual([]);

  // There was something to lose, and the cap was reached.
  const records = [...proof.accounts.records.values()].flat();
  const evaluations = records.flatMap(evaluationsOf);
  expect(evaluations.filter(({ status }) => status === "scored").length, told).toBeGreaterThan(100);
  expect(
    evaluations.some(({ failure }) => failure === "daily_cap"),
    told,
  ).toBe(true);
  expect(
    evaluations.some(({ failure }) => failure === "invalid_output"),
    told,
  ).toBe(true);
  expect(
    evaluations.some((one) => one.is_repaired),
    told,
  ).toBe(true);
  expect(
    evaluations.some(({ method }) => method === "logprobs"),
    told,
  ).toBe(true);
  const cutShort = [...records, ...proof.accounts.judgeRecords].filter(
    ({ outcome }) => outcome === "interrupted",
  );
  expect(cutShort.length, told).toBeGreaterThan(0);

  // And the comparison would have said so.
  for (const [what, tampered] of lossesOf(proof.accounts)) {
    expect(compare(proof.evidence, tampered), what).not.toEqual([]);
  }
  const overspent = { ...proof.evidence, capNanoUsd: 1n };
  expect(compare(overspent, proof.accounts), "a cap").not.toEqual([]);
  const calls = proof.evidence.calls.filter(({ isVerdict }) => !isVerdict);
  expect(
    compare({ ...proof.evidence, calls }, proof.accounts),
    "verdicts that the judge never gave",
  ).not.toEqual([]);
});

/** The accounts, each with another thing wrong. */
function* lossesOf(accounts: JudgeAccounts): Generator<[string, JudgeAccounts]> {
  yield* scoreLosses("judged", accounts);
  yield* scoreLosses("capped", accounts);
  const { judgeRecords } = accounts;
  const call = judgeRecords.find(({ outcome }) => outcome === "ok");
  if (call === undefined) return;
  const others = judgeRecords.filter(({ id }) => id !== call.id);
  const dearer = { ...call, cost_nano_usd: call.cost_nano_usd + 1 };
  yield ["a call is missing", { ...accounts, judgeRecords: others }];
  yield ["a call is doubled", { ...accounts, judgeRecords: [...judgeRecords, call] }];
  yield ["a call is dearer", { ...accounts, judgeRecords: [...others, dearer] }];
}

function* scoreLosses(tenant: string, accounts: JudgeAccounts): Generator<[string, JudgeAccounts]> {
  const { records, scores, spent } = accounts;
  const own = records.get(tenant) ?? [];
  const one = own.find((record) => evaluationsOf(record).some(({ score }) => score !== null));
  const [first, second] = one?.amendments ?? [];
  if (one === undefined || first === undefined || second === undefined) return;
  const amended = (amendments: readonly AuditAmendment[]): JudgeAccounts => {
    const changed: AmendedRecord = { ...one, amendments };
    const others = own.filter(({ id }) => id !== one.id);
    return { ...accounts, records: new Map([...records, [tenant, [...others, changed]]]) };
  };
  yield [`${tenant}: a score is missing`, amended([first])];
  yield [`${tenant}: both are missing`, amended([])];
  yield [`${tenant}: a score is doubled`, amended([first, second, second])];
  for (const change of changes) {
    const changed = [first, second].map((each) => ({ ...each, data: change(each.data) }));
    yield [`${tenant}: ${change.name}`, amended(changed)];
  }
  const rows = scores.get(tenant)?.map((row) => ({ ...row, scored: row.scored + 1 })) ?? [];
  yield [`${tenant}: usage`, { ...accounts, scores: new Map([...scores, [tenant, rows]]) }];
  const key = `judge-${tenant}`;
  const more = (spent.get(key) ?? 0n) + 1n;
  yield [`${tenant}: spent`, { ...accounts, spent: new Map([...spent, [key, more]]) }];
}

type Data = AuditAmendment["data"];

const changes: readonly ((data: Data) => Data)[] = [
  function anotherScore({ score, ...data }) {
    return { ...data, score: typeof score === "number" ? (score + 0.25) % 1.25 : score };
  },
  function aScoreOfAFailure(data) {
    return data["score"] === null ? { ...data, score: 0.5 } : { ...data, status: "failed" };
  },
  function failed(data) {
    return { ...data, status: "failed", score: null, failure: "upstream_error" };
  },
  function cheaper(data) {
    return { ...data, cost_nano_usd: 1 };
  },
];
