import type { Clock } from "../../../lib/clock.ts";
import type { AnswerCheck } from "../answer-check.ts";
import { spokenText } from "../answer-check/spoken-text.ts";
import type { StoredAnswer } from "../cache-store.ts";
import type { ShardPlace } from "../semantic-index.ts";
import type { Decision } from "../semantic-policy.ts";
import type { SemanticStore, Tally } from "../semantic-store.ts";
import type { CheckLedger } from "./check-ledger.ts";
import type { Faults } from "./faults.ts";
import type { HeldShards } from "./held-shards.ts";
import type { SemanticTierLimits } from "./limits.ts";
import type { Policies } from "./policies.ts";
import type { Question } from "./question.ts";
import { Rest } from "./rest.ts";
import { within } from "./within.ts";

export interface CheckerDeps {
  readonly store: Pick<SemanticStore, "answerOf" | "tally">;
  readonly check: AnswerCheck;
  readonly clock: Clock;
  readonly shards: HeldShards;
  readonly policies: Policies;
  readonly ledger: CheckLedger;
  readonly faults: Faults;
  readonly limits: Pick<SemanticTierLimits, "storeMs" | "checkMs">;
}

export interface Checked {
  readonly question: Question;
  readonly fresh: StoredAnswer;
  readonly decision: Decision;
  readonly place: ShardPlace;
}

/** Labels a decision: is the cached answer the same as the one that the provider has just given? */
export class Checker {
  readonly #deps: CheckerDeps;
  /** A judge that hangs would take all places of those who learn. */
  readonly #rest: Rest;

  constructor(deps: CheckerDeps) {
    this.#deps = deps;
    this.#rest = new Rest(deps.clock);
  }

  /** The cached answer, if it was found to be the same. Never rejects but for its signal. */
  async check(checked: Checked, signal: AbortSignal): Promise<StoredAnswer | undefined> {
    const { ledger } = this.#deps;
    const { question, fresh } = checked;
    // Nothing is compared then, free or not: labels that come only where they are free would all say "right".
    if (!ledger.isBudgetLeft(question)) {
      ledger.noteNoBudget(question.tenantId);
      return undefined;
    }
    const cached = await this.#cached(checked, signal);
    if (cached === undefined) return undefined;
    const isSame = await this.#compare(question, { cached, fresh }, signal);
    if (isSame === undefined) return undefined;
    await this.#label(checked, isSame, signal);
    return isSame ? cached : undefined;
  }

  async #cached(
    { place, decision }: Checked,
    signal: AbortSignal,
  ): Promise<StoredAnswer | undefined> {
    const { store, shards, faults, limits } = this.#deps;
    const entry = shards.index.entry(place, decision.entryId);
    // In the meantime it may be another answer's: the decision was not about that.
    if (entry?.answerId !== decision.answerId) return undefined;
    try {
      const answer = await within(limits.storeMs, () => store.answerOf(entry), signal);
      faults.worked("answer");
      if (answer === undefined) shards.gone(place, entry.id);
      const isIt = answer?.tenantId === place.tenantId && answer.requestId === entry.answerId;
      return isIt ? answer : undefined;
    } catch (error) {
      signal.throwIfAborted();
      faults.failed("answer", error);
      return undefined;
    }
  }

  /** Undefined: no label. */
  async #compare(
    question: Question,
    answers: { readonly cached: StoredAnswer; readonly fresh: StoredAnswer },
    signal: AbortSignal,
  ): Promise<boolean | undefined> {
    const { check, ledger, faults, limits } = this.#deps;
    const { tenantId, text, rules } = question;
    const cached = spokenText(answers.cached);
    const fresh = spokenText(answers.fresh);
    if (cached === undefined || fresh === undefined) return undefined;
    if (!this.#rest.passes()) {
      ledger.noteRefusal(tenantId, { refused: "unavailable" });
      return undefined;
    }
    const { learningBudgetNanoUsd } = rules;
    const asked = { tenantId, learningBudgetNanoUsd, question: text, cached, fresh };
    try {
      const verdict = await within(
        limits.checkMs,
        (limit) => check.same({ ...asked, signal: limit }),
        signal,
      );
      faults.worked("check");
      const isThere = !("refused" in verdict) || verdict.refused !== "unavailable";
      this.#rest.note(isThere ? "ok" : "failed");
      if ("refused" in verdict) ledger.noteRefusal(tenantId, verdict);
      else ledger.noteVerdict(tenantId, verdict);
      return "refused" in verdict ? undefined : verdict.isSame;
    } catch (error) {
      this.#rest.note(signal.aborted ? "inconclusive" : "failed");
      signal.throwIfAborted();
      faults.failed("check", error);
      ledger.noteRefusal(tenantId, { refused: "unavailable" });
      return undefined;
    }
  }

  async #label(
    { question, decision, place }: Checked,
    isRight: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, shards, policies, faults, limits } = this.#deps;
    const { answerId } = decision;
    policies.held(question.owner)?.observe(decision, isRight);
    policies.learnt(question.owner);
    const before = shards.index.tallyOf(place, answerId);
    if (before !== undefined) shards.tallied(place, counted(before, isRight));
    try {
      await within(limits.storeMs, () => store.tally({ ...place, answerId }, isRight), signal);
      faults.worked("keep");
    } catch (error) {
      signal.throwIfAborted();
      faults.failed("keep", error);
    }
  }
}

const counted = ({ answerId, confirmations, refutations }: Tally, isRight: boolean): Tally => ({
  answerId,
  confirmations: confirmations + (isRight ? 1 : 0),
  refutations: refutations + (isRight ? 0 : 1),
});
