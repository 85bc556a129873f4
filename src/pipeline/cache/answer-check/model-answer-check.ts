import { randomBytes } from "node:crypto";

import { Failure } from "../../../errors.ts";
import { isJsonObject, type JsonObject } from "../../../lib/json-text.ts";
import type {
  AnswerCheck,
  AnswerCheckRefusal,
  AnswerPair,
  AnswerVerdict,
} from "../answer-check.ts";
import { answerCharactersMax, checkRequest, verdictWords } from "./check-prompt.ts";
import { isSameText, withFreeVerdicts } from "./free-verdicts.ts";

/** A request for a chat which the gateway makes itself, and what it cost. */
export interface ModelQuestion {
  readonly tenantId: string;
  readonly learningBudgetNanoUsd: number;
  readonly body: JsonObject;
  readonly signal: AbortSignal;
}

export interface ModelAnswerCheckOptions {
  /** Rejects with `budget_exceeded` or `rate_limit_exceeded` once the tenant's learning budget is spent. */
  readonly ask: (question: ModelQuestion) => Promise<{ value: JsonObject; nanoUsd: number }>;
  readonly model: string;
  /** In [0, 1): which answer comes first, since models prefer one place. */
  readonly random: () => number;
}

/** Compares answers by asking a model, and for free where they are the same word for word. Never rejects. */
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
  pair: AnswerPair,
  { ask, model, random }: ModelAnswerCheckOptions,
): Promise<AnswerVerdict | AnswerCheckRefusal> {
  const { tenantId, learningBudgetNanoUsd, signal } = pair;
  const body = checkRequest(model, { ...orderOf(pair, random), nonce: freshNonce() });
  try {
    const { value, nanoUsd } = await ask({ tenantId, learningBudgetNanoUsd, body, signal });
    const isSame = readVerdict(value);
    return isSame === undefined ? { refused: "unclear", nanoUsd } : { isSame, nanoUsd };
  } catch (thrown) {
    return { refused: isSpent(thrown) ? "budget" : "unavailable" };
  }
}

function orderOf(
  { question, cached, fresh }: AnswerPair,
  random: () => number,
): { readonly question: string; readonly first: string; readonly second: string } {
  return random() < 0.5
    ? { question, first: cached, second: fresh }
    : { question, first: fresh, second: cached };
}

const isDifferenceCut = ({ cached, fresh }: AnswerPair): boolean =>
  Math.max(cached.length, fresh.length) > answerCharactersMax && !isSameText(cached, fresh);

const freshNonce = (): string => randomBytes(9).toString("hex");

const isSpent = (thrown: unknown): boolean =>
  thrown instanceof Failure &&
  (thrown.kind === "budget_exceeded" || thrown.kind === "rate_limit_exceeded");

/** What a completion says, if it is one of the two words and nothing else; a full stop is forgiven. */
export function readVerdict(completion: JsonObject): boolean | undefined {
  const { choices } = completion;
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const message = isJsonObject(first) ? first["message"] : undefined;
  const content = isJsonObject(message) ? message["content"] : undefined;
  if (typeof content !== "string") return undefined;
  const word = content.trim().replace(/\.$/, "").toUpperCase();
  if (word === verdictWords.same) return true;
  return word === verdictWords.different ? false : undefined;
}
