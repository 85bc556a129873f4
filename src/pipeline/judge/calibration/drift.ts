import { calibrationOf } from "./calibration.ts";
import type { CalibrationItem } from "./calibration-item.ts";
import type { Evaluator } from "../evaluators/evaluator.ts";
import type { AnchorRun, StoredCalibration } from "../evaluators/judge-store.ts";

/** κ that is lower by so much than when the anchors were frozen is a judge that has changed. */
export const driftAlert = 0.1;

/** What judging anchors came to: when they are frozen, and on each day after that. */
export function anchorsJudged(
  evaluator: Evaluator,
  items: readonly CalibrationItem[],
): Omit<AnchorRun, "day"> {
  const { kappa, compared, failed } = calibrationOf({ evaluator, items, resamples: 0 });
  return { kappa: kappa.value, n: compared, failed };
}

/** How far κ is below, or above, what it was; null where one of the two is not known. */
export function driftOf(
  { anchors }: Pick<StoredCalibration, "anchors">,
  run: Pick<AnchorRun, "kappa"> | undefined,
): number | null {
  const before = anchors?.kappa ?? null;
  const now = run?.kappa ?? null;
  return before === null || now === null ? null : now - before;
}

/** Whether the judge is to be looked at. Six digits, so that a binary fraction does not decide it. */
export const isDrifting = (drift: number | null): boolean =>
  drift !== null && Math.round(-drift * 1_000_000) >= driftAlert * 1_000_000;
