import type { Clock } from "../../../lib/clock.ts";
import { isSameText } from "../answer-check/free-verdicts.ts";
import { spokenText } from "../answer-check/spoken-text.ts";
import { bodyBytes, type StoredAnswer } from "../cache-store.ts";
import type { Embedder } from "../embedder.ts";
import type { ShardPlace } from "../semantic-index.ts";
import type { SemanticEntry, SemanticStore } from "../semantic-store.ts";
import { BackgroundQueue } from "./background-queue.ts";
import type { Checker } from "./check.ts";
import type { CheckLedger } from "./check-ledger.ts";
import type { Deciding } from "./deciding.ts";
import type { EmbedNotes } from "./embed-notes.ts";
import type { Faults } from "./faults.ts";
import type { HeldShards } from "./held-shards.ts";
import type { SemanticTierLimits } from "./limits.ts";
import type { Policies } from "./policies.ts";
import type { Question } from "./question.ts";
import { within } from "./within.ts";

export interface LearnDeps {
  readonly store: Pick<SemanticStore, "put" | "answerOf">;
  readonly embedder: Embedder;
  readonly clock: Clock;
  readonly shards: HeldShards;
  readonly policies: Policies;
  readonly deciding: Deciding;
  readonly checker: Checker;
  readonly ledger: CheckLedger;
  readonly embedNotes: EmbedNotes;
  readonly faults: Faults;
  readonly limits: Pick<
    SemanticTierLimits,
    | "backgroundEmbedMs"
    | "storeMs"
    | "learnsWaitingMax"
    | "learnsWaitingBytesMax"
    | "tenantLearnsWaitingMax"
    | "learnsAtOnceMax"
  >;
}

interface Placed {
  readonly place: ShardPlace;
  readonly answer: StoredAnswer;
  /** The cached answer that it was found to be the same as. */
  readonly same: StoredAnswer | undefined;
}

interface Lesson {
  readonly question: Question;
  readonly answer: StoredAnswer;
}

interface Put {
  readonly entry: SemanticEntry;
  readonly answer: StoredAnswer | undefined;
  /** What was asked before in the same words. */
  readonly replaced: string | undefined;
}

/** Takes what the provider answered into the tier, beside the requests. */
export class Learner implements AsyncDisposable {
  readonly #deps: LearnDeps;
  readonly queue: BackgroundQueue<Lesson>;

