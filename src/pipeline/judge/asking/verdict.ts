/** What judging came to. A score is never made up: without a verdict that fits the schema there is none. */
export type Verdict = ScoredVerdict | NotApplicable | FailedVerdict;

export interface JudgeSpend {
  readonly calls: number;
  readonly nanoUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface ScoredVerdict {
  readonly kind: "scored";
  /** 0 to 1. */
  readonly score: number;
  /** The label that was said; of several answers the one that most said, of pairs that disagree the tie. */
  readonly label: string;
  /** How the score was found: weighted by log-probabilities, as the mean of several answers, or from one answer. */
  readonly method: "logprobs" | "mean" | "single";
  /** How many answers it is from; pairs count both orders. */
  readonly samples: number;
  /** Of pairs: whether both orders said the same; otherwise it is a tie. */
  readonly ordersAgree?: boolean;
  /** Of pairs: what each order said, both told of the pair as it was given. */
  readonly orders?: { readonly given: string; readonly swapped: string };
  /** The judge's own words; never logged, and kept only where the tenant wants it. Empty: it was not asked. */
  readonly reason: string;
  /** Whether the first answer was no verdict, and the second was. */
  readonly isRepaired: boolean;
  readonly spend: JudgeSpend;
}

/** The judge said, rightly, that its question does not apply. */
export interface NotApplicable {
  readonly kind: "not_applicable";
  readonly label: string;
  readonly reason: string;
  readonly isRepaired: boolean;
  readonly spend: JudgeSpend;
}

export interface FailedVerdict {
  readonly kind: "failed";
  readonly failure: JudgeFailure;
  /** Whether the same call may succeed later. */
  readonly mayRetry: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly spend: JudgeSpend;
}

export type JudgeFailure = (typeof judgeFailures)[number];
export const judgeFailures = [
  /** Twice no JSON that fits the schema. */
  "invalid_output",
  /** The judge, or its provider's filter, refused. */
  "refused",
  "timeout",
  "rate_limited",
  /** Any other failure of the provider, or of Sentinel. */
  "upstream_error",
  /** The provider, or the model's name, is refused: nothing changes by trying again. */
  "bad_request",
  /** Nobody here has a model of that name: it is mistyped, or its provider was taken away. */
  "unknown_model",
  /** The day's cap of the tenant, or of the platform, has no room for the call. */
  "daily_cap",
  /** The cap is in USD and nobody knows the model's price. */
  "unpriced_model",
  "unknown_evaluator",
  /** The worker died with it so often that it is not tried again. */
  "crashed",
  /** The text that was to be judged is not there any more. */
  "no_text",
  /** Somebody took its job out. */
  "cancelled",
  /** The tenant's policy did not have it judged by this evaluator any more when its turn came. */
  "policy_off",
] as const;
