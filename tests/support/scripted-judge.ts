import type { JsonObject } from "../../src/lib/json-text.ts";
import type { Ask } from "../../src/pipeline/judge/asking/ask-judge.ts";
import type {
  Evaluator,
  JudgedAnswer,
  JudgedPair,
} from "../../src/pipeline/judge/evaluators/evaluator.ts";
import { judge } from "../../src/pipeline/judge/asking/judge.ts";
import type { JudgeTask } from "../../src/pipeline/judge/asking/judge.ts";
import { modelLimits } from "../../src/pipeline/judge/asking/model-limits.ts";
import type { ModelLimits } from "../../src/pipeline/judge/asking/model-limits.ts";
import type { Verdict } from "../../src/pipeline/judge/asking/verdict.ts";
import { seededRandom } from "./seeded-random.ts";

export const callCost = { nanoUsd: 42, inputTokens: 300, outputTokens: 20 } as const;

/** What a judge model does when it is asked for the nth time, from 0: a completion, or a throw. */
export type JudgeScript = (body: JsonObject, index: number) => JsonObject | Promise<JsonObject>;

export interface ScriptedJudge {
  readonly asked: readonly JsonObject[];
  run(task?: Partial<JudgeTask>): Promise<Verdict>;
}

/** `judge` with a scripted model; each completion costs `callCost`. */
export function scriptedJudge(
  script: JudgeScript,
  limits: ModelLimits = modelLimits(),
): ScriptedJudge {
  const asked: JsonObject[] = [];
  let nonces = 0;
  const ask: Ask = async ({ body, noteSpend }) => {
    asked.push(body);
    const value = await script(body, asked.length - 1);
    noteSpend(callCost);
    return { value };
  };
  const random = seededRandom(1);
  const nonce = (): string => `nonce${(nonces += 1)}`;
  const { signal } = new AbortController();
  return {
    asked,
    run: (task = {}) =>
      judge(
        { evaluator: rating, model: "small-judge", judged: anAnswer, ask, signal, ...task },
        { limits, random, nonce },
      ),
  };
}

export const rating: Evaluator = {
  name: "clarity",
  subject: "answer",
  instructions: "Whether the answer is clear.",
  labels: [
    { label: "1", score: 0, description: "Not at all." },
    { label: "2", score: 0.5, description: "So so." },
    { label: "3", score: 1, description: "Wholly." },
    { label: "not_applicable", score: null, description: "There is nothing to be clear about." },
  ],
  isOrdinal: true,
  parameters: { temperature: 0, maxTokens: 300, samples: 1, logprobs: true, reason: true },
  source: "admin",
};

export const anAnswer: JudgedAnswer = {
  subject: "answer",
  system: "You sell maps.",
  conversation: "user: Hello\n\nassistant: Hi!",
  question: "How far is it?",
  answer: "Two miles.",
};

export const aPair: JudgedPair = {
  subject: "pair",
  question: "How far is it?",
  first: "Two miles.",
  second: "Far.",
};

/** A whole completion with this content. */
export const says = (content: unknown, more: object = {}): JsonObject => ({
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop", ...more }],
});

export const verdictOf = (label: unknown, reason: unknown = "It is plain."): JsonObject =>
  says(JSON.stringify({ reason, label }));

/** A token with its alternatives, as OpenAI tells them. */
export const token = (text: string, top: Readonly<Record<string, number>> = {}): JsonObject => ({
  token: text,
  logprob: Math.log(top[text] ?? 1),
  bytes: [...Buffer.from(text)],
  top_logprobs: Object.entries(top).map(([name, probability]) => ({
    token: name,
    logprob: Math.log(probability),
    bytes: [...Buffer.from(name)],
  })),
});

/** A completion whose content is these tokens. */
export const saysTokens = (tokens: readonly JsonObject[]): JsonObject =>
  says(tokens.map((each) => String(each["token"])).join(""), { logprobs: { content: tokens } });

/** The last message: what is to be judged, or what was wrong with a verdict. */
export const materialIn = (body: JsonObject | undefined): string => {
  const messages = body?.["messages"] as readonly { readonly content: string }[] | undefined;
  return messages?.at(-1)?.content ?? "";
};
