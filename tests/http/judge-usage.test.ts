import { afterAll, expect, test } from "vitest";

import { calibrationOf } from "../../src/pipeline/judge/calibration/calibration.ts";
import { anEntry } from "../support/audit-builders.ts";
import { aFeedback, anEvaluation, judgedBefore } from "../support/judge-builders.ts";
import { startReportLab } from "../support/report-lab.ts";
import type { Answered } from "../support/report-lab.ts";

/** Thirty labelled answers: the judge says a bit less than people do. */
const calibration = calibrationOf({
  evaluator: {
    subject: "answer",
    isOrdinal: true,
    labels: [1, 2, 3, 4, 5].map((label) => ({
      label: String(label),
      score: (label - 1) / 4,
      description: "",
    })),
  },
  items: Array.from({ length: 30 }, (_, index) => ({
    human_label: String((index % 4) + 2),
    human_score: null,
    status: "scored" as const,
    label: String((index % 4) + (index % 3 === 0 ? 2 : 1)),
    score: ((index % 4) + (index % 3 === 0 ? 1 : 0)) / 4,
    label_swapped: null,
    characters: [100 + index],
  })),
  resamples: 50,
});

const lab = await startReportLab({
  calibrationOf: (evaluator, version, judgeModel) =>
    evaluator === "relevance" && version === "0123456789ab" && judgeModel === "judge-1"
      ? calibration
      : undefined,
});
afterAll(() => lab[Symbol.asyncDispose]());

type Row = Readonly<Record<string, unknown>>;
interface Report {
  readonly metrics: string;
  readonly group_by: readonly string[];
  readonly data: readonly Row[];
  readonly totals: Row;
}

async function reportOf(tenant: string, query: string): Promise<Report> {
  const { status, text } = await lab.get(`/v1/usage?metrics=judge${query}`, {
    key: `viewer of ${tenant}`,
  });
  expect({ status, text }).toMatchObject({ status: 200 });
  expect(text).not.toMatch(/NaN|Infinity/);
  return JSON.parse(text) as Report;
}

const scores = [0.25, 0.5, 0.5, 0.75, 1];
let tenants = 0;
/** A tenant of its own, with five requests that are judged. */
function judgedTenant() {
  tenants += 1;
  const tenant = `tenant${tenants}`;
  const entries = scores.map(() => anEntry(Date.now(), { tenant }));
  const evaluations = entries.map((entry, at) =>
    anEvaluation(entry, { score: scores[at] ?? 0, answer_characters: 100 * (at + 1) }),
  );
  lab.journal(...entries, ...evaluations);
  const [entry] = entries;
  if (entry === undefined) throw new Error("there are five");
  return { tenant, entries, entry };
}

test("a row has counts, mean, interval and correlation, grouped by evaluator in any case", async () => {
  const { tenant, entry } = judgedTenant();
  const none = { score: null, cost_nano_usd: 0 };
  lab.journal(
    anEvaluation(entry, { round: 2, status: "failed", failure: "timeout", ...none }),
    anEvaluation(entry, { round: 3, status: "failed", failure: "daily_cap", ...none }),
    anEvaluation(entry, { round: 4, status: "not_applicable", score: null, same_family: true }),
    anEvaluation(entry, { evaluator: "toxicity", score: 1, is_repaired: true }),
  );
  const { metrics, group_by: groupBy, data, totals } = await reportOf(tenant, "&group_by=model");
  expect([metrics, groupBy]).toEqual(["judge", ["evaluator", "model"]]);
  expect(data).toHaveLength(2);
  const [row, toxicity] = data;
  expect(row).toMatchObject({
    model: "smart",
    evaluator: "relevance",
    scored: 5,
    sampled: 5,
    not_applicable: 1,
    failed: 1,
    capped: 1,
    same_family: 0,
    repaired: 0,
    mean_score: 0.6,
    cost_usd: "0.000009000",
    cost_nano_usd: 9_000,
    judges: [{ evaluator_version: "0123456789ab", judge_model: "judge-1" }],
  });
  // The sample's deviation is .2850, and Student's t of four degrees of freedom 2.776: 2.776 × .2850 / √5.
  expect(row?.["score_interval"]).toEqual({ low: 0.246071, high: 0.953929 });
  expect(row?.["score_length_correlation"]).toBeCloseTo(0.970725, 5);
  expect(toxicity).toMatchObject({
    scored: 1,
    mean_score: 1,
    score_interval: null,
    score_length_correlation: null,
    repaired: 1,
  });
  expect(totals).toEqual({
    scored: 6,
    sampled: 6,
    not_applicable: 1,
    failed: 1,
    capped: 1,
    same_family: 0,
    repaired: 1,
    cost_usd: "0.000010500",
    cost_nano_usd: 10_500,
    feedback: { count: 0 },
  });
});

test("where the evaluator was calibrated there is what people would say; otherwise why there is none", async () => {
  const { tenant, entry } = judgedTenant();
  const [row] = (await reportOf(tenant, "")).data;
  expect(row).toMatchObject({
    corrected_mean: { method: "prediction-powered", is_clipped: expect.any(Boolean) as boolean },
    corrected_mean_missing: null,
  });
  const { mean, low, high } = row?.["corrected_mean"] as Record<string, number>;
  expect(mean).toBeGreaterThan(0.6);
  expect(low).toBeLessThan(mean ?? 0);
  expect(high).toBeGreaterThan(mean ?? 1);

  lab.journal(
    anEvaluation(entry, { round: 2, version: "ba9876543210" }),
    anEvaluation(entry, { evaluator: "toxicity" }),
    anEvaluation(entry, { evaluator: "helpfulness", status: "not_applicable", score: null }),
  );
  const missing = async (query: string) =>
    Object.fromEntries(
      (await reportOf(tenant, query)).data.map((each) => [
        [each["evaluator"], each["evaluator_version"]].join(" ").trim(),
        each["corrected_mean_missing"],
      ]),
    );
  expect(await missing("")).toEqual({
    helpfulness: "no_scores",
    relevance: "several_judges",
    toxicity: "not_calibrated",
  });
  expect(await missing("&group_by=evaluator,evaluator_version")).toMatchObject({
    "relevance 0123456789ab": null,
    "relevance ba9876543210": "not_calibrated",
  });
});

