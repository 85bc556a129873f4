/**
 * Amounts of US dollars as whole nano-dollars (10⁻⁹ US$). One amount fits a JavaScript number exactly up to nine
 * million dollars; sums are `bigint`. No amount is ever a binary fraction.
 */
export const nanoUsdPerUsd = 1_000_000_000;

/** The largest amount that may be held in a number. */
export const nanoUsdMax = Number.MAX_SAFE_INTEGER;

/** Reads `"12"`, `"0.15"` or `0.15`; undefined for what is no amount, is finer than a nano-dollar or too large. */
export function nanoUsdFrom(usd: string | number): number | undefined {
  const match = /^(\d{1,7})(?:\.(\d{1,9}))?$/.exec(String(usd));
  if (match === null) return undefined;
  const [, dollars = "", fraction = ""] = match;
  const nanoUsd = Number(dollars) * nanoUsdPerUsd + Number(fraction.padEnd(9, "0"));
  return Number.isSafeInteger(nanoUsd) ? nanoUsd : undefined;
}

/** As `"0.000123450"`: always nine digits after the point. */
export function usdText(nanoUsd: number | bigint): string {
  const isNegative = nanoUsd < 0;
  const digits = String(isNegative ? -nanoUsd : nanoUsd).padStart(10, "0");
  const text = `${digits.slice(0, -9)}.${digits.slice(-9)}`;
  return isNegative ? `-${text}` : text;
}
