/**
 * Amendments' texts by when they were said. Their ids do not tell: one that is made again for the same thing gets the same
 * id, which has the time of the request. What says no time stays where it is, before all others.
 */
export function oldestFirst(texts: readonly string[]): readonly string[] {
  if (texts.length < 2) return texts;
  const timed = texts.map((text) => ({ text, at: timeIn(text) }));
  return timed.sort((left, right) => left.at - right.at).map(({ text }) => text);
}

function timeIn(text: string): number {
  const { at } = JSON.parse(text) as { readonly at?: unknown };
  const epochMs = typeof at === "string" ? Date.parse(at) : Number.NaN;
  return Number.isNaN(epochMs) ? 0 : epochMs;
}
