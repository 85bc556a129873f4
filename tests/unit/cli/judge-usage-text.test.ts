import { expect, test } from "vitest";

import { judgeUsageText } from "../../../src/cli/commands/judge-usage-text.ts";
import type { Answer } from "../../../src/cli/gateway-client.ts";

const noFeedback = { count: 0, scored: 0, mean_score: null, pairs: 0, agreement: null };
const row = (different: Answer = {}): Answer => ({
  evaluator: "relevance",
  model: "smart",
  scored: 1_250,
  not_applicable: 0,
  failed: 0,
  capped: 0,
  same_family: 0,
  repaired: 0,
  cost_usd: "0.012500000",
  cost_nano_usd: 12_500_000,
  mean_score: 0.8125,
  score_interval: { low: 0.79, high: 0.835 },
  score_length_correlation: 0.314,
  judges: [],
  corrected_mean: null,
  corrected_mean_missing: "not_calibrated",
  feedback: noFeedback,
  ...different,
});
const report = (...data: readonly Answer[]): Answer => ({
  group_by: ["evaluator", "model"],
  data,
  totals: { scored: 1_250, failed: 0, cost_usd: "0.012500000", feedback: { count: 3 } },
});

const cells = (text: string): string[][] => text.split("\n").map((line) => line.split(/ {2,}/));

test("a table has a line for each row, and columns only where there is something", () => {
  const [titles, first, total] = cells(judgeUsageText(report(row())));
  expect(titles).toEqual([
    "EVALUATOR",
    "MODEL",
    "SCORED",
    "MEAN",
    "95 %",
    "LENGTH",
    "FEEDBACK",
    "COST",
  ]);
  expect(first).toEqual([
    "relevance",
    "smart",
    "1,250",
    "0.813",
    "0.790–0.835",
    "+0.31",
    "$0.0125",
  ]);
  expect(total).toEqual(["TOTAL", "1,250", "3", "$0.0125"]);
});

test("a corrected mean, what people said, and what was not judged are shown", () => {
  const text = judgeUsageText(
    report(
      row({
        evaluator: "",
        scored: 0,
        mean_score: null,
        score_interval: null,
        score_length_correlation: null,
        feedback: { ...noFeedback, count: 3, mean_score: 1 / 3 },
        cost_usd: "0.000000000",
      }),
      row({
        capped: 7,
        corrected_mean: { mean: 0.85, low: 0.8, high: 0.9, method: "rogan-gladen" },
        feedback: { count: 2, scored: 2, mean_score: 0.5, pairs: 2, agreement: 0.5 },
      }),
    ),
  );
  const [titles, general, relevance] = cells(text);
  expect(titles).toEqual(
    "EVALUATOR|MODEL|SCORED|CAPPED|MEAN|95 %|CORRECTED|LENGTH|FEEDBACK|PEOPLE|AGREE|COST".split(
      "|",
    ),
  );
  expect(general).toEqual(["(general)", "smart", "0", "3", "0.333"]);
  expect(relevance).toContain("0.850 (0.800–0.900)");
  expect(relevance).toContain("50 %");
});

test("nothing to show is said in a sentence", () => {
  expect(judgeUsageText(report())).toBe(
    "Nothing was judged, and nobody gave feedback, in this time.",
  );
});