test("feedback stands beside the judge's scores, and in general by itself", async () => {
  const { tenant, entries, entry } = judgedTenant();
  const pair = (human: number, judge: number) =>
    aFeedback(entry, { evaluator: "relevance", score: human, judged: judgedBefore(judge) });
  lab.journal(pair(1, 0.75), pair(0, 0.75), aFeedback(entry, { evaluator: "relevance" }));
  lab.journal(...entries.map((each) => aFeedback(each, { score: 0 })));
  lab.journal(aFeedback(entry, { score: null, comment: "?" }));
  const { data, totals } = await reportOf(tenant, "&group_by=evaluator");
  const [general, relevance] = data;
  expect(general).toMatchObject({
    evaluator: "",
    scored: 0,
    mean_score: null,
    corrected_mean_missing: "no_scores",
    judges: [],
    feedback: { count: 6, scored: 5, mean_score: 0, pairs: 0, agreement: null, human_mean: null },
  });
  expect(relevance?.["feedback"]).toEqual({
    count: 3,
    scored: 3,
    mean_score: 0.666667,
    pairs: 2,
    human_mean: 0.5,
    judge_mean: 0.75,
    mean_difference: -0.25,
    root_mean_square_difference: 0.559017,
    agreement: 0.5,
  });
  expect(totals).toMatchObject({ feedback: { count: 9 } });
});

test("answers that were judged because somebody complained are counted, and in no mean", async () => {
  const { tenant, entry } = judgedTenant();
  lab.journal(
    anEvaluation(entry, { round: 2, score: 0, sampled_by: "feedback" }),
    anEvaluation(entry, { evaluator: "toxicity", score: 0, sampled_by: "error" }),
  );
  const { data } = await reportOf(tenant, "");
  expect(data[0]).toMatchObject({ scored: 6, sampled: 5, mean_score: 0.6 });
  expect(data[1]).toMatchObject({
    scored: 1,
    sampled: 0,
    mean_score: null,
    judges: [],
    corrected_mean_missing: "no_scores",
  });
});

test("beyond a hundred evaluators of a day the others have counts, and no mean", async () => {
  const { tenant, entry } = judgedTenant();
  const many = Array.from({ length: 103 }, (_, at) => anEvaluation(entry, { evaluator: `e${at}` }));
  const feedback = { evaluator: "e102", judged: judgedBefore(0.5) };
  lab.journal(...many, aFeedback(entry, feedback));
  const { data } = await reportOf(tenant, "");
  expect(data.find(({ evaluator }) => evaluator === "_other")).toMatchObject({
    scored: 4,
    mean_score: null,
    score_interval: null,
    corrected_mean: null,
    feedback: { count: 1, pairs: 0, agreement: null },
  });
});

test("a tenant of whom nothing was judged has an empty report", async () => {
  expect(await reportOf("nobody", "&group_by=day")).toMatchObject({
    group_by: ["day", "evaluator"],
    data: [],
    totals: { scored: 0, cost_nano_usd: 0 },
  });
});

test("days, keys and judges are dimensions, too", async () => {
  const { tenant } = judgedTenant();
  const query = "&group_by=judge_model,key,day,served_model,provider";
  const { group_by: groupBy, data } = await reportOf(tenant, query);
  expect(groupBy).toEqual(["day", "evaluator", "judge_model", "served_model", "provider", "key"]);
  const day = new Date().toISOString().slice(0, 10);
  expect(data).toMatchObject([
    { served_model: "gpt-5", provider: "openai", key: "key1", judge_model: "judge-1" },
  ]);
  // At midnight the tenant's requests are of the day before.
  expect([day, new Date(Date.now() - 60_000).toISOString().slice(0, 10)]).toContain(
    data[0]?.["day"],
  );
});

const refused: [string, string][] = [
  ["metrics=money", "metrics"],
  ["metrics=judge&group_by=hour", "group_by"],
  ["metrics=judge&group_by=tag", "group_by"],
  ["metrics=judge&group_by=evaluators", "group_by"],
  ["group_by=evaluator", "group_by"],
  ["metrics=judge&from=x", "from"],
  ["metric=judge", "metric"],
];
test.for(refused)("?%s is refused, and says which part", async ([query, param]) => {
  const answer: Answered = await lab.get(`/v1/usage?${query}`);
  expect(answer).toMatchObject({ status: 400, body: { error: { param } } });
});

test("without metrics, and with metrics=usage, the report is of requests as ever", async () => {
  const { tenant } = judgedTenant();
  const key = `viewer of ${tenant}`;
  const [plain, named] = await Promise.all(
    [
      "/v1/usage?from=2020-01-01&to=2100-01-01",
      "/v1/usage?metrics=usage&from=2020-01-01&to=2100-01-01",
    ].map((path) => lab.get(path, { key })),
  );
  expect(plain?.body).toMatchObject({ totals: { requests: 5 } });
  expect(plain?.body).not.toHaveProperty("metrics");
  expect(named?.text).toBe(plain?.text);
});

test("an inference key reads no report", async () => {
  const answer = await lab.get("/v1/usage?metrics=judge", { key: "inference of acme" });
  expect(answer.status).toBe(403);
});
