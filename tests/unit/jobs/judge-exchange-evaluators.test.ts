import { expect, test } from "vitest";

import { judgeExchange } from "../../../src/jobs/judge-exchange.ts";
import type { JudgeExchangeDeps } from "../../../src/jobs/judge-exchange.ts";
import type { AuditAmendment } from "../../../src/pipeline/audit/entry.ts";
import type { JudgeJob } from "../../../src/pipeline/judge/sampling/judge-job.ts";

const payload: JudgeJob = {
  evaluator: "kindness",
  request_id: "01KAJ8N6QXSVQ5W0J3T2R9C4ZB",
  model: "judge",
  daily_nano_usd: null,
  daily_tokens: 1_000,
  keep_reasons: false,
  sampled_by: "rate",
  request: { key: "k", model: "m", served_model: "m", provider: "p" },
  answer_characters: 5,
  judged: { system: "", conversation: "", question: "Where?", answer: "Here." },
  trace: null,
};
const job = {
  id: "judge:01KAJ8N6QXSVQ5W0J3T2R9C4ZB:kindness",
  token: "t",
  kind: "judge",
  tenantId: "acme",
  priority: 5,
  payload: JSON.stringify(payload),
  attempt: 1,
  round: 1,
  enqueuedAtMs: 0,
};
const context = { signal: new AbortController().signal };

function handlerWith(
  findEvaluator: () => Promise<undefined>,
  policyNow: JudgeExchangeDeps["policyNow"] = () => Promise.resolve(undefined),
) {
  const records: AuditAmendment[] = [];
  const handler = judgeExchange({
    findEvaluator,
    policyNow,
    judge: () => Promise.reject(new Error("nobody is asked")),
    // eslint-disable-next-line @typescript-eslint/require-await -- it has nothing to wait for
    record: async (amendment) => {
      records.push(amendment);
    },
    onEvaluated: () => undefined,
    nowMs: () => 0,
  });
  return { handler, records };
}

test("an evaluator that is perhaps in a store that does not answer costs an attempt, and no answer its score", async () => {
  const { handler, records } = handlerWith(() => Promise.reject(new Error("down")));
  await expect(handler.run(job, context)).rejects.toThrow("down");
  await expect(handler.giveUp(job, "crashed", context)).rejects.toThrow("down");
  expect(records).toEqual([]);
});

test("an evaluator that nobody knows is given up at once, and that is written down", async () => {
  const { handler, records } = handlerWith(() => Promise.resolve(undefined));
  const outcome = await handler.run(job, context);
  expect(outcome).toEqual({ kind: "dead", reason: "unknown_evaluator" });
  await handler.giveUp(job, "unknown_evaluator", context);
  expect(records[0]?.data).toMatchObject({ failure: "unknown_evaluator", version: null });
});

test("what its tenant has turned off since is not judged, and that is written down once", async () => {
  const asked: string[] = [];
  const { handler, records } = handlerWith(
    () => Promise.resolve(undefined),
    (tenantId) => {
      asked.push(tenantId);
      return Promise.resolve(null);
    },
  );
  expect(await handler.run(job, context)).toEqual({ kind: "done" });
  expect(asked).toEqual(["acme"]);
  expect(records).toHaveLength(1);
  expect(records[0]?.data).toMatchObject({ status: "failed", failure: "policy_off", score: null });
});
