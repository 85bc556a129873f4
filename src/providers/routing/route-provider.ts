import { firstOf, only } from "../policies/first-of.ts";
import type { Quote } from "../prices/quote.ts";
import type { Provider } from "../provider.ts";
import type { Target } from "../target.ts";
import { rankByCost } from "./rank-by-cost.ts";
import { rankByLatency } from "./rank-by-latency.ts";
import { rankByWeight } from "./rank-by-weight.ts";
import { ranked } from "./ranking.ts";
import type { Candidate, Rank, RankingTools } from "./ranking.ts";

export type Strategy = "priority" | "weighted" | "least-latency" | "least-cost";

export interface RouteTarget {
  readonly target: Target;
  readonly weight: number;
  readonly quote: () => Quote | undefined;
}

/** A route's targets as one provider: in the order of its strategy, until one answers. */
export function routeProvider(
  strategy: Strategy,
  targets: readonly RouteTarget[],
  tools: RankingTools,
): Provider {
  const [first] = targets;
  if (targets.length === 1 && first !== undefined) return only(first.target);
  return firstOf(rankBy(strategy, named(targets), tools));
}

function rankBy(strategy: Strategy, candidates: readonly Candidate[], tools: RankingTools): Rank {
  switch (strategy) {
    case "priority":
      return () => ranked(candidates);
    case "weighted":
      return rankByWeight(candidates, tools);
    case "least-latency":
      return rankByLatency(candidates, tools);
    case "least-cost":
      return rankByCost(candidates);
  }
}

function named(targets: readonly RouteTarget[]): readonly Candidate[] {
  const counts = new Map<string, number>();
  return targets.map((routed) => {
    const { name } = routed.target;
    const before = counts.get(name) ?? 0;
    counts.set(name, before + 1);
    return { ...routed, drawName: before === 0 ? name : `${name}#${before}` };
  });
}
