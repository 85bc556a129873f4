import type { EvaluatorInput } from "../../../config/judge-config.ts";
import type { Evaluator, EvaluatorLabel, EvaluatorParameters } from "./evaluator.ts";

export interface FoundEvaluator {
  readonly evaluator: Evaluator;
  readonly version: string;
  /** Of stored ones. */
  readonly createdAtMs: number | undefined;
}

/** An evaluator of an operator's own, made of the fields that `sentinel.yaml` and the admin API share. */
export function toEvaluator(
  name: string,
  input: EvaluatorInput,
  source: Exclude<Evaluator["source"], "built-in">,
): Evaluator {
  const { scale, labels = [], ordinal = false, model } = input;
  return {
    name,
    subject: input.subject,
    instructions: input.instructions,
    labels: scale === undefined ? labels : ratings(scale),
    isOrdinal: scale !== undefined || ordinal,
    ...(model === undefined ? {} : { model }),
    parameters: parametersOf(input),
    source,
  };
}

function parametersOf(input: EvaluatorInput): EvaluatorParameters {
  const { samples = 1, reason = true, logprobs = true } = input;
  return {
    // Several answers at 0 would be one answer, several times.
    temperature: input.temperature ?? (samples > 1 ? 1 : 0),
    maxTokens: input.max_tokens ?? (reason ? reasonedTokens : bareTokens),
    samples,
    logprobs,
    reason,
  };
}

/** Some sentences and the verdict. */
const reasonedTokens = 500;
/** The verdict alone. */
const bareTokens = 50;

/** Every rating of a scale, the worst first, evenly from 0 to 1. One without an anchor lies between its neighbours. */
function ratings({ min, max, anchors }: NonNullable<EvaluatorInput["scale"]>): EvaluatorLabel[] {
  return Array.from({ length: max - min + 1 }, (_, at) => ({
    label: String(min + at),
    score: sixDigits(at / (max - min)),
    description: anchors[String(min + at)] ?? "Between the ratings beside it.",
  }));
}

const sixDigits = (score: number): number => Math.round(score * 1_000_000) / 1_000_000;
