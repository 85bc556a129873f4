import type { JudgeFailure } from "../asking/verdict.ts";

/**
 * The `data` of an audit amendment of the kind `evaluation`: what an evaluator came to for one request. With what the
 * stores' sums are grouped by, so that they need not look for the request's record.
 */
export interface EvaluationData {
  readonly evaluator: string;
  /** Of prompt, model, parameters and labels: `version.ts`. Null where no evaluator of the name was found. */
  readonly version: string | null;
  readonly judge_model: string;
  readonly status: "scored" | "not_applicable" | "failed";
  readonly failure: JudgeFailure | null;
  /** 0 to 1, six digits. */
  readonly score: number | null;
  readonly label: string | null;
  readonly method: "logprobs" | "mean" | "single" | null;
  readonly samples: number;
  readonly is_repaired: boolean;
  /** Whether judge and judged are models of one family, which are known to like their own. */
  readonly same_family: boolean;
  /** In UTF-16 units. */
  readonly answer_characters: number;
  /** The judge's words, where the tenant has them kept. */
  readonly reason?: string;
  /** Why it was judged: by the sample, an error, a shield's flag, or a thumb down. */
  readonly sampled_by: "rate" | "error" | "shield" | "feedback";
  readonly cost_nano_usd: number;
  /** Those that a cap stopped too, which cost nothing. */
  readonly calls: number;
  /** Which it was of the times that this was tried for this request; 1 but where somebody wanted a dead job tried again. */
  readonly round: number;
  readonly request: JudgedRequest;
}

/** The judged request, as the ledger groups it. */
export interface JudgedRequest {
  readonly key: string;
  readonly model: string;
  readonly served_model: string | null;
  readonly provider: string | null;
}

/** The `data` of an amendment of the kind `feedback`. */
export interface FeedbackData {
  /** 0 to 1: a thumb down is 0, a thumb up 1. Null where there is only a comment. */
  readonly score: number | null;
  readonly label: string | null;
  readonly comment: string | null;
  /** The evaluator whose question a human answered here; null: the answer in general. */
  readonly evaluator: string | null;
  /** What that evaluator had said of the request, if it had. */
  readonly judged: {
    readonly version: string;
    readonly judge_model: string;
    readonly score: number;
  } | null;
  /** Who says it, as the app names them. */
  readonly user: string | null;
  /** The key that sent it. */
  readonly key: string;
  readonly request: JudgedRequest | null;
}

export const evaluationKind = "evaluation";
export const feedbackKind = "feedback";
