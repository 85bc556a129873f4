import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

import { bootstrapDefaults } from "../../lib/statistics/bootstrap.ts";
import { usdText } from "../../lib/usd.ts";
import { anchorsMax } from "../../pipeline/judge/calibration/anchor.ts";
import { calibrationOf } from "../../pipeline/judge/calibration/calibration.ts";
import { readLines } from "../cache/read-lines.ts";
import { command, connect, printJson, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { CommandFailed } from "../gateway-client.ts";
import { openFile, unreadable } from "../input-file.ts";
import { calibrateEvaluator, progressText } from "../judge/calibrate-evaluator.ts";
import type { EvaluatorReport } from "../judge/calibrate-evaluator.ts";
import { groupsOf } from "../judge/groups.ts";
import type { FileKind, LabelledItem } from "../judge/labelled-item.ts";
import { readLabelled, spread } from "../judge/read-labelled.ts";
import { recordedItems, recordedScale, recordersOf } from "../judge/recorded.ts";
import { reportText } from "../judge/report-text.ts";
import type { ReportRow } from "../judge/report-text.ts";
import { positiveNumber, wholeNumber } from "../option-values.ts";

interface CalibrateOptions extends JsonOption {
  readonly evaluator?: string;
  readonly model?: string;
  readonly only?: string;
  readonly limit?: number;
  readonly seed: number;
  readonly resamples: number;
  readonly concurrency: number;
  readonly anchors: number;
  readonly save: boolean;
}

const explanation = `
Each line of the file is one of, all of one kind:
  {"question": "…", "answer": "…", "human_label": "4"}
      one answer, with a label of the evaluator; or with "human_score": 0.75 or "human_scores": [1, 0, 1].
      More fields: "system", "context", "reference". "question" may also be "instruction", "objective" or
      "input"; "answer" may be "response" or "output"; "human_label" may be "label".
  {"instruction": "…", "output_1": "…", "output_2": "…", "human_label": 1}
      which of two is better: 1, 2 or "tie".
  {"question": "…", "answer_1": "…", "answer_2": "…", "human_label": "same"}
      whether two answers say the same: "same" or "different".
With an "id" as "group/part#7", each group and part has figures of its own.

Without --evaluator nothing is asked: the figures are of verdicts that the file has under "recorded", as
  {"recorded": {"gpt-4": {"swap=False": "1", "swap=True": "2"}}}      of pairs, by the output that won
  {"recorded": {"gpt-4": "3"}}                                        of anything

With --evaluator the running gateway judges each item, which is paid for. What came of it is kept there,
without texts: reports of scores are corrected by it. Some items are kept with their texts (--anchors), to be
judged again each day; that shows when a model has changed behind its name. Ctrl-C lets finish what runs.`;

/** `sentinel judge calibrate`: how well a judge agrees with people. */
export function calibrateCommand(context: CliContext): Command {
  const made = command("calibrate", "hold a judge's verdicts against those of people, from a file")
    .argument("<file>", "one text with people's verdict a line; - for what comes in on stdin")
    .option("--evaluator <name>", "who is to judge; if not given, what the file has recorded")
    .option("--model <name>", "which model judges; if not given, the evaluator's, or the gateway's")
    .option("--only <prefix>", "only items whose id begins so")
    .option("--limit <count>", "so many items, from all over the file", positiveNumber)
    .option("--seed <number>", "of the resampling", seed, bootstrapDefaults.seed)
    .option(
      "--resamples <count>",
      "for the intervals of kappa",
      resamples,
      bootstrapDefaults.resamples,
    )
    .option("--concurrency <count>", "items at the same time", concurrency, concurrencyDefault)
    .option("--anchors <count>", `items to judge again each day, up to ${anchorsMax}`, anchors, 100)
    .option("--no-save", "keep nothing in the gateway")
    .addHelpText("after", explanation)
    .action((file: string, options: CalibrateOptions) => calibrate(context, file, options));
  return withExamples(
    made,
    "sentinel judge calibrate pairs.jsonl",
    "sentinel judge calibrate pairs.jsonl --evaluator pairwise-preference --model gpt-4o-mini --limit 100",
  );
}

const concurrencyDefault = 4;
const lineBytesMax = 4 * 1024 * 1024;

const upTo =
  (max: number, read: (text: string) => number) =>
  (text: string): number => {
    const number = read(text);
    if (number <= max) return number;
    throw new InvalidArgumentError(`It must be ${max} or less.`);
  };
/** The gateway refuses more. */
const concurrency = upTo(32, positiveNumber);
const anchors = upTo(anchorsMax, wholeNumber);
const seed = upTo(4_294_967_295, wholeNumber);

/** Fewer are no interval, and more show nothing more. As the gateway takes them. */
function resamples(text: string): number {
  const number = upTo(10_000, wholeNumber)(text);
  if (number >= 100) return number;
  throw new InvalidArgumentError("It must be 100 or more.");
}

async function calibrate(
  context: CliContext,
  file: string,
  options: CalibrateOptions,
): Promise<void> {
  const { kind, items } = await itemsOf(context, file, options);
  if (options.evaluator !== undefined) {
    await reportEvaluator(context, file, { ...options, kind, items, name: options.evaluator });
  } else {
    reportRecorded(context, file, { ...options, kind, items });
  }
}

async function itemsOf(
  { note }: CliContext,
  file: string,
  { only = "", limit = Number.POSITIVE_INFINITY }: CalibrateOptions,
): Promise<{ readonly kind: FileKind; readonly items: readonly LabelledItem[] }> {
  const source = openFile(file);
  let read;
  try {
    read = await readLabelled(readLines(source, lineBytesMax), only);
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    source.destroy();
  }
  const { kind, items, problems } = read;
  for (const problem of problems) note(problem);
  if (problems.length > 0) throw new CommandFailed(`${file} cannot be used as it is.`);
  if (kind === undefined) throw new CommandFailed(`${file} has no items.`);
  if (items.length === 0) throw new CommandFailed(`No id of ${file} begins with ${only}.`);
  return { kind, items: spread(items, limit) };
}

interface Asked extends CalibrateOptions {
  readonly kind: FileKind;
  readonly items: readonly LabelledItem[];
}

function reportRecorded(
  context: CliContext,
  file: string,
  { kind, items, seed: first, resamples: count, json }: Asked,
): void {
  const recorders = recordersOf(items);
  if (recorders.length === 0) {
    throw new CommandFailed(
      `${file} has no recorded verdicts. --evaluator names who is to judge its items.`,
    );
  }
  const evaluator = recordedScale(kind, items);
  const rows = recorders.flatMap((judge) =>
    groupsOf(items.filter(({ recorded }) => recorded.has(judge))).map(
      ({ name: group, items: some }): ReportRow => {
        const judged = recordedItems(some, judge, evaluator);
        const report = calibrationOf({ evaluator, items: judged, seed: first, resamples: count });
        return { judge, group, report };
      },
    ),
  );
  if (json === true) printJson(context, { file, items: items.length, reports: rows });
  else context.print(reportText(rows));
}

async function reportEvaluator(
  context: CliContext,
  file: string,
  { save, anchors: count, json, ...asked }: Asked & { readonly name: string },
): Promise<void> {
  const client = await connect(context);
  const report = await calibrateEvaluator({
    ...asked,
    client,
    model: asked.model,
    anchors: save ? count : undefined,
  });
  if (json === true) printJson(context, evaluatorJson(file, report));
  else context.print(evaluatorText(report, asked.items.length));
  const { how, why } = report.end;
  if (report.fault !== undefined) throw report.fault;
  if (how === "stopped") throw why;
  if (how === "interrupted") {
    throw new CommandFailed(
      "Interrupted: the figures are of what was judged, and nothing was kept.",
    );
  }
}

function evaluatorJson(file: string, report: EvaluatorReport): unknown {
  const { end, rows } = report;
  return {
    file,
    evaluator: report.evaluator,
    version: report.version,
    model: report.model,
    ended: end.how,
    judged: end.judged,
    failed: end.failed,
    failures: Object.fromEntries(end.failures),
    cost_usd: usdText(end.nanoUsd),
    cost_nano_usd: end.nanoUsd,
    saved: report.savedAnchors !== undefined,
    anchors: report.savedAnchors ?? 0,
    reports: rows.map(({ group, report: figures }) => ({ group, report: figures })),
  };
}

function evaluatorText(report: EvaluatorReport, count: number): string {
  const { end, rows, evaluator, version, model, savedAnchors } = report;
  const who = `${evaluator}${version === null ? "" : `@${version}`}${model === null ? "" : ` by ${model}`}`;
  const failures = [...end.failures].map(([name, times]) => `${name} ${times}`).join(", ");
  return [
    `${who}: ${progressText(end, count)}${failures === "" ? "" : ` (${failures})`}.`,
    ...(end.judged === 0 ? [] : ["", reportText(rows)]),
    ...(savedAnchors === undefined
      ? []
      : ["", `Kept in the gateway, with ${savedAnchors} items to judge again each day.`]),
  ].join("\n");
}
