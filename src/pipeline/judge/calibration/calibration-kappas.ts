import { bootstrapIntervals } from "../../../lib/statistics/bootstrap.ts";
import { AgreementCounts } from "../../../lib/statistics/kappa.ts";
import type { Weighting } from "../../../lib/statistics/kappa.ts";
import type { KappaReport } from "./calibration-report.ts";
import type { ComparedItem } from "./compared-item.ts";

export interface KappaOptions {
  readonly labels: number;
  readonly weighting: Weighting;
  /** What two orders that disagree come to. */
  readonly disagreed: number;
  readonly resamples: number;
  readonly seed: number;
}

export interface Kappas {
  /** Of the order as given. */
  readonly given: KappaReport;
  readonly bothOrders: KappaReport;
  /** Of what the two orders come to together. */
  readonly verdict: KappaReport;
}

/**
 * The three kappas of a judge, which are one and the same where there is but one order. Items are drawn again, not
 * verdicts: two orders of one pair are not two things that were seen.
 */
export function kappasOf(compared: readonly ComparedItem[], options: KappaOptions): Kappas {
  const { kinds, kindOf } = kindsOf(compared);
  const counts = new AgreementCounts(options.labels, options.weighting);
  const kappaOf = (times: Uint32Array, verdictsOf: Verdicts): number | null => {
    counts.clear();
    for (const [at, kind] of kinds.entries()) {
      for (const verdict of verdictsOf(kind)) counts.add(kind.human, verdict, times[at]);
    }
    return counts.kappa();
  };
  const isPaired = compared.some(({ judgeSwapped }) => judgeSwapped !== undefined);
  const figures = (times: Uint32Array): readonly (number | null)[] => {
    const given = kappaOf(times, ({ judge }) => [judge]);
    if (!isPaired) return [given, given, given];
    return [
      given,
      kappaOf(times, bothOrders),
      kappaOf(times, (kind) => [together(kind, options.disagreed)]),
    ];
  };
  const seen = new Uint32Array(kinds.length);
  for (const kind of kindOf) seen[kind] = (seen[kind] ?? 0) + 1;
  const [given = null, both = null, verdict = null] = figures(seen);
  const { resamples, seed } = options;
  const intervals = bootstrapIntervals({ kindOf, kinds: kinds.length, figures, resamples, seed });
  const report = (value: number | null, at: number): KappaReport => {
    const interval = value === null ? null : intervals[at];
    return { value, low: interval?.low ?? null, high: interval?.high ?? null };
  };
  return { given: report(given, 0), bothOrders: report(both, 1), verdict: report(verdict, 2) };
}

type Kind = Pick<ComparedItem, "human" | "judge" | "judgeSwapped">;
type Verdicts = (kind: Kind) => readonly number[];

export const bothOrders: Verdicts = ({ judge, judgeSwapped }) =>
  judgeSwapped === undefined ? [judge] : [judge, judgeSwapped];

const together = ({ judge, judgeSwapped = judge }: Kind, disagreed: number): number =>
  judge === judgeSwapped ? judge : disagreed;

/** Items about which all said the same are one kind, of which there are few. */
function kindsOf(compared: readonly ComparedItem[]): {
  readonly kinds: readonly Kind[];
  readonly kindOf: Uint32Array;
} {
  const kinds: Kind[] = [];
  const places = new Map<string, number>();
  const kindOf = Uint32Array.from(compared, (kind) => {
    const name = [kind.human, ...bothOrders(kind)].join();
    const known = places.get(name);
    if (known !== undefined) return known;
    places.set(name, kinds.length);
    return kinds.push(kind) - 1;
  });
  return { kinds, kindOf };
}
