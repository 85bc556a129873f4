import { z } from "zod";

import { Failure } from "../errors.ts";

/** What `from` and `to` say, in milliseconds since 1970: starts at or after the one, before the other. */
export interface ReportSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

type Query = (name: string) => string | undefined;

const dayMs = 86_400_000;
const defaultSpanMs = 30 * dayMs;

/** `from` and `to`; without them the last thirty days. Throws `invalid_value`. */
export function readSpan(query: Query, nowMs: number): ReportSpan {
  const toMs = readTime(query, "to") ?? nowMs + 1;
  const fromMs = readTime(query, "from") ?? Math.max(0, toMs - defaultSpanMs);
  if (fromMs < toMs) return { fromMs, toMs };
  throw bad("from", "must be before 'to'");
}

const isoTime = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);
const lastSecond = 253_402_300_799;

/** As ISO 8601 (a day is its beginning, UTC) or as seconds since 1970. */
function readTime(query: Query, name: string): number | undefined {
  const text = query(name);
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,12}$/.test(text) && Number(text) <= lastSecond) return Number(text) * 1_000;
  if (isoTime.safeParse(text).success) return Date.parse(text);
  const rule =
    "must be a time such as 2026-11-21T10:00:00Z, a day such as 2026-11-21, or seconds since 1970";
  throw bad(name, rule);
}

/** Text of the query; undefined where it is missing or empty. Throws `invalid_value` for what no record can hold. */
export function readText(query: Query, name: string, lengthMax = 512): string | undefined {
  const text = query(name);
  if (text === undefined || text === "") return undefined;
  if (text.length <= lengthMax) return text;
  throw bad(name, `must be at most ${lengthMax} characters`);
}

export function readCount(
  query: Query,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  const text = query(name);
  if (text === undefined || text === "") return undefined;
  const count = Number(text);
  if (/^\d{1,15}$/.test(text) && count >= min && count <= max) return count;
  throw bad(name, `must be a whole number from ${min} to ${max}`);
}

/** One of these words. */
export function readWord<Word extends string>(
  query: Query,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const text = query(name);
  if (text === undefined || text === "") return undefined;
  const word = words.find((candidate) => candidate === text);
  if (word !== undefined) return word;
  throw bad(name, `must be one of ${words.join(", ")}`);
}

/** Refuses names that are none of these: a filter that was misspelt would answer with too much. */
export function refuseUnknown(
  queries: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  const unknown = Object.keys(queries).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const there =
    known.length === 0 ? "there is nothing to ask for" : `there are ${known.join(", ")}`;
  throw bad(unknown.slice(0, 64), `is not known here; ${there}`);
}

export function bad(name: string, rule: string): Failure {
  return new Failure("invalid_value", `'${name}' ${rule}.`, { param: name });
}
