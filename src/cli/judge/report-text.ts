import type {
  CalibrationReport,
  KappaReport,
} from "../../pipeline/judge/calibration/calibration-report.ts";
import { grouped, table } from "../table.ts";
import type { Column } from "../table.ts";

/** What somebody came to for a group of the items. */
export interface ReportRow {
  /** Who judged; empty where it is only one. */
  readonly judge: string;
  readonly group: string;
  readonly report: CalibrationReport;
}

/** A row a judge and group, and below it how the figures are meant. */
export function reportText(rows: readonly ReportRow[]): string {
  return [table(columns, rows), "", ...legend(rows)].join("\n");
}

const columns: readonly Column<ReportRow>[] = [
  { title: "JUDGE", text: ({ judge }) => judge },
  { title: "GROUP", text: ({ group }) => group },
  { title: "ITEMS", text: ({ report }) => grouped(String(report.items)), isNumber: true },
  { title: "FAILED", text: ({ report }) => counted(report.failed), isNumber: true },
  {
    title: "NOT APPLICABLE",
    text: ({ report: { not_applicable: not } }) => counted(not.both + not.human + not.judge),
    isNumber: true,
  },
  { title: "UNDECIDED", text: ({ report }) => counted(report.undecided), isNumber: true },
  { title: "ACCURACY", text: ({ report }) => decimal(report.accuracy), isNumber: true },
  { title: "KAPPA [95 %]", text: ({ report }) => kappaText(report.kappa), isNumber: true },
  {
    title: "ORDERS AGREE [95 %]",
    text: ({ report: { position } }) =>
      position === null ? "" : withInterval(position.agreement, position),
    isNumber: true,
  },
  {
    title: "FIRST PREFERRED",
    text: ({ report }) => decimal(report.position?.first_shown_preferred),
    isNumber: true,
  },
  {
    title: "LONGER PREFERRED",
    text: ({ report: { length } }) =>
      beside(length?.judge_prefers_longer, length?.human_prefers_longer),
    isNumber: true,
  },
  {
    title: "MEAN SCORE",
    text: ({ report: { scores, position } }) =>
      position === null ? beside(scores?.judge_mean, scores?.human_mean) : "",
    isNumber: true,
  },
  {
    title: "SCORE-LENGTH",
    text: ({ report: { length } }) => beside(length?.judge_correlation, length?.human_correlation),
    isNumber: true,
  },
];

const counted = (count: number): string => (count === 0 ? "" : grouped(String(count)));

/** Three digits; what rounds to nothing has no sign. */
function decimal(value: number | null | undefined): string {
  if (value === null || value === undefined) return "";
  const text = value.toFixed(3);
  return text === "-0.000" ? "0.000" : text;
}

const withInterval = (
  value: number | null,
  { low, high }: { readonly low: number | null; readonly high: number | null },
): string =>
  low === null || high === null
    ? decimal(value)
    : `${decimal(value)} [${decimal(low)}, ${decimal(high)}]`;

const kappaText = (kappa: KappaReport): string =>
  kappa.value === null ? "undefined" : withInterval(kappa.value, kappa);

/** The judge's, and in brackets what it is to be held against: the humans'. */
const beside = (judge: number | null | undefined, human: number | null | undefined): string =>
  judge === null || judge === undefined
    ? ""
    : `${decimal(judge)}${human === null || human === undefined ? "" : ` (${decimal(human)})`}`;

function legend(rows: readonly ReportRow[]): readonly string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const { resamples, seed } = first.report;
  const reports = rows.map(({ report }) => report);
  const kappa = `Kappa is Cohen's${reports.some(({ weighting }) => weighting === "quadratic") ? ", with quadratic weights" : ""}; its interval is by bootstrap (${grouped(String(resamples))} resamples, seed ${seed}).`;
  const isPaired = reports.some(({ position }) => position !== null && position.pairs > 0);
  return [
    kappa,
    ...(isPaired
      ? [
          "Accuracy counts both orders; kappa is of the order as the file has it (--json has others).",
        ]
      : []),
    ...(reports.some(({ length, scores }) => length !== null || scores !== null)
      ? ["In round brackets: the same of the people's own verdicts."]
      : []),
    ...(reports.some((report) => report.kappa.value === null)
      ? ["Kappa is undefined where both sides only ever say one label, or nothing can be compared."]
      : []),
  ];
}
