import type { Clock } from "../../../lib/clock.ts";
import type { FoundEvaluator } from "../../../pipeline/judge/evaluators/evaluator-definition.ts";
import type { Judged } from "../../../pipeline/judge/evaluators/evaluator.ts";
import type { Evaluators } from "../../../pipeline/judge/evaluators/evaluators.ts";
import type { JudgeStore } from "../../../pipeline/judge/evaluators/judge-store.ts";
import type { Verdict } from "../../../pipeline/judge/asking/verdict.ts";
import type { OnAdminChange } from "../../admin-change.ts";

export interface JudgeRoutesDeps {
  readonly store: JudgeStore;
  readonly evaluators: Evaluators;
  /** Judges one text now, and pays for it. Resolves to a failed verdict rather than to reject. */
  readonly evaluate: (asked: JudgeAsked, signal: AbortSignal) => Promise<Verdict>;
  /** For what names no model: SENTINEL_JUDGE_MODEL. */
  readonly defaultModel: string | undefined;
  readonly clock: Pick<Clock, "epochMs">;
  /** The answer to a change waits for it. */
  readonly onJudgesChanged: () => Promise<void> | void;
  readonly onChange?: OnAdminChange;
}

export interface JudgeAsked extends FoundEvaluator {
  readonly model: string;
  readonly judged: Judged;
}
