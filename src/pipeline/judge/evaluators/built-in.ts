import { refusalCorrectness, toxicity } from "./built-in/categories.ts";
import { answerEquivalence, pairwisePreference } from "./built-in/pairs.ts";
import { faithfulness, helpfulness, instructionFollowing, relevance } from "./built-in/ratings.ts";
import type { Evaluator } from "./evaluator.ts";

/** Those that come with Sentinel. Their names cannot be taken by an operator's own. */
export const builtInEvaluators: readonly Evaluator[] = [
  relevance,
  faithfulness,
  helpfulness,
  instructionFollowing,
  refusalCorrectness,
  toxicity,
  answerEquivalence,
  pairwisePreference,
];
