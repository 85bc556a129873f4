/** What an evaluator is made of. Together with a model it is a version, which never changes (`version.ts`). */
export interface Evaluator {
  /** Lower-case letters, digits and hyphens. */
  readonly name: string;
  /** `answer`: one answer to what was asked. `pair`: two of them, in either order. */
  readonly subject: "answer" | "pair";
  /** The rubric, in the words that the judge gets. */
  readonly instructions: string;
  /** What the judge may say, from the worst to the best where it is ordinal. */
  readonly labels: readonly EvaluatorLabel[];
  /** Whether the labels are in an order, as 1 to 5 are: κ is weighted then. */
  readonly isOrdinal: boolean;
  /** Undefined: the one that the tenant's policy names. */
  readonly model?: string | undefined;
  readonly parameters: EvaluatorParameters;
  readonly source: "built-in" | "yaml" | "admin";
}

export interface EvaluatorLabel {
  /** One word, digit or snake_case. */
  readonly label: string;
  /** 0 (worst) to 1 (best); null: the question does not apply, which is no score. */
  readonly score: number | null;
  /** The anchor: when to say it. */
  readonly description: string;
}

export interface EvaluatorParameters {
  readonly temperature: number;
  readonly maxTokens: number;
  /** How many answers are averaged where there are no log-probabilities; 1 to 9. */
  readonly samples: number;
  /** Whether log-probabilities are asked for and used. */
  readonly logprobs: boolean;
  /** Whether the judge says why before it says what. */
  readonly reason: boolean;
}

/** What is judged, each text cut to its bound. */
export interface JudgedAnswer {
  readonly subject: "answer";
  /** What the operator of the app told the model; empty: nothing. */
  readonly system: string;
  /** Earlier turns, tool results and documents, as `role: text`; empty: none. */
  readonly conversation: string;
  /** What the user wrote last. */
  readonly question: string;
  readonly answer: string;
  /** Where there is one, what a right answer says. */
  readonly reference?: string | undefined;
}

export interface JudgedPair {
  readonly subject: "pair";
  readonly question: string;
  readonly first: string;
  readonly second: string;
  readonly reference?: string | undefined;
}

export type Judged = JudgedAnswer | JudgedPair;
