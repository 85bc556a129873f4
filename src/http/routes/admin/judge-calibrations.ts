import type { Context } from "hono";

import { Failure } from "../../../errors.ts";
import { newId } from "../../../lib/ids.ts";
import { itemOf } from "../../../pipeline/judge/calibration/anchor.ts";
import type { Anchor } from "../../../pipeline/judge/calibration/anchor.ts";
import { calibrationOf } from "../../../pipeline/judge/calibration/calibration.ts";
import { anchorsJudged } from "../../../pipeline/judge/calibration/drift.ts";
import type { FoundEvaluator } from "../../../pipeline/judge/evaluators/evaluator-definition.ts";
import type { StoredCalibration } from "../../../pipeline/judge/evaluators/judge-store.ts";
import type { AppEnv } from "../../context.ts";
import type { Page } from "../../cursor-page.ts";
import { readAdminJson } from "../../read-admin-json.ts";
import { calibrateSchema } from "./judge-fields.ts";
import { otherSubject } from "./judge-now.ts";
import type { JudgeRoutesDeps } from "./judge-deps.ts";
import { presentCalibration } from "./present-judge.ts";

type Deps = Pick<
  JudgeRoutesDeps,
  "store" | "evaluators" | "clock" | "onJudgesChanged" | "onChange"
>;

/** Every calibration of the evaluator that is kept, of whatever version and model, the newest first. */
export async function listCalibrations(
  c: Context<AppEnv>,
  name: string,
  { store }: Deps,
): Promise<Response> {
  const calibrations = await store.listCalibrations(name);
  const runs = await store.listAnchorRuns(calibrations.map(({ id }) => id));
  const page: Page<object> = {
    object: "list",
    data: calibrations.map((calibration, at) =>
      presentCalibration({ calibration, runs: runs[at] ?? [] }),
    ),
    has_more: false,
    next_cursor: null,
  };
  return c.json(page);
}

/** Works out how well the judge did, and keeps that with its anchors. */
export async function addCalibration(
  c: Context<AppEnv>,
  name: string,
  deps: Deps,
): Promise<Response> {
  const body = await readAdminJson(c, calibrateSchema);
  const { version, model, items, anchors, seed } = body;
  const found = deps.evaluators.find(`${name}@${version}`);
  if (found === undefined) {
    const message = `There is no version ${version} of the evaluator ${name} any more. Judge the items again.`;
    throw new Failure("invalid_value", message, { param: "version" });
  }
  requireSameModel(found, model);
  requireSameSubject(found, anchors);
  const { evaluator } = found;
  const resamples = Math.min(body.resamples ?? resamplesDefault, resamplesFor(items.length));
  const report = calibrationOf({ evaluator, items, resamples, seed });
  const calibration: StoredCalibration = {
    id: newId(),
    evaluator: name,
    version,
    model,
    report,
    anchors: anchors.length === 0 ? null : frozen(found, anchors),
    createdAtMs: deps.clock.epochMs(),
  };
  await deps.store.putCalibration(calibration, anchors);
  await deps.onJudgesChanged();
  const subject = `${name}@${version} ${model}`;
  deps.onChange?.({ action: "judge.calibrated", by: "platform", subject });
  return c.json(presentCalibration({ calibration, runs: [] }), 201);
}

const resamplesDefault = 2_000;

/** So many draws take some 25 ms, in which nobody else is answered. The report says how many it was. */
const drawsMax = 400_000;
const resamplesMin = 100;

const resamplesFor = (items: number): number =>
  Math.max(resamplesMin, Math.floor(drawsMax / items));

const frozen = ({ evaluator }: FoundEvaluator, anchors: readonly Anchor[]) => ({
  count: anchors.length,
  kappa: anchorsJudged(evaluator, anchors.map(itemOf)).kappa,
});

function requireSameModel({ evaluator }: FoundEvaluator, model: string): void {
  if (evaluator.model === undefined || evaluator.model === model) return;
  const message = `This version of the evaluator ${evaluator.name} is judged by ${evaluator.model}.`;
  throw new Failure("invalid_value", message, { param: "model" });
}

function requireSameSubject(found: FoundEvaluator, anchors: readonly Anchor[]): void {
  const stranger = anchors.findIndex(({ subject }) => subject.kind !== found.evaluator.subject);
  if (stranger !== -1) throw otherSubject(found, `anchors[${stranger}].subject.kind`);
}
