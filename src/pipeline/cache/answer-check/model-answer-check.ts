import { Failure } from "../../../errors.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { Ask } from "../../judge/asking/ask-judge.ts";
import { answerEquivalence } from "../../judge/evaluators/built-in/pairs.ts";
import { judge } from "../../judge/asking/judge.ts";
import type { JudgeTools } from "../../judge/asking/judge.ts";
import { charactersMax } from "../../judge/asking/prompt.ts";
import type { CallSpend } from "../../judge/asking/spend.ts";
import type { FailedVerdict, Verdict } from "../../judge/asking/verdict.ts";
import type {
  AnswerCheck,
  AnswerCheckRefusal,
  AnswerPair,
  AnswerVerdict,
} from "../answer-check.ts";
import { isSameText, withFreeVerdicts } from "./free-verdicts.ts";

/** A request for a chat which the gateway makes itself. */
export interface ModelQuestion {
  readonly tenantId: string;
  readonly learningBudgetNanoUsd: number;
  readonly body: JsonObject;
  readonly signal: AbortSignal;
  /** To be told what it came to. */
  readonly noteSpend: (spend: CallSpend) => void;
}

export interface ModelAnswerCheckOptions extends JudgeTools {
  /**
   * Resolves to the completion (`value`). Rejects with `budget_exceeded` or `rate_limit_exceeded` once the tenant's learning budget
   * is spent.
   */
  readonly ask: (question: ModelQuestion) => Promise<{ readonly value: JsonObject }>;
  readonly model: string;
}

/**
 * Compares answers by the evaluator `answer-equivalence`, and for free where they are the same word for word. One order is
 * asked, left to chance: an error of the judge's is counted by the tier's bound, which a second call would not lower. Never
 * rejects.
 */
export function modelAnswerCheck(options: ModelAnswerCheckOptions): AnswerCheck {
  const check = withFreeVerdicts({ same: (pair) => askModel(pair, options) });
  return {
    async same(pair) {
      // The model could not see where they differ, and doubt is a no.
      return isDifferenceCut(pair) ? { isSame: false, nanoUsd: 0 } : check.same(pair);
    },
  };
}

async function askModel(
  { tenantId, learningBudgetNanoUsd, question, cached, fresh, signal }: AnswerPair,
  { ask, model, ...tools }: ModelAnswerCheckOptions,
): Promise<AnswerVerdict | AnswerCheckRefusal> {
  let isBudgetSpent = false;
  const askInBudget: Ask = async (asked) => {
    try {
      return await ask({ tenantId, learningBudgetNanoUsd, ...asked });
    } catch (thrown) {
      isBudgetSpent = isSpent(thrown);
      throw thrown;
    }
  };
  const verdict = await judge(
    {
      evaluator: answerEquivalence,
      model,
      judged: { subject: "pair", question, first: cached, second: fresh },
      orders: "one",
      ask: askInBudget,
      signal,
    },
    tools,
  );
  return verdict.kind === "failed" ? refusalOf(verdict, isBudgetSpent) : verdictOf(verdict);
}

const verdictOf = ({ label, spend }: Exclude<Verdict, FailedVerdict>): AnswerVerdict => ({
  isSame: label === "same",
  nanoUsd: spend.nanoUsd,
});

function refusalOf({ failure, spend }: FailedVerdict, isBudgetSpent: boolean): AnswerCheckRefusal {
  const isUnclear = failure === "invalid_output" || failure === "refused";
  const unasked = isBudgetSpent ? "budget" : "unavailable";
  return { refused: isUnclear ? "unclear" : unasked, nanoUsd: spend.nanoUsd };
}

const isDifferenceCut = ({ cached, fresh }: AnswerPair): boolean =>
  Math.max(cached.length, fresh.length) > charactersMax.pairAnswer && !isSameText(cached, fresh);

/** A provider's own 429 is another matter. */
const isSpent = (thrown: unknown): boolean =>
  thrown instanceof Failure &&
  (thrown.kind === "budget_exceeded" || thrown.kind === "rate_limit_exceeded");
