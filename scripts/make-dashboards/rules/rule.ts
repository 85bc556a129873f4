/** What is computed ahead, named `level:metric:operations`. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  /** A comment in the file: why it is this expression. */
  readonly reason?: string;
}

/**
 * The expression of an alert is `(valueExpr) comparison`. The value alone always has an answer where the metrics exist,
 * so that a proof can run it although nothing is wrong.
 */
export interface AlertRule {
  readonly alert: string;
  readonly valueExpr: string;
  readonly comparison: string;
  /** How long it must hold, as a PromQL duration; not given: at once. */
  readonly holds?: string;
  /** `critical` wakes somebody; `warning` is for the next working day. */
  readonly severity: "critical" | "warning";
  readonly summary: string;
  /** What is the matter, and what to do first. */
  readonly description: string;
  /** A comment in the file: why this threshold and not another. */
  readonly reason: string;
}

export interface RuleGroup<Rule> {
  readonly name: string;
  /** How often it is evaluated, as a PromQL duration. */
  readonly interval: string;
  readonly rules: readonly Rule[];
}

export const alertExpr = ({ valueExpr, comparison }: AlertRule): string =>
  `(${valueExpr}) ${comparison}`;
