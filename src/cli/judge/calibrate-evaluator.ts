import { usdText } from "../../lib/usd.ts";
import { calibrationItemsMax } from "../../pipeline/judge/calibration/calibration-item.ts";
import { calibrationOf } from "../../pipeline/judge/calibration/calibration.ts";
import { openProgress } from "../cache/progress.ts";
import { CommandFailed } from "../gateway-client.ts";
import type { GatewayClient } from "../gateway-client.ts";
import { onInterrupt } from "../interrupt.ts";
import { dollarText, grouped } from "../table.ts";
import { calibrationItem, chooseAnchors, mismatch } from "./compared-verdicts.ts";
import { groupsOf } from "./groups.ts";
import { fetchEvaluator, fetchVerdict, judgePath } from "./judge-client.ts";
import type { JudgeEvaluator } from "./judge-client.ts";
import { judgeItems } from "./judge-items.ts";
import type { JudgeEnd, JudgeTally } from "./judge-items.ts";
import type { FileKind, LabelledItem } from "./labelled-item.ts";
import type { ReportRow } from "./report-text.ts";

export interface EvaluatorRun {
  readonly client: GatewayClient;
  readonly name: string;
  /** Undefined: the evaluator's own, or the gateway's. */
  readonly model: string | undefined;
  readonly kind: FileKind;
  readonly items: readonly LabelledItem[];
  readonly concurrency: number;
  readonly seed: number;
  readonly resamples: number;
  /** How many items are frozen; undefined where nothing is to be kept. */
  readonly anchors: number | undefined;
}

export interface EvaluatorReport {
  readonly evaluator: string;
  /** Null where nothing was judged. */
  readonly version: string | null;
  readonly model: string | null;
  readonly rows: readonly ReportRow[];
  readonly end: JudgeEnd;
  /** How many anchors are kept with the calibration; undefined where it was not kept. */
  readonly savedAnchors: number | undefined;
  /** Why it came to nothing, or could not be kept, though it should have been: what was paid for is reported all the same. */
  readonly fault: Error | undefined;
}

/** Has the gateway judge every item, and keeps what came of it there, if all of it did. */
export async function calibrateEvaluator(run: EvaluatorRun): Promise<EvaluatorReport> {
  const { model, seed, resamples } = run;
  const evaluator = await checkedEvaluator(run);
  const end = await judgeAll(run);
  const rows = groupsOf(end.items).map((group) => ({
    judge: "",
    group: group.name,
    report: calibrationOf({ evaluator, items: group.items.map(calibrationItem), seed, resamples }),
  }));
  const models = distinct(end.items.map(({ verdict }) => verdict?.model));
  const versions = distinct(end.items.map(({ verdict }) => verdict?.version));
  const report = {
    evaluator: evaluator.name,
    version: versions[0] ?? null,
    model: models[0] ?? model ?? null,
    rows,
    end,
    savedAnchors: undefined,
    fault: undefined,
  };
  if (end.how !== "finished") return report;
  // It says nothing of the judge, and would stand as its calibration.
  if (end.items.every(({ verdict }) => (verdict?.status ?? "failed") === "failed")) {
    return { ...report, fault: new CommandFailed("No item came to a verdict. Nothing was kept.") };
  }
  if (run.anchors === undefined || versions.length === 0) return report;
  try {
    return { ...report, savedAnchors: await save(run, end, { versions, models }) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { ...report, fault: error };
  }
}

interface JudgedBy {
  readonly versions: readonly string[];
  readonly models: readonly string[];
}

async function save(
  { client, name, anchors: count = 0, seed, resamples }: EvaluatorRun,
  { items }: JudgeEnd,
  { versions, models }: JudgedBy,
): Promise<number> {
  const [[version], [model]] = [versions, models];
  if (versions.length > 1 || models.length > 1) {
    throw new CommandFailed(
      `${name} was changed while it judged, so that the verdicts are not of one version (${versions.join(", ")}) and model (${models.join(", ")}). Nothing was kept.`,
    );
  }
  const anchors = chooseAnchors(items, count);
  const body = { version, model, items: items.map(calibrationItem), anchors, seed, resamples };
  await client.ask("POST", `${judgePath(name)}/calibrations`, body);
  return anchors.length;
}

/** Everything that can be wrong is, before the first call is paid for. */
async function checkedEvaluator({
  client,
  name,
  kind,
  items,
  anchors,
}: EvaluatorRun): Promise<JudgeEvaluator & { readonly isOrdinal: boolean }> {
  if (anchors !== undefined && items.length > calibrationItemsMax) {
    throw new CommandFailed(
      `A calibration that is kept has at most ${grouped(String(calibrationItemsMax))} items, and here are ${grouped(String(items.length))}. --limit takes fewer, --no-save keeps none.`,
    );
  }
  const evaluator = await fetchEvaluator(client, name);
  const wrong = mismatch(evaluator, kind, items);
  if (wrong !== undefined) throw new CommandFailed(wrong);
  return { ...evaluator, isOrdinal: evaluator.ordinal };
}

async function judgeAll({
  client,
  name,
  model,
  items,
  concurrency,
}: EvaluatorRun): Promise<JudgeEnd> {
  const progress = openProgress(process.stderr);
  const interruption = onInterrupt(() => {
    progress.note("Stopping when what runs has ended. Ctrl-C again stops at once.");
  });
  try {
    return await judgeItems({
      items,
      judge: ({ subject }) => fetchVerdict(client, { name, model, subject }),
      concurrency,
      signal: interruption.signal,
      onItem: (tally) => {
        progress.show(() => progressText(tally, items.length));
      },
    });
  } finally {
    progress.end();
    interruption.end();
  }
}

export function progressText({ judged, failed, nanoUsd }: JudgeTally, count: number): string {
  const wrong = failed === 0 ? "" : `, ${grouped(String(failed))} failed`;
  return `${grouped(String(judged))} of ${grouped(String(count))} judged${wrong}, ${dollarText(usdText(nanoUsd))}`;
}

const distinct = (values: readonly (string | undefined)[]): readonly string[] => [
  ...new Set(values.filter((value) => value !== undefined)),
];
