import type { Clock } from "../../../lib/clock.ts";
import { EmbedFailure, type Embedder } from "../embedder.ts";
import type { StoredAnswer } from "../cache-store.ts";
import type { ShardPlace } from "../semantic-index.ts";
import type { Decision, SemanticPolicy } from "../semantic-policy.ts";
import type { SemanticEntry, SemanticStore } from "../semantic-store.ts";
import type { SemanticHit } from "../semantic-tier.ts";
import type { CheckLedger } from "./check-ledger.ts";
import type { Deciding } from "./deciding.ts";
import type { EmbedNotes } from "./embed-notes.ts";
import type { Faults } from "./faults.ts";
import type { HeldShards } from "./held-shards.ts";
import type { SemanticTierLimits } from "./limits.ts";
import type { Policies } from "./policies.ts";
import type { Question } from "./question.ts";
import { Rest, type Outcome } from "./rest.ts";
import { TookTooLong, within } from "./within.ts";

export interface FindDeps {
  readonly store: Pick<SemanticStore, "answerOf">;
  readonly embedder: Embedder;
  readonly clock: Clock;
  readonly shards: HeldShards;
  readonly policies: Policies;
  readonly deciding: Deciding;
  readonly ledger: CheckLedger;
  readonly embedNotes: EmbedNotes;
  readonly faults: Faults;
  readonly limits: Pick<SemanticTierLimits, "findMs" | "embedMs">;
}

interface Ready {
  readonly question: Question;
  readonly policy: SemanticPolicy;
  readonly place: ShardPlace;
}

interface Found {
  readonly place: ShardPlace;
  readonly entry: SemanticEntry;
  readonly similarity: number;
}

interface Decided {
  readonly decision: Decision;
  readonly similarity: number;
}

/**
 * Looks for an answer on the request path. While nothing can be served it does no more than ask whether that is so
 * (budget 2 µs); then it looks for the same normal form, and for a vector only where that finds nothing.
 */
export class Finder {
  readonly #deps: FindDeps;
  readonly #embedderRest: Rest;
  readonly #storeRest: Rest;

  constructor(deps: FindDeps) {
    this.#deps = deps;
    this.#embedderRest = new Rest(deps.clock);
    this.#storeRest = new Rest(deps.clock);
  }

  /** Never rejects, and takes no longer than its limit. */
  find(question: Question, signal: AbortSignal): undefined | Promise<SemanticHit | undefined> {
    const ready = this.#ready(question);
    if (ready === undefined || signal.aborted) return undefined;
    if (ready.policy.canServe("CN")) {
      const decided = this.#decide(ready);
      if (decided !== undefined) return this.#answer(ready, decided, signal);
    }
    if (!ready.policy.canServe("CS") || !this.#embedderRest.passes()) return undefined;
    return this.#findNear(ready, signal);
  }

  /** Undefined unless there may be a hit. What is not loaded yet is loaded for those who come later. */
  #ready(question: Question): Ready | undefined {
    const { policies, shards } = this.#deps;
    if (question.rules.mode !== "on") return undefined;
    const policy = policies.held(question.owner);
    if (policy === undefined) {
      policies.want(question.owner);
      return undefined;
    }
    if (!policy.canServe("CS") && !(policy.canServe("CN") && question.normalForm !== undefined))
      return undefined;
    const { place } = question;
    if (place === undefined) return undefined;
    const size = shards.index.size(place);
    if (size === undefined) shards.want(place);
    return size === undefined || size === 0 ? undefined : { question, policy, place };
  }

  #decide({ question, policy, place }: Ready): Decided | undefined {
    const { deciding, shards, clock, ledger } = this.#deps;
    const { vector, normalForm } = question;
    const asked = { vector, normalForm, nowEpochMs: clock.epochMs() };
    const neighbours = shards.index.nearest(place, asked);
    if (neighbours.length === 0) return undefined;
    const isBudgetLeft = ledger.isBudgetLeft(question);
    const decision = deciding.decide(question, neighbours, { policy, place, isBudgetLeft });
    if (decision === undefined) return undefined;
    const { similarity = 1 } = neighbours.find(({ entryId }) => entryId === decision.entryId) ?? {};
    question.similarity = similarity;
    return { decision, similarity };
  }

  async #findNear(ready: Ready, signal: AbortSignal): Promise<SemanticHit | undefined> {
    const { question } = ready;
    const { clock, limits } = this.#deps;
    const begunTickMs = clock.tickMs();
    question.vector = await this.#embed(question.text, signal);
    if (question.vector === undefined || signal.aborted) return undefined;
    const decided = this.#decide(ready);
    if (decided === undefined) return undefined;
    const leftMs = Math.max(1, limits.findMs - (clock.tickMs() - begunTickMs));
    return this.#answer(ready, decided, signal, leftMs);
  }

  async #embed(text: string, signal: AbortSignal): Promise<Float32Array | undefined> {
    const { embedder, embedNotes, limits } = this.#deps;
    const embed = (limit: AbortSignal): Promise<Float32Array> => embedder.embed(text, limit);
    try {
      const vector = await within(limits.embedMs, embed, signal);
      this.#embedderRest.note("ok");
      return vector;
    } catch (thrown) {
      this.#embedderRest.note(signal.aborted ? "inconclusive" : outcomeOf(thrown));
      if (!signal.aborted) embedNotes.failed(thrown);
      return undefined;
    }
  }

  #answer(
    ready: Ready,
    { decision, similarity }: Decided,
    signal: AbortSignal,
    limitMs = this.#deps.limits.findMs,
  ): undefined | Promise<SemanticHit | undefined> {
    const entry = this.#deps.shards.index.entry(ready.place, decision.entryId);
    if (!decision.serve || entry === undefined || !this.#storeRest.passes()) return undefined;
    return this.#fetch({ place: ready.place, entry, similarity }, signal, limitMs);
  }

  async #fetch(
    { place, entry, similarity }: Found,
    signal: AbortSignal,
    limitMs: number,
  ): Promise<SemanticHit | undefined> {
    const { store, shards, faults, clock } = this.#deps;
    let answer: StoredAnswer | undefined;
    try {
      answer = await within(limitMs, () => store.answerOf(entry), signal);
      this.#storeRest.note("ok");
      faults.worked("answer");
    } catch (error) {
      this.#storeRest.note(signal.aborted ? "inconclusive" : "failed");
      if (!signal.aborted) faults.failed("answer", error);
      return undefined;
    }
    if (answer === undefined) {
      shards.gone(place, entry.id);
      return undefined;
    }
    // It was asked before: in the meantime it may have been purged, or its time may have come.
    const isStillThere = shards.index.entry(place, entry.id)?.answerId === entry.answerId;
    const isGood = isServable(answer, entry, clock.epochMs());
    return isStillThere && isGood ? { answer, similarity } : undefined;
  }
}

/** Whatever a store says, nobody is given another tenant's answer, another answer than was decided on, or one that is over. */
const isServable = (answer: StoredAnswer, entry: SemanticEntry, nowEpochMs: number): boolean =>
  answer.tenantId === entry.tenantId &&
  answer.requestId === entry.answerId &&
  answer.expiresAtEpochMs > nowEpochMs;

function outcomeOf(thrown: unknown): Outcome {
  if (thrown instanceof TookTooLong) return "failed";
  if (!(thrown instanceof EmbedFailure)) return "failed";
  switch (thrown.kind) {
    case "timeout":
    case "unavailable":
      return "failed";
    case "too_long":
    case "busy":
    case "cancelled":
      return "inconclusive";
    case "refused":
      return "ok";
  }
}