  constructor(deps: LearnDeps) {
    this.#deps = deps;
    const { learnsWaitingMax, learnsWaitingBytesMax, learnsAtOnceMax, tenantLearnsWaitingMax } =
      deps.limits;
    this.queue = new BackgroundQueue((lesson, signal) => this.#learn(lesson, signal), {
      waitingMax: learnsWaitingMax,
      waitingBytesMax: learnsWaitingBytesMax,
      groupWaitingMax: tenantLearnsWaitingMax,
      groupOf: ({ question }) => question.tenantId,
      atOnceMax: learnsAtOnceMax,
    });
  }

  learn(question: Question, answer: StoredAnswer): void {
    this.queue.add({ question, answer }, question.bytes + bodyBytes(answer.body));
  }

  /** What was asked before a purge is not kept after it. */
  forgetTenant(tenantId: string): void {
    const reason = new Error("The tenant's answers were purged.");
    this.queue.cancel(({ question }) => question.tenantId === tenantId, reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue[Symbol.asyncDispose]();
  }

  /** Rejects where the store does not answer, which those have said who asked it. */
  async #learn({ question, answer }: Lesson, signal: AbortSignal): Promise<void> {
    const { place } = question;
    if (place === undefined) return;
    const { shards, policies } = this.#deps;
    await Promise.all([
      shards.hold(place),
      policies.load(question.owner),
      this.#embed(question, signal),
    ]);
    signal.throwIfAborted();
    const same = await this.#compare({ question, answer }, place, signal);
    signal.throwIfAborted();
    await this.#keep({ question, answer }, { place, same }, signal);
  }

  async #embed(question: Question, signal: AbortSignal): Promise<void> {
    const { embedder, embedNotes, limits } = this.#deps;
    if (question.vector !== undefined) return;
    // Behind everyone who waits for a vector.
    const embed = (limit: AbortSignal): Promise<readonly Float32Array[]> =>
      embedder.embedMany([question.text], limit);
    try {
      [question.vector] = await within(limits.backgroundEmbedMs, embed, signal);
    } catch (thrown) {
      if (!signal.aborted) embedNotes.failed(thrown); // Then only its normal form is known.
    }
  }

  /** The cached answer that the new one was found to be the same as. */
  async #compare(
    { question, answer }: Lesson,
    place: ShardPlace,
    signal: AbortSignal,
  ): Promise<StoredAnswer | undefined> {
    const { shards, policies, deciding, clock, ledger, checker } = this.#deps;
    const nowEpochMs = clock.epochMs();
    // Asked again in the same words it is the exact tier's, or wants a fresh answer: no hit would come of it. Labels of
    // such pairs are nearly all "right", and would vouch for those that differ in words.
    const before = shards.index.withText(place, question.text);
    if (before !== undefined && before.expiresAtEpochMs > nowEpochMs) return undefined;
    const policy = policies.held(question.owner);
    if (question.decision === undefined && policy !== undefined) {
      const asked = { vector: question.vector, normalForm: question.normalForm };
      const neighbours = shards.index.nearest(place, { ...asked, nowEpochMs });
      const isBudgetLeft = ledger.isBudgetLeft(question);
      deciding.decide(question, neighbours, { policy, place, isBudgetLeft });
    }
    const { decision } = question;
    if (decision?.check !== true) return undefined;
    return checker.check({ question, fresh: answer, decision, place }, signal);
  }

  async #keep(
    { question, answer }: Lesson,
    { place, same }: { readonly place: ShardPlace; readonly same: StoredAnswer | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const { normalForm, vector } = question;
    // Nothing would ever find it.
    if (normalForm === undefined && vector === undefined) return;
    const before = this.#deps.shards.index.withText(place, question.text);
    if (before !== undefined && (await this.#isKnown(before, { answer, same }, signal))) return;
    const entry = this.#entryOf(question, { place, answer, same });
    // The one that can be compared stays, as in the index.
    const isWorse = before?.embedderId !== undefined && vector === undefined;
    const replaced = isWorse ? undefined : before?.id;
    await this.#put({ entry, answer: same === undefined ? answer : undefined, replaced }, signal);
  }

  #entryOf(
    { id, text, normalForm, vector }: Question,
    { place, answer, same }: Placed,
  ): SemanticEntry {
    return {
      id,
      ...place,
      answerId: (same ?? answer).requestId,
      text,
      normalForm,
      vector,
      embedderId: vector && this.#deps.embedder.id,
      expiresAtEpochMs: Math.min(answer.expiresAtEpochMs, (same ?? answer).expiresAtEpochMs),
    };
  }

  async #put({ entry, answer, replaced }: Put, signal: AbortSignal): Promise<void> {
    const { store, shards, faults, limits } = this.#deps;
    try {
      await within(limits.storeMs, () => store.put(entry, answer, replaced), signal);
      faults.worked("keep");
    } catch (error) {
      if (!signal.aborted) faults.failed("keep", error);
      return;
    }
    shards.added(entry);
  }

  /**
   * Whether what was asked before in the same words has this answer already, so that asking again and again fills no
   * store. If it has another one, the newest takes its place.
   */
  async #isKnown(
    before: SemanticEntry,
    { answer, same }: Pick<Placed, "answer" | "same">,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (same !== undefined) return before.answerId === same.requestId;
    const { store, faults, limits } = this.#deps;
    try {
      const known = await within(limits.storeMs, () => store.answerOf(before), signal);
      faults.worked("answer");
      const fresh = spokenText(answer);
      const cached = known && spokenText(known);
      return cached !== undefined && fresh !== undefined && isSameText(cached, fresh);
    } catch (error) {
      signal.throwIfAborted();
      faults.failed("answer", error);
      return false;
    }
  }
}
