import type { AuditAmendment } from "../../../pipeline/audit/entry.ts";
import { countEvaluation } from "../../../pipeline/judge/scores/count-evaluation.ts";
import type { JudgeCount } from "../../../pipeline/judge/scores/count-evaluation.ts";
import { evaluatorsPerDayMax, judgeSums } from "../../../pipeline/judge/scores/judge-sums.ts";
import { readScript } from "../script.ts";
import type { ScriptArgument } from "../script.ts";
import { judgeCodes, judgeFieldsMax } from "./judge-fields.ts";
import { bookKeys } from "./keys.ts";
import { namePart } from "./name-part.ts";
import type { ScriptCall } from "./settle-call.ts";
import { otherModel } from "./usage-fields.ts";
import type { Window } from "./window.ts";

const putAmendment = readScript(new URL("put-amendment.lua", import.meta.url), [
  new URL("sums.lua", import.meta.url),
]);

export interface AmendmentToPut {
  readonly amendment: AuditAmendment;
  readonly text: string;
  /** When its request began. */
  readonly startMs: number;
}

/** Keeps an amendment with its request, and counts evaluations and feedback. Its ids and its tenant are checked. */
export function amendmentCall(
  { amendment, text, startMs }: AmendmentToPut,
  window: Window,
): ScriptCall {
  const { id, request_id: requestId, tenant } = amendment;
  const { amendments, records, index, usage, judge } = bookKeys(tenant, startMs);
  const count = countEvaluation(amendment);
  return {
    script: putAmendment,
    keys: [amendments, records, index, usage, judge],
    args: [
      `${requestId}|${id}|${text}`,
      id,
      window.guardEnd(startMs),
      window.recordsExpiry(startMs),
      window.usageExpiry(startMs),
      ...(count === undefined ? [] : countArguments(count)),
    ],
  };
}

function countArguments(count: JudgeCount): ScriptArgument[] {
  const [key, provider] = [namePart(count.key), namePart(count.provider)];
  const [model, served] = [namePart(count.model), namePart(count.servedModel)];
  const [version, judgeModel] = [namePart(count.version), namePart(count.judgeModel)];
  return [
    `${key}|${model}|${served}|${provider}|`,
    `|${version}|${judgeModel}|`,
    `${key}|${otherModel}|${otherModel}|${provider}|`,
    `|${otherModel}|${otherModel}|`,
    namePart(count.evaluator),
    evaluatorsPerDayMax,
    judgeFieldsMax,
    ...judgeSums.flatMap((sum) => {
      const amount = count.sums[sum];
      return amount === undefined ? [] : [judgeCodes[sum], amount];
    }),
  ];
}
