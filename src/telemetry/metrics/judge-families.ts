import { closedLabel, openLabel } from "./label.ts";
import { anchorRuns, jobStates } from "./label-values.ts";
import type { Registry } from "./registry.ts";

/** Scores go from 0 to 1; ratings of 1 to 5 fall on quarters. */
const scoreBounds = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1] as const;

/** What there is to say of the judge and of the jobs that it is done by. */
export function judgeFamilies(registry: Registry) {
  const evaluator = openLabel("evaluator");
  return {
    judgeScore: registry.histogram({
      name: "sentinel_judge_score",
      help: "Scores (0 to 1, 1 is best) that evaluators gave to answers.",
      labels: [evaluator],
      bounds: scoreBounds,
    }),
    judgeFailures: registry.counter({
      name: "sentinel_judge_failures_total",
      help: "Answers that were to be judged and have no score, by why.",
      labels: [evaluator, openLabel("reason")],
    }),
    /** Counts nano-dollars; shown in dollars. */
    judgeCostUsd: registry.counter({
      name: "sentinel_judge_cost_usd_total",
      help: "US dollars that judging a tenant's answers has cost, retries and failures included.",
      labels: [openLabel("tenant")],
      fractionDigits: 9,
    }),
    judgeOldestJob: registry.gauge({
      name: "sentinel_judge_oldest_job_seconds",
      help: "Seconds since the oldest answer that is still to be judged became due; 0 where none waits.",
      labels: [],
    }),
    judgeAnchorKappa: registry.gauge({
      name: "sentinel_judge_anchor_kappa",
      help: "Cohen's kappa of an evaluator against people on its frozen anchor set: at its calibration, and at the last daily look.",
      labels: [evaluator, closedLabel("run", anchorRuns)],
      others: "hidden",
    }),
    jobs: registry.gauge({
      name: "sentinel_jobs",
      help: "Jobs by kind and state.",
      labels: [openLabel("kind"), closedLabel("state", jobStates)],
      others: "hidden",
    }),
  };
}
