/** Two answers to one question, of which one was given to another way of asking it. */
export interface AnswerPair {
  readonly tenantId: string;
  /** What all of this tenant's checks together may cost in a calendar month. */
  readonly learningBudgetNanoUsd: number;
  /** As it was asked now. */
  readonly question: string;
  /** What would have been served from the cache. */
  readonly cached: string;
  /** What the provider said now. */
  readonly fresh: string;
  readonly signal: AbortSignal;
}

export interface AnswerVerdict {
  /** They say the same in answer to the question. */
  readonly isSame: boolean;
  readonly nanoUsd: number;
}

export interface AnswerCheckRefusal {
  /**
   * `budget`: the tenant's checks have cost what they may. `unavailable`: nobody answered. `unclear`: what came was no
   * verdict, though it may have cost something. `withheld`: it would have been free while others get no verdict.
   */
  readonly refused: "budget" | "unavailable" | "unclear" | "withheld";
  readonly nanoUsd?: number;
}

/**
 * Says whether two answers are the same, for the semantic tier's labels: its bound is no better than this judge. Whatever
 * it fails for has to have nothing to do with what the verdict would have been.
 */
export interface AnswerCheck {
  same(pair: AnswerPair): Promise<AnswerVerdict | AnswerCheckRefusal>;
}
