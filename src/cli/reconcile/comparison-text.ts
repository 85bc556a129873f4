import { usdText } from "../../lib/usd.ts";
import { dollarText, grouped, table } from "../table.ts";
import type { Column } from "../table.ts";
import { driftOf } from "./compare.ts";
import type { ComparedRow, Comparison } from "./compare.ts";
import type { Figures, Measure } from "./figures.ts";

const titles: Readonly<Record<Measure, string>> = {
  requests: "REQUESTS",
  inputTokens: "INPUT",
  outputTokens: "OUTPUT",
  costNanoUsd: "COST",
};

/** For each figure that the export tells: ours, theirs, and how far ours is off. */
export function comparisonTable(rows: readonly ComparedRow[], told: readonly Measure[]): string {
  const columns: readonly Column<ComparedRow>[] = [
    { title: "DAY", text: ({ day }) => day },
    { title: "MODEL", text: ({ model }) => model },
    ...told.flatMap((measure): Column<ComparedRow>[] => [
      { title: titles[measure], text: (row) => shown(measure, row.ledger), isNumber: true },
      { title: "EXPORTED", text: (row) => shown(measure, row.provider), isNumber: true },
      { title: "DRIFT", text: (row) => driftText(measure, row), isNumber: true },
    ]),
    { title: "", text: ({ verdict }) => (verdict === "ok" ? "" : verdict) },
  ];
  return table(columns, rows);
}

function shown(measure: Measure, figures: Figures | undefined): string {
  const figure = figures?.[measure];
  if (figure === undefined) return "-";
  return measure === "costNanoUsd" ? dollarText(usdText(figure)) : grouped(String(figure));
}

function driftText(measure: Measure, { ledger, provider }: ComparedRow): string {
  const drift = driftOf(ledger?.[measure] ?? 0n, provider?.[measure] ?? 0n);
  return drift === undefined ? "new" : percentText(drift);
}

/** `+1.25%`; `0%` for none. */
export function percentText(hundredths: bigint): string {
  if (hundredths === 0n) return "0%";
  const digits = String(hundredths < 0n ? -hundredths : hundredths).padStart(3, "0");
  return `${hundredths < 0n ? "-" : "+"}${grouped(digits.slice(0, -2))}.${digits.slice(-2)}%`;
}

/** The comparison for machines. */
export function comparisonJson(
  { rows, totals, drifting, inexactRequests }: Comparison,
  told: readonly Measure[],
): object {
  return {
    rows: rows.map((row) => rowJson(row, told)),
    totals: rowJson(totals, told),
    drifting_rows: drifting,
    inexact_requests: Number(inexactRequests),
  };
}

const jsonNames: Readonly<Record<Measure, string>> = {
  requests: "requests",
  inputTokens: "input_tokens",
  outputTokens: "output_tokens",
  costNanoUsd: "cost_usd",
};

function rowJson(
  { day, model, ledger, provider, verdict }: ComparedRow,
  told: readonly Measure[],
): object {
  const drift = told.map((measure) => [
    jsonNames[measure],
    percentNumber(driftOf(ledger?.[measure] ?? 0n, provider?.[measure] ?? 0n)),
  ]);
  return {
    ...(day === "TOTAL" ? {} : { day, model }),
    ledger: figuresJson(ledger),
    export: figuresJson(provider),
    drift_percent: Object.fromEntries(drift) as object,
    verdict,
  };
}

function figuresJson(figures: Figures | undefined): object | null {
  if (figures === undefined) return null;
  return Object.fromEntries(
    Object.entries(figures).map(([measure, figure]) => [
      jsonNames[measure as Measure],
      measure === "costNanoUsd" ? usdText(figure) : Number(figure),
    ]),
  );
}

const percentNumber = (hundredths: bigint | undefined): number | null =>
  hundredths === undefined ? null : Number(hundredths) / 100;
