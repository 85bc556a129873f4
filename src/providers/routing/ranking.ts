import type { Ranking } from "../policies/first-of.ts";
import type { Quote } from "../prices/quote.ts";
import type { ProviderCall } from "../provider.ts";
import type { Target } from "../target.ts";
import type { ConversationHomes } from "./conversation-homes.ts";

/** A target as its route has it. */
export interface Candidate {
  readonly target: Target;
  readonly weight: number;
  /** What it costs now; undefined where nobody knows. */
  readonly quote: () => Quote | undefined;
  /** Makes its draw: the same on every replica, and another one for a target that is written twice. */
  readonly drawName: string;
}

export interface RankingTools {
  readonly homes: ConversationHomes;
  /** In [0, 1). */
  readonly random: () => number;
  /** On the clock that never jumps. */
  readonly nowMs: () => number;
}

export type Rank = (call: ProviderCall) => Ranking;

/** What is down comes last, the soonest up first, and is not left out: if all are, one of them says so. */
export function ranked(
  candidates: readonly Candidate[],
  onServed?: (target: Target) => void,
): Ranking {
  const ready = candidates.filter(isReady);
  const resting = candidates.filter((candidate) => !ready.includes(candidate));
  resting.sort((left, right) => left.target.health.waitMs - right.target.health.waitMs);
  const order = [...ready, ...resting].map(({ target }) => target);
  return { order, readyCount: ready.length, onServed };
}

export const isReady = ({ target }: Candidate): boolean => target.health.waitMs === 0;

/** The same with one in front, if it is among them. */
export function withFirst(
  candidates: readonly Candidate[],
  targetName: string | undefined,
): readonly Candidate[] {
  const first = candidates.find(({ target }) => target.name === targetName);
  if (first === undefined) return candidates;
  return [first, ...candidates.filter((candidate) => candidate !== first)];
}

export function inOrder<Value>(
  values: readonly Value[],
  positions: readonly number[],
): readonly Value[] {
  return positions.flatMap((position) => values[position] ?? []);
}
