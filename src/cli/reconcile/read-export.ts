import * as names from "./columns.ts";
import { flatten, isObject } from "./columns.ts";
import { ExportFault, readTable } from "./csv.ts";
import { addFigures, countOf, measures, nanoUsdOf } from "./figures.ts";
import type { Figures, Measure } from "./figures.ts";

/** A provider's own account of what was used. */
export interface ProviderExport {
  readonly rows: readonly UsageOfDay[];
  /** The days that it speaks of, those without use too; ascending. */
  readonly days: readonly string[];
  /** What it tells of each row. */
  readonly measures: readonly Measure[];
  /** Whether it says which model was used. */
  readonly hasModels: boolean;
  /** What whoever compares should know, in sentences. */
  readonly notes: readonly string[];
}

export interface UsageOfDay {
  /** UTC, as `2026-11-21`. */
  readonly day: string;
  readonly model: string;
  readonly figures: Figures;
}

/** The model of what an export counts without naming one. */
export const noModel = "(no model)";

/**
 * Reads what OpenAI and Anthropic export, as JSON of their usage and cost APIs (a page, several, or JSON lines) or as
 * CSV of their dashboards, and any table or list with such columns. Throws `ExportFault`.
 */
export function readExport(text: string): ProviderExport {
  const { records, hasMore } = recordsOf(text);
  const rows: UsageOfDay[] = [];
  const days = new Set<string>();
  const told = new Set<string>();
  let batchRows = 0;
  for (const [index, record] of records.entries()) {
    const place = `row ${index + 1}`;
    const day = dayOf(record, place);
    days.add(day);
    const figures = figuresOf(record, place);
    for (const measure of Object.keys(figures)) told.add(measure);
    if (Object.keys(figures).length === 0) continue; // A day without use.
    if (isBatch(record)) batchRows += 1;
    else rows.push({ day, model: modelOf(record), figures });
  }
  if (days.size === 0) throw new ExportFault("has no rows");
  if (told.size === 0 && records.some(hasUnknownFields)) throw unknownColumns(records);
  const hasModels = rows.length === 0 || rows.some(({ model }) => model !== noModel);
  const notes = [
    ...(hasMore
      ? [
          "The export has further pages (has_more): what is on them counts as missing. Fetch them all.",
        ]
      : []),
    ...(hasModels ? [] : ["The export does not name models: whole days are compared."]),
    ...(batchRows > 0
      ? [`${batchRows} rows are batch jobs, which do not go through Sentinel: left out.`]
      : []),
  ];
  return {
    rows: merged(rows),
    days: [...days].sort(),
    measures: measures.filter((measure) => told.has(measure)),
    hasModels,
    notes,
  };
}

type ExportRecord = ReadonlyMap<string, unknown>;

interface Records {
  readonly records: readonly ExportRecord[];
  readonly hasMore: boolean;
}

function recordsOf(text: string): Records {
  if (/^\ufeff?\s*[[{]/.test(text)) {
    const values = jsonValues(text.replace(/^\ufeff/, ""));
    const last = values.at(-1);
    return {
      records: values.flatMap(recordsIn),
      hasMore: isObject(last) && last["has_more"] === true,
    };
  }
  return { records: readTable(text).map((row) => flatten(row)), hasMore: false };
}

/** One JSON value, the entries of a list, or one a line. */
function jsonValues(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch (whole) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    try {
      return lines.map((line): unknown => JSON.parse(line));
    } catch {
      const why = whole instanceof Error ? whole.message : String(whole);
      throw new ExportFault(`is no valid JSON (${why})`);
    }
  }
}

/** The rows in a page (`data`), in a bucket of time (`results`), or the object itself. */
function recordsIn(value: unknown): readonly ExportRecord[] {
  if (!isObject(value)) throw new ExportFault("is JSON, but no list of objects");
  const { data, results } = value;
  if (Array.isArray(data)) return data.flatMap(recordsIn);
  if (!Array.isArray(results)) return [flatten(value)];
  const bucket = { ...value, results: undefined };
  // A bucket without results still says that nothing was used in its time.
  if (results.length === 0) return [flatten(bucket)];
  return results.map((result) => {
    if (!isObject(result)) throw new ExportFault("has a bucket whose results are no objects");
    return flatten({ ...bucket, ...result });
  });
}

function first(record: ExportRecord, columns: readonly string[]): unknown {
  for (const name of columns) {
    const value = record.get(name);
    if (value !== undefined && value !== null && value !== "") return value;
  }
  return undefined;
}

const dayFault = "has no column for the day: one of day, date, start_time, starting_at is needed";

function dayOf(record: ExportRecord, place: string): string {
  const value = first(record, names.dayColumns);
  if (value === undefined) {
    if (!names.dayColumns.some((name) => record.has(name))) throw new ExportFault(dayFault);
    throw new ExportFault(`does not name the day, in ${place}`);
  }
  const text = typeof value === "string" ? value.trim() : JSON.stringify(value);
  const day = utcDay(text);
  if (day !== undefined) return day;
  throw new ExportFault(
    `has "${text.slice(0, 40)}" for a day, in ${place}; it must be as 2026-11-21 or 2026-11-21T10:00:00Z, or seconds since 1970`,
  );
}

/** Of a day, a time (UTC unless it names another zone), or seconds or milliseconds since 1970. */
function utcDay(text: string): string | undefined {
  if (/^\d{9,10}(\.0)?$/.test(text)) return isoDay(Number(text) * 1_000);
  if (/^\d{12,13}$/.test(text)) return isoDay(Number(text));
  const [, day, time, zone] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))? ?(Z|UTC|[+-]\d{2}:?\d{2})?$/.exec(
      text,
    ) ?? [];
  if (day === undefined) return undefined;
  const offset =
    zone === undefined || zone === "UTC" ? "Z" : zone.replace(/(\d{2})(\d{2})$/, "$1:$2");
  return isoDay(Date.parse(`${day}T${time ?? "00:00"}${time === undefined ? "Z" : offset}`));
}

