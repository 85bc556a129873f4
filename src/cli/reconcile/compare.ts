import { addFigures, measures } from "./figures.ts";
import type { Figures, Measure } from "./figures.ts";
import { matchModels } from "./match-models.ts";
import type { ProviderExport, UsageOfDay } from "./read-export.ts";

/** What the ledger has of a day and model. */
export interface LedgerRow extends UsageOfDay {
  /** Of its requests: those whose tokens or price are not exact. */
  readonly inexactRequests: bigint;
}

export interface Comparison {
  /** By day and model. */
  readonly rows: readonly ComparedRow[];
  readonly totals: ComparedRow;
  /** How many rows drift beyond the tolerance. */
  readonly drifting: number;
  readonly inexactRequests: bigint;
}

export interface ComparedRow {
  readonly day: string;
  readonly model: string;
  /** Undefined where one side alone has it. */
  readonly ledger: Figures | undefined;
  readonly provider: Figures | undefined;
  readonly verdict: "ok" | "drift" | "only in ledger" | "only in export";
}

export interface CompareOptions {
  readonly ledger: readonly LedgerRow[];
  readonly provider: ProviderExport;
  /** In hundredths of a percent of the larger of both. */
  readonly tolerance: number;
}

/**
 * Puts both accounts side by side. Tokens and cost decide; requests do where there is nothing else: providers do not
 * count those that they refuse, and we do.
 */
export function compare({ ledger, provider, tolerance }: CompareOptions): Comparison {
  const told = provider.measures;
  const telling = told.filter((measure) => measure !== "requests");
  const judged = telling.length === 0 ? told : telling;
  const named = <Row extends UsageOfDay>(row: Row): Row =>
    provider.hasModels ? row : { ...row, model: wholeDay };
  const ours = ledger.map(named);
  const theirs = provider.rows.map(named);
  const label = matchModels(modelsOf(ours), modelsOf(theirs));
  const left = sumRows(ours, label, told);
  const right = sumRows(theirs, label, told);
  const judge = (one: Figures | undefined, other: Figures | undefined): ComparedRow["verdict"] =>
    verdictOf({ ledger: one, provider: other, judged, tolerance });
  const rows = [...new Set([...left.keys(), ...right.keys()])]
    .map((name): ComparedRow => {
      const [day = "", model = ""] = JSON.parse(name) as string[];
      const [one, other] = [left.get(name), right.get(name)];
      return { day, model, ledger: one, provider: other, verdict: judge(one, other) };
    })
    .filter(({ ledger: one = {}, provider: other = {} }) => hasAny(one) || hasAny(other))
    .sort(byDayAndModel);
  const [one, other] = [sumOf(left.values()), sumOf(right.values())];
  const totals = {
    day: "TOTAL",
    model: "",
    ledger: one,
    provider: other,
    verdict: judge(one, other),
  };
  return {
    rows,
    totals,
    drifting: rows.filter(({ verdict }) => verdict !== "ok").length,
    inexactRequests: ledger.reduce((sum, row) => sum + row.inexactRequests, 0n),
  };
}

/** The model of rows that are not told apart by model. */
export const wholeDay = "(all models)";

const modelsOf = (rows: readonly UsageOfDay[]): ReadonlySet<string> =>
  new Set(rows.map(({ model }) => model));

/** Of what the export tells: the rest could not be compared. */
function sumRows(
  rows: readonly UsageOfDay[],
  label: (model: string) => string,
  told: readonly Measure[],
): Map<string, Figures> {
  const sums = new Map<string, Figures>();
  for (const { day, model, figures } of rows) {
    const name = JSON.stringify([day, label(model)]);
    const kept = Object.fromEntries(told.map((measure) => [measure, figures[measure] ?? 0n]));
    sums.set(name, addFigures(sums.get(name) ?? {}, kept));
  }
  return sums;
}

const sumOf = (all: Iterable<Figures>): Figures => {
  let sum: Figures = {};
  for (const figures of all) sum = addFigures(sum, figures);
  return sum;
};

interface Judgement {
  readonly ledger: Figures | undefined;
  readonly provider: Figures | undefined;
  readonly judged: readonly Measure[];
  readonly tolerance: number;
}

function verdictOf({ ledger, provider, judged, tolerance }: Judgement): ComparedRow["verdict"] {
  const isWithin = judged.every((measure) =>
    isClose(ledger?.[measure] ?? 0n, provider?.[measure] ?? 0n, tolerance),
  );
  if (isWithin) return "ok";
  if (provider === undefined) return "only in ledger";
  return ledger === undefined ? "only in export" : "drift";
}

const whole = 10_000n;

function isClose(left: bigint, right: bigint, tolerance: number): boolean {
  return magnitude(left - right) * whole <= larger(left, right) * BigInt(tolerance);
}

/** How far the ledger is from the provider, in hundredths of a percent of the provider's figure; undefined where that is 0. */
export function driftOf(ledger: bigint, provider: bigint): bigint | undefined {
  if (provider === 0n) return ledger === 0n ? 0n : undefined;
  const scaled = (ledger - provider) * whole * 2n;
  const size = magnitude(provider);
  const rounded = (magnitude(scaled) + size) / (size * 2n);
  return scaled < 0n ? -rounded : rounded;
}

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
const larger = (left: bigint, right: bigint): bigint =>
  magnitude(left) > magnitude(right) ? magnitude(left) : magnitude(right);

const hasAny = (figures: Figures): boolean =>
  measures.some((measure) => (figures[measure] ?? 0n) !== 0n);

function byDayAndModel(left: ComparedRow, right: ComparedRow): number {
  const [one, other] = [`${left.day} ${left.model}`, `${right.day} ${right.model}`];
  return one < other ? -1 : one > other ? 1 : 0;
}
