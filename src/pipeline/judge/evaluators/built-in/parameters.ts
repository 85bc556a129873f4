import type { EvaluatorParameters } from "../evaluator.ts";

/**
 * Of a judge that gives its reasons: the same reply each time as far as the model can, and room for four sentences in any
 * language. One answer, since others at temperature 0 would be the same again.
 */
export const reasoned: EvaluatorParameters = {
  temperature: 0,
  maxTokens: 800,
  samples: 1,
  logprobs: true,
  reason: true,
};

/** Of a judge that says one word: room for it also where a tokenizer cuts it up. */
export const oneWord: EvaluatorParameters = {
  temperature: 0,
  maxTokens: 8,
  samples: 1,
  logprobs: false,
  reason: false,
};