const isoDay = (epochMs: number): string | undefined =>
  Number.isNaN(epochMs) ? undefined : new Date(epochMs).toISOString().slice(0, 10);

/** OpenAI's cost report names `gpt-4o-2024-08-06, input`; Google's models are `models/gemini-…`. */
function modelOf(record: ExportRecord): string {
  const value = first(record, names.modelColumns);
  if (typeof value !== "string") return noModel;
  return (
    value
      .trim()
      .replace(/^models\//, "")
      .replace(/, (?:cached |batch )*(?:input|output)\b.*$/, "") || noModel
  );
}

function figuresOf(record: ExportRecord, place: string): Figures {
  try {
    const figures = {
      requests: countOf(first(record, names.requestColumns)),
      inputTokens: inputOf(record),
      outputTokens: countOf(first(record, names.outputColumns)),
      costNanoUsd: costOf(record),
    };
    return Object.fromEntries(Object.entries(figures).filter(([, figure]) => figure !== undefined));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ExportFault(`cannot be read in ${place}: ${error.message}`);
  }
}

function inputOf(record: ExportRecord): bigint | undefined {
  const uncached = countOf(first(record, names.uncachedInputColumns));
  const all = countOf(first(record, names.inputColumns));
  const isApart = names.anthropicCacheColumns.some((name) => record.has(name));
  const base = uncached ?? all;
  if (base === undefined || (uncached === undefined && !isApart)) return base;
  const [read, ...writes] = names.cachedInputGroups.map((group) => countOf(first(record, group)));
  const written = writes.some((part) => part !== undefined)
    ? writes.reduce<bigint>((sum, part) => sum + (part ?? 0n), 0n)
    : (countOf(first(record, names.cacheWriteColumns)) ?? 0n);
  return base + (read ?? 0n) + written;
}

function costOf(record: ExportRecord): bigint | undefined {
  const value = first(record, names.costColumns);
  if (value === undefined || typeof value === "boolean" || typeof value === "object")
    return undefined;
  const currency = first(record, ["currency", "amount_currency"]);
  if (typeof currency === "string" && currency.toLowerCase() !== "usd") {
    throw new RangeError(`the amount is in ${currency.slice(0, 10)}, and the ledger in US dollars`);
  }
  const nanoUsd = nanoUsdOf(value);
  // Anthropic's cost report has cents. (…/get-cost-report: "in lowest currency units")
  return nanoUsd !== undefined && record.has("cost_type") ? (nanoUsd + 50n) / 100n : nanoUsd;
}

/** `batch` of OpenAI's API and CSV; `service_tier` and `usage_type` of Anthropic's. */
function isBatch(record: ExportRecord): boolean {
  const batch = record.get("batch");
  const isOpenAis = batch === true || (typeof batch === "string" && batch.toLowerCase() === "true");
  return (
    isOpenAis || record.get("service_tier") === "batch" || record.get("usage_type") === "batch"
  );
}

/** Of a bucket of time, the times alone are known. */
const hasUnknownFields = (record: ExportRecord): boolean =>
  [...record.keys()].some(
    (name) => !/^(object|results|.*(time|date|starting_at|ending_at).*)$/.test(name),
  );

function unknownColumns(records: readonly ExportRecord[]): ExportFault {
  const found = [...(records[0]?.keys() ?? [])].slice(0, 12).join(", ");
  return new ExportFault(
    `has no column that is known for requests, tokens or cost. It has ${found}; name them for example day, model, requests, input_tokens, output_tokens, cost_usd`,
  );
}

/** One row for each day and model. */
function merged(rows: readonly UsageOfDay[]): readonly UsageOfDay[] {
  const sums = new Map<string, UsageOfDay>();
  for (const row of rows) {
    const name = JSON.stringify([row.day, row.model]);
    const before = sums.get(name);
    const figures = before === undefined ? row.figures : addFigures(before.figures, row.figures);
    sums.set(name, { ...row, figures });
  }
  return [...sums.values()];
}
