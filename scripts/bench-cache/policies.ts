import { guardNames, type GuardName } from "../../src/tenants/cache-policy.ts";
import { seededRandom } from "../../tests/support/seeded-random.ts";
import {
  flawlessJudge,
  replayPolicy,
  replayStatic,
  type JudgeErrors,
  type Outcome,
} from "./replay.ts";
import type { Query } from "./stream.ts";

/** One way to decide what is served, to be compared with others. */
export interface Policy {
  readonly name: string;
  readonly replay: (queries: readonly Query[], seed: number) => Outcome;
}

export interface Wanted {
  readonly guardsOff: ReadonlySet<GuardName>;
  readonly maxErrors: readonly number[];
  /** How often a judge errs: three more rows for each, at the first of `maxErrors`. */
  readonly judgeErrors: readonly number[];
}

const staticSimilarities = [0.85, 0.9, 0.95];

export function policiesOf({ guardsOff, maxErrors, judgeErrors }: Wanted): readonly Policy[] {
  const guards = new Set(guardNames.filter((name) => !guardsOff.has(name)));
  const [strictest = 0.02] = maxErrors;
  return [
    ...staticSimilarities.map(fixed),
    ...maxErrors.map((maxError) => ours({ maxError, guards, judge: flawlessJudge, note: "" })),
    ...judgeErrors.flatMap((share) =>
      judgesThatErr(share).map((judge) => ours({ maxError: strictest, guards, ...judge })),
    ),
  ];
}

const fixed = (similarityMin: number): Policy => ({
  name: `static ${similarityMin.toFixed(2)}`,
  replay: (queries) => replayStatic(queries, similarityMin),
});

interface Ours {
  readonly maxError: number;
  readonly guards: ReadonlySet<GuardName>;
  readonly judge: JudgeErrors;
  readonly note: string;
}

const ours = ({ maxError, guards, judge, note }: Ours): Policy => ({
  name: `ours, max_error ${asPercent(maxError)}${note}`,
  replay: (queries, seed) =>
    replayPolicy(queries, maxError, { guards, judge, random: seededRandom(seed * 7_919) }),
});

const judgesThatErr = (share: number): readonly Pick<Ours, "judge" | "note">[] => [
  {
    judge: { wronglyYes: share, wronglyNo: share },
    note: `, judge errs ${asPercent(share)} both ways`,
  },
  {
    judge: { wronglyYes: share, wronglyNo: 0 },
    note: `, judge wrongly "same" ${asPercent(share)}`,
  },
  {
    judge: { wronglyYes: 0, wronglyNo: share },
    note: `, judge wrongly "other" ${asPercent(share)}`,
  },
];

const asPercent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;
