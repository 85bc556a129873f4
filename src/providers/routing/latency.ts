/** What is known of a target's speed: a moving average, and when it last moved. */
export interface Measurement {
  readonly averageMs: number;
  readonly atMs: number;
}

/** For how long an average remembers: after a pause this long, a new value counts for two thirds. */
const memoryMs = 10_000;
/** A new value counts for this much at least, however fast they come. */
const shareMin = 0.2;

/** The average with one more value: exponential, and the more moved by it the longer nothing came. */
export function measured(
  before: Measurement | undefined,
  valueMs: number,
  nowMs: number,
): Measurement {
  if (before === undefined) return { averageMs: valueMs, atMs: nowMs };
  const share = Math.max(shareMin, 1 - Math.exp((before.atMs - nowMs) / memoryMs));
  return { averageMs: before.averageMs + share * (valueMs - before.averageMs), atMs: nowMs };
}

export interface LatencyCandidate {
  readonly measurement: Measurement | undefined;
  /** When a request was last sent there to find out. */
  readonly exploredAtMs: number;
}

export interface LatencyChance {
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Of the requests that could renew what is known of a target, how many do. In [0, 1]. */
  readonly exploringShare: number;
}

/** Positions of the candidates, the first to be asked first. */
export interface LatencyOrder {
  readonly order: readonly number[];
  /** Set if the first is not the fastest known, but is asked to find out about it. */
  readonly explored: number | undefined;
}

/** Averages that are within this factor of the best are taken for equal, so that not all run to one target. */
export const closeFactor = 1.2;
/** An average older than this says little; and so often at most is a target asked to find out. */
export const staleMs = 15_000;

/**
 * The fastest first; those as fast as it in random order among themselves; those never measured last. Now and
 * then one request goes to a target of which nothing, or nothing recent, is known.
 */
export function latencyOrder(
  candidates: readonly LatencyCandidate[],
  chance: LatencyChance,
): LatencyOrder {
  const bestMs = fastestMs(candidates);
  const keys = candidates.map(({ measurement }) => {
    if (measurement === undefined) return { ms: Number.POSITIVE_INFINITY, tie: chance.random() };
    const isClose = measurement.averageMs <= bestMs * closeFactor;
    return { ms: isClose ? bestMs : measurement.averageMs, tie: chance.random() };
  });
  const order = keys
    .map((key, index) => ({ ...key, index }))
    .sort((left, right) => (left.ms === right.ms ? left.tie - right.tie : left.ms - right.ms))
    .map(({ index }) => index);
  const explored = toExplore(candidates, order, chance);
  if (explored === undefined) return { order, explored };
  return { order: [explored, ...order.filter((index) => index !== explored)], explored };
}

/** The lowest average there is; infinite if nothing was measured yet. */
export function fastestMs(candidates: readonly LatencyCandidate[]): number {
  return candidates.reduce(
    (best, { measurement }) => Math.min(best, measurement?.averageMs ?? best),
    Number.POSITIVE_INFINITY,
  );
}

/** Of those that are due the one of which least is known. One that was never measured does not wait for chance. */
function toExplore(
  candidates: readonly LatencyCandidate[],
  order: readonly number[],
  { nowMs, random, exploringShare }: LatencyChance,
): number | undefined {
  if (candidates.length < 2) return undefined;
  let chosen: number | undefined;
  let knownAtMs = Number.POSITIVE_INFINITY;
  for (const index of order) {
    const { measurement, exploredAtMs = 0 } = candidates[index] ?? {};
    const measuredAtMs = measurement?.atMs ?? Number.NEGATIVE_INFINITY;
    if (nowMs - Math.max(measuredAtMs, exploredAtMs) < staleMs) continue;
    if (measuredAtMs >= knownAtMs) continue;
    chosen = index;
    knownAtMs = measuredAtMs;
  }
  if (knownAtMs === Number.NEGATIVE_INFINITY) return chosen;
  return chosen !== undefined && random() < exploringShare ? chosen : undefined;
}
