import { judgeFailed } from "../rules/alerts-judge.ts";
import { byTenant, orZero, rate, ratio, window } from "./queries.ts";
import { lines, one, stacked } from "./spec.ts";
import type { RowSpec } from "./spec.ts";

const scores = rate("evaluator", "sentinel_judge_score_sum");
const scored = rate("evaluator", "sentinel_judge_score_count");
const failed = `sum(rate(sentinel_judge_failures_total{${judgeFailed}}[${window}]))`;

export const judgeRow: RowSpec = {
  title: "Judge",
  panels: [
    lines({
      title: "Judge score",
      description:
        "Mean by evaluator, 1 is best. A step with a deploy or another model is news; by model it is in `sentinel usage --metrics judge`. A gap: nothing was scored.",
      unit: "none",
      decimals: 2,
      max: 1,
      // Where nothing was scored it is 0 / 0, which `>= 0` leaves out.
      queries: one(`${scores} / ${scored} >= 0`, "{{evaluator}}"),
    }),
    {
      kind: "heatmap",
      title: "Distribution of judge scores",
      description:
        "Of all evaluators. A mean that falls may be all answers being a little worse, or a few being bad: here they differ.",
      unit: "none",
      queries: one(`sum by (le) (increase(sentinel_judge_score_bucket[${window}]))`, "{{le}}"),
    },
    lines({
      title: "Judge failures by reason",
      description:
        "Answers without a score, after all attempts. daily_cap: there is no money left for today. policy_off: the tenant's policy was changed while they waited. cancelled: somebody took them out. invalid_output, refused: the judge. timeout, rate_limited, upstream_error: its provider.",
      unit: "cps",
      queries: one(orZero(rate("reason", "sentinel_judge_failures_total")), "{{reason}}"),
    }),
    lines({
      title: "Share of judge failures",
      description:
        "Of what was to be judged and not stopped by a cap or a changed policy. 20 % alerts.",
      unit: "percentunit",
      max: 1,
      steps: [
        { from: null, color: "green" },
        { from: 0.2, color: "red" },
      ],
      queries: one(
        ratio(
          failed,
          // Where all fail there are no scores, and the other way round.
          `((sum(rate(sentinel_judge_score_count[${window}])) or vector(0)) + (${failed} or vector(0)))`,
        ),
        "failed",
      ),
    }),
    stacked({
      title: "Judging per hour by tenant",
      description:
        "Whose answers it is spent on; sentinel-judge: calibrations and anchors. The same money is in the spend of the tenant sentinel-judge: never add the two.",
      unit: "currencyUSD",
      queries: one(
        `${rate("tenant", "sentinel_judge_cost_usd_total", byTenant)} * 3600`,
        "{{tenant}}",
      ),
    }),
    lines({
      title: "Jobs",
      description:
        "waiting: to be done now. delayed: to be tried again later. dead: given up; `sentinel jobs --dead` lists them. A climb of waiting: too few workers, or a slow judge.",
      unit: "none",
      // Each replica counts what is in the store that they share.
      queries: one("max by (kind, state) (sentinel_jobs)", "{{kind}} {{state}}"),
    }),
    lines({
      title: "Oldest answer to be judged",
      description: "How late the judge is. At 15 minutes it alerts; users do not feel it.",
      unit: "s",
      steps: [
        { from: null, color: "green" },
        { from: 900, color: "red" },
      ],
      queries: one("max(sentinel_judge_oldest_job_seconds)", "oldest"),
    }),
    lines({
      title: "Judge's agreement with people",
      description:
        "Cohen's κ on the anchors: when the judge was calibrated (baseline), and at the last daily look. A loss of 0.1 alerts; below 0.4 its scores say little.",
      unit: "none",
      decimals: 2,
      max: 1,
      queries: one(
        "max by (evaluator, run) (sentinel_judge_anchor_kappa)",
        "{{evaluator}} {{run}}",
      ),
    }),
  ],
};
