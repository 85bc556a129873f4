import { nanoUsdPerUsd } from "../lib/usd.ts";
import type { Answer } from "./gateway-client.ts";

/** A column: what stands above it, what stands in it, and on which side. */
export interface Column<Row = Answer> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly isNumber?: true;
}

/** Rows for a person, their columns as wide as they need to be. A column that is empty throughout is left out. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  if (rows.length === 0) return "Nothing to show.";
  const all = rows.map((row) => columns.map(({ text }) => printable(text(row))));
  const isShown = columns.map((_, at) => all.some((row) => row[at] !== ""));
  const kept = columns.filter((_, at) => isShown[at]);
  const cells = all.map((row) => row.filter((_, at) => isShown[at]));
  const titles = kept.map(({ title }) => title);
  const widths = titles.map((title, at) =>
    cells.reduce((widest, row) => Math.max(widest, row[at]?.length ?? 0), title.length),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => {
        const width = widths[at] ?? 0;
        return kept[at]?.isNumber === true ? text.padStart(width) : text.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [line(titles), ...cells.map(line)].join("\n");
}

/** What a client has sent must not steer a terminal, nor turn the writing around. */
export const printable = (text: string): string =>
  text.replaceAll(
    /[^\x20-\x7e\u00a0-\uffff]|[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g,
    "?",
  );

/** A field as text; empty where it is missing. */
export const field =
  (name: string) =>
  (row: Answer): string => {
    const value = row[name];
    if (value === null || value === undefined) return "";
    return typeof value === "string" ? value : JSON.stringify(value);
  };

/** A number with its thousands apart: `1,234,567`. */
export const count =
  (name: string) =>
  (row: Answer): string => {
    const value = row[name];
    return typeof value === "number" ? grouped(String(value)) : "";
  };

export const grouped = (digits: string): string => digits.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");

/** Seconds since 1970 as a moment. */
export const moment =
  (name: string) =>
  (row: Answer): string => {
    const seconds = row[name];
    return typeof seconds === "number"
      ? new Date(seconds * 1_000).toISOString().slice(0, 19) + "Z"
      : "";
  };

/** A field of an answer that holds dollars as text. */
export const dollars =
  (name: string) =>
  (row: Answer): string =>
    dollarText(row[name]);

/**
 * `$1,234.500000000` is hard to read: a dollar and more is shown to the hundredth of a cent, rounded, and less with
 * all its digits. Empty for what is no amount.
 */
export function dollarText(usd: unknown): string {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(typeof usd === "string" ? usd : "");
  if (match === null) return "";
  const [, sign = "", whole = "", fraction = ""] = match;
  const nanoUsd = BigInt(whole) * BigInt(nanoUsdPerUsd) + BigInt(fraction.padEnd(9, "0"));
  if (nanoUsd === 0n) return "$0";
  if (whole === "0") return `${sign}$0.${fraction.replace(/0+$/, "").padEnd(4, "0")}`;
  const tenThousandths = String((nanoUsd + 50_000n) / 100_000n);
  return `${sign}$${grouped(tenThousandths.slice(0, -4))}.${tenThousandths.slice(-4)}`;
}

/** Bytes for a person: `1.5 GiB`. */
export function byteText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power] ?? "B"}`;
}
