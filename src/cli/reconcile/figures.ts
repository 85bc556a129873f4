import { nanoUsdPerUsd } from "../../lib/usd.ts";

/** What a day's use of a model came to, as far as that is told. Whole numbers; money in nano-dollars. */
export type Figures = Readonly<Partial<Record<Measure, bigint>>>;
export type Measure = (typeof measures)[number];
export const measures = ["requests", "inputTokens", "outputTokens", "costNanoUsd"] as const;

export function addFigures(left: Figures, right: Figures): Figures {
  const sums: Partial<Record<Measure, bigint>> = { ...left };
  for (const measure of measures) {
    const added = right[measure];
    if (added !== undefined) sums[measure] = (sums[measure] ?? 0n) + added;
  }
  return sums;
}

/** A count as exports write it: `1200`, `1,200`, `1200.0`. Undefined for nothing; throws for what is no count. */
export function countOf(value: unknown): bigint | undefined {
  const text = textOf(value);
  if (text === "") return undefined;
  const digits = /^(\d{1,18}|\d{1,3}(?:,\d{3}){1,5})(?:\.0*)?$/.exec(text)?.[1];
  if (digits === undefined) throw new RangeError(`"${text.slice(0, 40)}" is no whole number`);
  return BigInt(digits.replaceAll(",", ""));
}

/** An amount with any number of digits (`0.8958740000000000`, `1.2e-05`, `$1,234.50`), rounded half up. */
export function nanoUsdOf(value: unknown): bigint | undefined {
  const text = textOf(value);
  if (text === "") return undefined;
  const match =
    /^(-?)\$?(\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.(\d{0,60}))?(?:[eE]([+-]?\d{1,2}))?$/.exec(text);
  if (match === null) throw new RangeError(`"${text.slice(0, 40)}" is no amount in US dollars`);
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = BigInt(whole.replaceAll(",", "") + fraction);
  // Of the digits as a whole number: how many places to the left the point of nano-dollars stands.
  const places = fraction.length - Number(exponent) - nanoDigits;
  const nanoUsd =
    places <= 0 ? digits * 10n ** BigInt(-places) : halfUp(digits, 10n ** BigInt(places));
  return sign === "-" ? -nanoUsd : nanoUsd;
}

const nanoDigits = String(nanoUsdPerUsd).length - 1;

const halfUp = (dividend: bigint, divisor: bigint): bigint =>
  (dividend * 2n + divisor) / (divisor * 2n);

function textOf(value: unknown): string {
  if (typeof value === "number" || typeof value === "string") return String(value).trim();
  if (value === null || value === undefined) return "";
  throw new RangeError("it is neither a number nor text");
}
