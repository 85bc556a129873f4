import type { Context } from "hono";

import { Failure } from "../../../errors.ts";
import { judgedOf } from "../../../pipeline/judge/calibration/anchor.ts";
import type { FoundEvaluator } from "../../../pipeline/judge/evaluators/evaluator-definition.ts";
import type { AppEnv } from "../../context.ts";
import { readAdminJson } from "../../read-admin-json.ts";
import { evaluateSchema } from "./judge-fields.ts";
import type { JudgeRoutesDeps } from "./judge-deps.ts";
import { presentVerdict } from "./present-judge.ts";

/** At the bound a text is refused, and whoever sent it may try again. */
const runningMax = 32;
const retryAfterMs = 1_000;

/** `POST /admin/v1/judges/{name}/evaluate`: judges one text and says what came of it. It is kept nowhere. */
export function evaluateNow({
  evaluate,
  defaultModel,
}: Pick<JudgeRoutesDeps, "evaluate" | "defaultModel">) {
  let running = 0;
  return async (c: Context<AppEnv>, found: FoundEvaluator): Promise<Response> => {
    const { model: asked, subject } = await readAdminJson(c, evaluateSchema);
    if (subject.kind !== found.evaluator.subject) throw otherSubject(found, "subject.kind");
    const model = modelFor(found, asked, defaultModel);
    if (running >= runningMax) {
      const message = `${runningMax} texts are being judged already. Send fewer at once.`;
      throw new Failure("overloaded", message, { retryAfterMs });
    }
    running += 1;
    try {
      const judging = { ...found, model, judged: judgedOf(subject) };
      const verdict = await evaluate(judging, c.req.raw.signal);
      return c.json(presentVerdict(found, model, verdict));
    } finally {
      running -= 1;
    }
  };
}

/** Throws `invalid_value`: a version that names its model is not that version with another one. */
function modelFor(
  { evaluator }: FoundEvaluator,
  asked: string | undefined,
  defaultModel: string | undefined,
): string {
  const { name, model: own } = evaluator;
  if (own !== undefined && asked !== undefined && asked !== own) {
    const message = `The evaluator ${name} is judged by ${own}. Leave model out, or create one without a model.`;
    throw new Failure("invalid_value", message, { param: "model" });
  }
  const model = asked ?? own ?? defaultModel;
  if (model !== undefined) return model;
  const message = `model is missing: the evaluator ${name} names none, and SENTINEL_JUDGE_MODEL is not set.`;
  throw new Failure("invalid_value", message, { param: "model" });
}

/** For texts of the wrong kind. */
export function otherSubject({ evaluator }: FoundEvaluator, param: string): Failure {
  const { name, subject } = evaluator;
  const what =
    subject === "pair" ? "pairs: question, first and second" : "answers: question and answer";
  return new Failure("invalid_value", `The evaluator ${name} judges ${what}.`, { param });
}
