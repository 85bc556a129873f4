/**
 * What a million tokens cost, in whole pico-dollars for one token: a dollar for a million is a million of them.
 * Undefined for what is no amount, or finer than that. Money is never a fraction of a binary number.
 */
export function picoUsdPerToken(usdPerMillion: string | number): number | undefined {
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(String(usdPerMillion));
  if (match === null) return undefined;
  const [, dollars = "", millionths = ""] = match;
  return Number(dollars) * 1_000_000 + Number(millionths.padEnd(6, "0"));
}

export const usdPerMillionRule =
  'must be US dollars for a million tokens, with at most six digits after the point, as "0.15"';
