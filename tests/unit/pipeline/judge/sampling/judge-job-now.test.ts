import { expect, test } from "vitest";

import type { JudgeJob } from "../../../../../src/pipeline/judge/sampling/judge-job.ts";
import { judgeJobNow } from "../../../../../src/pipeline/judge/sampling/judge-job-now.ts";

const job: JudgeJob = {
  evaluator: "relevance@0123456789ab",
  request_id: "01KAJ8N6QXSVQ5W0J3T2R9C4ZB",
  model: "retired",
  daily_nano_usd: 10_000_000_000,
  daily_tokens: null,
  keep_reasons: true,
  sampled_by: "rate",
  request: { key: "k", model: "m", served_model: "m", provider: "p" },
  answer_characters: 5,
  judged: { system: "", conversation: "", question: "Where?", answer: "Here." },
  trace: null,
};
const policy = {
  evaluators: ["toxicity", "relevance"],
  model: "judge",
  daily_budget_usd: "0.5",
  daily_tokens: 1_000,
  sample_rate: 0.05,
};

test("a job that waited is done as the policy has it by then: its judge, its caps, its version", () => {
  expect(judgeJobNow(job, policy)).toEqual({
    ...job,
    evaluator: "relevance",
    model: "judge",
    daily_nano_usd: 500_000_000,
    daily_tokens: 1_000,
    keep_reasons: false,
  });
});

test("what the tenant has not judged any more is not judged", () => {
  expect(judgeJobNow(job, null)).toBeUndefined();
  expect(judgeJobNow(job, { ...policy, evaluators: ["toxicity"] })).toBeUndefined();
});
