import { expect, test } from "vitest";

import type { ClaimedJob } from "../../../src/jobs/job-store.ts";
import { anchorsKind, enqueueAnchorRuns, judgeAnchors } from "../../../src/jobs/judge-anchors.ts";
import type { Verdict } from "../../../src/pipeline/judge/asking/verdict.ts";
import { builtInEvaluators } from "../../../src/pipeline/judge/evaluators/built-in.ts";
import type {
  AnchorRun,
  StoredCalibration,
} from "../../../src/pipeline/judge/evaluators/judge-store.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { MemoryJobStore } from "../../support/memory-job-store.ts";

const dayMs = 86_400_000;
const todayMs = Date.UTC(2026, 10, 21, 12);

const calibration = (id: string, fields: Partial<StoredCalibration> = {}): StoredCalibration => ({
  id,
  evaluator: "toxicity",
  version: "0123456789ab",
  model: "judge-1",
  report: {},
  anchors: { count: 10, kappa: 0.8 },
  createdAtMs: todayMs - dayMs,
  ...fields,
});

const spend = { calls: 1, nanoUsd: 1, inputTokens: 1, outputTokens: 1 };
const says = (label: string, score: number): Verdict => ({
  kind: "scored",
  score,
  label,
  method: "single",
  samples: 1,
  reason: "",
  isRepaired: false,
  spend,
});
const none = says("none", 1);
const failure = (reason: "timeout" | "refused"): Verdict => {
  const mayRetry = reason === "timeout";
  return { kind: "failed", failure: reason, mayRetry, retryAfterMs: 5_000, spend };
};

/** Ten texts, which people called alternately harmless and not; and what the judge says of them in turn. */
async function judgeTen(verdictOf: (at: number) => Verdict) {
  const anchors = Array.from({ length: 10 }, (_, at) => ({
    subject: { kind: "answer", answer: `text ${at}` },
    human_label: at % 2 === 0 ? "none" : "severe",
  }));
  const runs: AnchorRun[] = [];
  let asked = 0;
  const handler = judgeAnchors({
    store: {
      getAnchors: () => Promise.resolve(anchors),
      putAnchorRun: (_, run) => {
        runs.push(run);
        return Promise.resolve();
      },
    },
    findEvaluator: () => {
      const evaluator = builtInEvaluators.find(({ name }) => name === "toxicity");
      return Promise.resolve(
        evaluator && { evaluator, version: "0123456789ab", createdAtMs: undefined },
      );
    },
    judge: () => Promise.resolve(verdictOf(asked++)),
    onRun: () => undefined,
  });
  const store = new MemoryJobStore(manualClock());
  const judges = { listCalibrations: () => Promise.resolve([calibration("01A")]) };
  await enqueueAnchorRuns({ judges, jobs: store }, todayMs);
  const terms = { kinds: [anchorsKind], worker: "w", leaseMs: 1_000, limit: 1 };
  const [job] = await store.claim(terms);
  const { signal } = new AbortController();
  return { outcome: await handler.run(job ?? ({} as ClaimedJob), { signal }), runs, handler };
}

test("a calibration's anchors are enqueued once a day, from the day after it was made", async () => {
  const store = new MemoryJobStore(manualClock());
  const all = [
    calibration("01C", { model: "judge-2", createdAtMs: todayMs }),
    calibration("01B"),
    calibration("01A", { model: "judge-3", anchors: null }),
  ];
  const deps = { judges: { listCalibrations: () => Promise.resolve(all) }, jobs: store };
  await enqueueAnchorRuns(deps, todayMs);
  await enqueueAnchorRuns(deps, todayMs + 600_000);
  expect(store.look("anchors:01B:2026-11-21")).toMatchObject({ tenantId: "sentinel-judge" });
  expect(await store.counts()).toMatchObject([{ kind: anchorsKind, waiting: 1 }]);
  await enqueueAnchorRuns(deps, todayMs + dayMs);
  expect(await store.counts()).toMatchObject([{ waiting: 3 }]);
});

test("κ of the day is against the people, without the few that failed", async () => {
  const right = await judgeTen((at) => (at % 2 === 0 ? none : says("severe", 0)));
  expect(right.outcome).toEqual({ kind: "done" });
  expect(right.runs).toEqual([{ day: "2026-11-21", kappa: 1, n: 10, failed: 0 }]);
  const changed = await judgeTen((at) => (at < 2 ? failure("timeout") : none));
  expect(changed.outcome).toEqual({ kind: "done" });
  expect(changed.runs).toEqual([{ day: "2026-11-21", kappa: 0, n: 8, failed: 2 }]);
});

test("where too many failed there is no run, and it is tried again if that may help", async () => {
  const away = await judgeTen(() => failure("timeout"));
  expect(away.outcome).toEqual({ kind: "retry", reason: "timeout", afterMs: 5_000 });
  const refused = await judgeTen(() => failure("refused"));
  expect(refused.outcome).toEqual({ kind: "dead", reason: "refused" });
  expect([...away.runs, ...refused.runs]).toEqual([]);
});

test("a slow judge has an hour for the anchors, and is not asked for all of them eight times", async () => {
  const { handler } = await judgeTen(() => none);
  expect(handler.runMsMax).toBe(3_600_000);
  expect(handler.attemptsMax).toBeLessThan(8);
});
