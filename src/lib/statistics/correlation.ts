/** Two numbers about one thing. */
export type Point = readonly [number, number];

/** Pearson's r; null for fewer than three points, and where one of the two never changes. */
export function pearson(points: readonly Point[]): number | null {
  if (points.length < pointsMin) return null;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  let [xx, yy, xy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    yy += (y - meanY) ** 2;
    xy += (x - meanX) * (y - meanY);
  }
  // What rounding leaves of a spread of nothing is no spread.
  if (isNothing(xx, meanX, points.length) || isNothing(yy, meanY, points.length)) return null;
  return Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

/** Spearman's ρ: Pearson's r of the ranks, those that are equal sharing the mean of theirs. (Spearman 1904) */
export function spearman(points: readonly Point[]): number | null {
  const xRanks = ranksOf(points.map(([x]) => x));
  const yRanks = ranksOf(points.map(([, y]) => y));
  return pearson(points.map((_, at): Point => [xRanks[at] ?? 0, yRanks[at] ?? 0]));
}

/** Two points always lie on a line. */
const pointsMin = 3;

const isNothing = (squares: number, mean: number, count: number): boolean =>
  !(squares > count * (Number.EPSILON * 4 * Math.abs(mean)) ** 2);

/** 1 for the smallest. */
export function ranksOf(values: readonly number[]): readonly number[] {
  const order = values.map((value, at) => ({ value, at })).sort((a, b) => a.value - b.value);
  const ranks = new Array<number>(values.length).fill(0);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && order[end]?.value === order[start]?.value) end++;
    const shared = (start + 1 + end) / 2;
    for (const { at } of order.slice(start, end)) ranks[at] = shared;
    start = end;
  }
  return ranks;
}
