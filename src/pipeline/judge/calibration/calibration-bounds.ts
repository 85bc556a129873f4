import type { StoredCalibration } from "../evaluators/judge-store.ts";

/** How much is kept of calibrations. Anchors hold texts, and are a megabyte at most: that is what a body may be. */
export const calibrationBounds = { perModelMax: 10, allMax: 500, anchorSetsMax: 50 } as const;

export interface ToForget {
  /** Calibrations, with all that is theirs. */
  readonly calibrations: readonly string[];
  /** Calibrations whose anchors go, and nothing else of them. */
  readonly anchors: readonly string[];
}

/**
 * What of these has to go: the oldest beyond each bound; and anchors for which there are newer ones of the same evaluator,
 * version and model: nobody asks those again.
 */
export function toForget(
  calibrations: readonly StoredCalibration[],
  bounds: Readonly<Record<keyof typeof calibrationBounds, number>> = calibrationBounds,
): ToForget {
  const newestFirst = calibrations.toSorted((left, right) => (left.id < right.id ? 1 : -1));
  const kept: StoredCalibration[] = [];
  const gone: string[] = [];
  const ofModel = new Map<string, number>();
  for (const each of newestFirst) {
    const count = (ofModel.get(modelOf(each)) ?? 0) + 1;
    ofModel.set(modelOf(each), count);
    if (count > bounds.perModelMax || kept.length >= bounds.allMax) gone.push(each.id);
    else kept.push(each);
  }
  const withAnchors = kept.filter(({ anchors }) => anchors !== null);
  const asked = new Set(newestOfEach(withAnchors).slice(0, bounds.anchorSetsMax));
  return {
    calibrations: gone,
    anchors: withAnchors.filter((each) => !asked.has(each)).map(({ id }) => id),
  };
}

/** Of these, the newest first, the newest of each evaluator, version and model. */
export function newestOfEach(
  newestFirst: readonly StoredCalibration[],
): readonly StoredCalibration[] {
  const seen = new Set<string>();
  return newestFirst.filter((each) => {
    const isNew = !seen.has(modelOf(each));
    seen.add(modelOf(each));
    return isNew;
  });
}

const modelOf = ({ evaluator, version, model }: StoredCalibration): string =>
  JSON.stringify([evaluator, version, model]);
