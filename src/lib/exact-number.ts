/** What nearly all numbers in requests are: few enough digits for a double, and only one way to write them. */
const plainDigitsMax = 15;
const plainInteger = /^(?:0|-?[1-9]\d{0,14})$/;
const jsonNumber = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** An exponent with more digits than this is compared as it is written: nobody means it. */
const exponentDigitsMax = 12;

/**
 * A JSON number in one form for its value, whatever its length: `1`, `1.0` and `10e-1` are one, two integers that a
 * double cannot tell apart are two. Undefined for what is no JSON number.
 */
export function exactNumber(written: string): string | undefined {
  if (plainInteger.test(written)) return written;
  const found = jsonNumber.exec(written);
  if (found === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = found;
  const digits = withoutZeros(whole + fraction);
  if (digits === undefined) return "0";
  if (exponent.length > exponentDigitsMax) return written;
  const power = Number(exponent) - fraction.length + digits.trailing;
  if (power >= 0 && digits.text.length + power <= plainDigitsMax) {
    return `${sign}${digits.text}${"0".repeat(power)}`;
  }
  return `${sign}${digits.text}e${power}`;
}

interface Digits {
  readonly text: string;
  /** How many zeros were taken off the end. */
  readonly trailing: number;
}

/** Undefined where there is nothing else. By hand: a pattern for the zeros at the end is quadratic in some engines. */
function withoutZeros(digits: string): Digits | undefined {
  let start = 0;
  while (digits[start] === "0") start++;
  if (start === digits.length) return undefined;
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return { text: digits.slice(start, end), trailing: digits.length - end };
}
