import type { Interval } from "../../src/lib/statistics/interval.ts";
import { rateInterval } from "../../src/pipeline/cache/error-bound.ts";
import type { Outcome } from "./replay.ts";

/** One order of the stream, with what its counts mean. */
export interface Measured extends Outcome {
  readonly seed: number;
  readonly hitShare: number;
  /** Undefined without a hit. */
  readonly precision: { readonly share: number; readonly interval95: Interval } | undefined;
  readonly checksPerRequest: number;
  /** Of what all requests would have cost: hits saved less checks made. */
  readonly netSaving: { readonly smallJudge: number; readonly sameModel: number };
}

export function measured(seed: number, outcome: Outcome): Measured {
  const { requests, hits, wrongHits, checks } = outcome;
  const { low, high } = rateInterval({ errors: wrongHits, trials: hits }, 0.95);
  return {
    seed,
    ...outcome,
    hitShare: hits / requests,
    precision:
      hits === 0
        ? undefined
        : { share: 1 - wrongHits / hits, interval95: { low: 1 - high, high: 1 - low } },
    checksPerRequest: checks / requests,
    netSaving: {
      smallJudge: netSaving(outcome, judges.small),
      sameModel: netSaving(outcome, judges.same),
    },
  };
}

export function lineOf({ seed, hitShare, precision, wrongHits, hits, ...rest }: Measured): string {
  const checks = `checks/request ${rest.checksPerRequest.toFixed(3)}`;
  const start = `  order ${String(seed).padEnd(4)} hits ${percent(hitShare)}`;
  if (precision === undefined) return `${start}  ${checks}`;
  const { low, high } = precision.interval95;
  const interval = `95 %: ${percent(low)} to ${percent(high)}`;
  return `${start}  precision ${percent(precision.share)} (${interval})  wrong ${wrongHits} of ${hits}  ${checks}`;
}

export function meanLine(orders: readonly Measured[]): string {
  const mean = (value: (order: Measured) => number): number =>
    orders.reduce((sum, order) => sum + value(order), 0) / orders.length;
  const precisions = orders.flatMap(({ precision }) => precision?.share ?? []);
  const average = precisions.reduce((sum, each) => sum + each, 0) / precisions.length;
  const right =
    precisions.length === 0
      ? "no hits"
      : `precision ${percent(average)} (lowest ${percent(Math.min(...precisions))})`;
  const saved =
    `net saving ${percent(mean(({ netSaving: { smallJudge } }) => smallJudge))} with a small judge, ` +
    `${percent(mean(({ netSaving: { sameModel } }) => sameModel))} with the same model`;
  const checks = mean(({ checksPerRequest }) => checksPerRequest).toFixed(3);
  return `  mean       hits ${percent(mean(({ hitShare }) => hitShare))}  ${right}  checks/request ${checks}  ${saved}`;
}

interface Call {
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Nano-dollars a token. */
  readonly prices: { readonly prompt: number; readonly answer: number };
}

const costOf = ({ promptTokens, answerTokens, prices }: Call): number =>
  promptTokens * prices.prompt + answerTokens * prices.answer;

const model = { prompt: 2_500, answer: 10_000 };
const smallModel = { prompt: 150, answer: 600 };
const answered: Call = { promptTokens: 300, answerTokens: 200, prices: model };
/** It reads the question, both answers and what it is to do, and says yes or no. */
const judging = { promptTokens: 600, answerTokens: 5 };
const judges = {
  small: { ...judging, prices: smallModel },
  same: { ...judging, prices: model },
};

const netSaving = ({ requests, hits, checks }: Outcome, judge: Call): number =>
  (hits * costOf(answered) - checks * costOf(judge)) / (requests * costOf(answered));

export const notes = (guardsOff: ReadonlySet<string>): string =>
  `Guards off: ${[...guardsOff].join(", ") || "none"}. ` +
  "Net saving: what hits save less what checks cost, of what all requests would cost at 300 + 200 tokens " +
  "and US$2.50/10.00 a million; a check reads 600 and writes 5, at US$0.15/0.60 or at the same prices.";

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
