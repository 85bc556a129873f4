import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

/** What options take. A value that is none is a misuse: commander says so, and the exit code is 2. */
export function wholeNumber(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number.");
}

/** A limit, or `none` to take it away. (Not null: commander makes an empty text of that.) */
export function countOrNone(text: string): number | "none" {
  return text === "none" ? text : positiveNumber(text);
}

/** At least one. */
export function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number > 0) return number;
  throw new InvalidArgumentError("It must be 1 or more.");
}

/** US dollars, as the gateway takes them: no binary fraction is made of them. */
export function usd(text: string): string {
  if (/^\d{1,7}(\.\d{1,12})?$/.test(text)) return text;
  throw new InvalidArgumentError("It must be US dollars, as 0.15.");
}

/** Percent, with two digits after the point at most; in hundredths of a percent. */
export function hundredthsOfPercent(text: string): number {
  const [, whole, fraction = ""] = /^(\d{1,3})(?:\.(\d{1,2}))?%?$/.exec(text) ?? [];
  if (whole !== undefined) return Number(whole) * 100 + Number(fraction.padEnd(2, "0"));
  throw new InvalidArgumentError("It must be a percentage, as 1 or 0.5.");
}

/** A day of the calendar, UTC. */
export function day(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && isDay(text)) return text;
  throw new InvalidArgumentError("It must be a day, as 2026-11-01.");
}

/** The 30th of February is none, though it is read as one. */
const isDay = (date: string): boolean =>
  !Number.isNaN(Date.parse(date)) && new Date(date).toISOString().startsWith(date);

/** As the gateway takes it: ISO 8601, where a day is its beginning, or seconds since 1970. */
export function time(text: string): string {
  const [, date] = /^(\d{4}-\d{2}-\d{2})(?:T.+)?$/.exec(text) ?? [];
  if (/^\d{1,12}$/.test(text)) return text;
  if (date !== undefined && !Number.isNaN(Date.parse(text)) && isDay(date)) return text;
  throw new InvalidArgumentError("It must be a time, as 2026-11-01 or 2026-11-01T12:00:00Z.");
}

export function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Said below, as for JSON that is no object.
  }
  throw new InvalidArgumentError("It must be a JSON object.");
}

/** What reports are about: whose requests, and of which time. */
export function withTenantAndTime(report: Command): Command {
  return report
    .option("--tenant <id>", "whose", "default")
    .option(
      "--from <time>",
      "as 2026-11-01 or 2026-11-01T12:00:00Z; thirty days ago if not given",
      time,
    )
    .option("--to <time>", "now, if not given", time);
}
