/**
 * What is kept of judges: the evaluators that were made through the admin API, how they did beside people, and what they
 * are asked again every day. All calls reject with `store_unavailable` where the store does not answer.
 *
 * A version of an evaluator never changes. What its name means does: the version that was put last.
 */
export interface JudgeStore {
  /** All versions of all that are not hidden, the oldest of a name first; the names in their order. */
  listEvaluators(): Promise<readonly StoredEvaluator[]>;
  /**
   * From now on the name means this version. `known`: the version was there before, and is as it was. `full`: it would be
   * one more than `versionsMax`, though the versions of hidden names were forgotten to make room.
   */
  putEvaluator(
    evaluator: Omit<StoredEvaluator, "isCurrent">,
    limit: { readonly versionsMax: number },
  ): Promise<"created" | "known" | "full">;
  /** The name means nothing any more, until it is put again. False: it meant nothing. */
  hideEvaluator(name: string): Promise<boolean>;

  /** Keeps it, and forgets what goes beyond `calibration-bounds.ts`. Its anchors are frozen: nothing else ever sets them. */
  putCalibration(calibration: StoredCalibration, anchors: readonly unknown[]): Promise<void>;
  /** Of one evaluator, or of all; the newest first. */
  listCalibrations(evaluator?: string): Promise<readonly StoredCalibration[]>;
  /** As they were put; undefined: the calibration has none, or has them no more. */
  getAnchors(calibrationId: string): Promise<readonly unknown[] | undefined>;
  /** One a day for each calibration; a later one of the same day takes its place. Those of unknown calibrations are let go. */
  putAnchorRun(calibrationId: string, run: AnchorRun): Promise<void>;
  /** The newest day first, of each of these calibrations. */
  listAnchorRuns(calibrationIds: readonly string[]): Promise<readonly (readonly AnchorRun[])[]>;
}

/** An evaluator that was made through the admin API. */
export interface StoredEvaluator {
  readonly name: string;
  /** Twelve hex digits: what it was by when it was made. */
  readonly version: string;
  /** As in `sentinel.yaml`. */
  readonly definition: Readonly<Record<string, unknown>>;
  /** Whether its name means this version. */
  readonly isCurrent: boolean;
  readonly createdAtMs: number;
}

/** How an evaluator with a model did beside people. */
export interface StoredCalibration {
  /** Sorts by when it was made. */
  readonly id: string;
  readonly evaluator: string;
  readonly version: string;
  readonly model: string;
  /** A `CalibrationReport`, as it is shown. */
  readonly report: Readonly<Record<string, unknown>>;
  /** Of the anchors: how many, and κ when they were frozen, which later runs are held against. Null: it has none. */
  readonly anchors: { readonly count: number; readonly kappa: number | null } | null;
  readonly createdAtMs: number;
}

/** What judging the anchors again came to. */
export interface AnchorRun {
  /** UTC, as `2026-01-31`. */
  readonly day: string;
  /** Null: it is not defined, as where all are of one label. */
  readonly kappa: number | null;
  /** How many were judged. */
  readonly n: number;
  /** How many more came to no verdict. */
  readonly failed: number;
}

/** More than a quarter of a year of days; the oldest go. */
export const anchorRunsMax = 90;
