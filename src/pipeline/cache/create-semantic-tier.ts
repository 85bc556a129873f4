import type { Clock } from "../../lib/clock.ts";
import { defaultGuardsOff } from "../../tenants/cache-policy.ts";
import type { AnswerCheck } from "./answer-check.ts";
import type { Channel } from "./channels.ts";
import type { Embedder } from "./embedder.ts";
import { semanticIndexLimits, type SemanticIndexLimits } from "./semantic-index.ts";
import { semanticPolicyDefaults, type SemanticPolicy } from "./semantic-policy.ts";
import { semanticQuestion } from "./semantic-question.ts";
import type { SemanticStore } from "./semantic-store.ts";
import { Checker } from "./semantic-tier/check.ts";
import { CheckLedger } from "./semantic-tier/check-ledger.ts";
import { Deciding } from "./semantic-tier/deciding.ts";
import { EmbedNotes } from "./semantic-tier/embed-notes.ts";
import { Faults } from "./semantic-tier/faults.ts";
import { Finder } from "./semantic-tier/find.ts";
import { HeldShards } from "./semantic-tier/held-shards.ts";
import { labelsOf } from "./semantic-tier/labels.ts";
import { Learner } from "./semantic-tier/learn.ts";
import { semanticTierLimits, type SemanticTierLimits } from "./semantic-tier/limits.ts";
import { Policies } from "./semantic-tier/policies.ts";
import { Question } from "./semantic-tier/question.ts";
import type {
  ChannelStatus,
  ManagedSemanticTier,
  SemanticFigures,
  SemanticStatus,
} from "./semantic-tier.ts";

export interface SemanticTierDeps {
  /** Both are the caller's: they outlive the tier. */
  readonly store: SemanticStore;
  readonly embedder: Embedder;
  readonly check: AnswerCheck;
  readonly clock: Clock;
  /** In [0, 1): which would-be hits are audited. */
  readonly random: () => number;
  /** Once for each time that something stops working. Nothing it is given holds a prompt. */
  readonly onError: (error: unknown) => void;
  readonly limits?: Partial<SemanticTierLimits>;
  readonly indexLimits?: SemanticIndexLimits;
}

/**
 * The semantic tier: answers a question with what was answered to another one that means the same, once the tenant's own
 * labels show that this is right often enough. Whatever of it fails, requests go on without.
 */
export function createSemanticTier(deps: SemanticTierDeps): ManagedSemanticTier {
  const { shards, policies, ledger, embedNotes, deciding, finder, learner } = partsOf(deps);
  const { store, embedder } = deps;
  const watching = store.watch((change) => {
    shards.apply(change);
    if (change.kind === "removed") deciding.forget();
  });

  return {
    begin(asked) {
      const verdict = semanticQuestion(asked.key.endpoint, asked.request);
      if (verdict.kind === "bypass") return verdict.reason;
      const question = new Question(asked, verdict);
      return {
        find: (signal) => finder.find(question, signal),
        get similarity() {
          return question.similarity;
        },
        learn: (answer) => {
          learner.learn(question, answer);
        },
      };
    },

    purged({ tenantId }) {
      learner.forgetTenant(tenantId);
      shards.closeTenant(tenantId);
      deciding.forget();
    },

    async status(tenantId, rules): Promise<SemanticStatus> {
      const held = rules === undefined ? policies.latestOf(tenantId) : undefined;
      const { maxError, guardsOff } = held ?? rules ?? usualRules;
      const policy = held?.policy ?? (await policies.load({ tenantId, maxError, guardsOff }));
      return {
        embedder: embedder.id,
        lastEmbedFailure: embedNotes.last,
        maxError,
        channels: channelsOf(policy),
        stops: policy.stops,
        checks: { ...ledger.of(tenantId) },
      };
    },

    figures: (): SemanticFigures => {
      const { waiting, waitingBytes, running, dropped } = learner.queue;
      return {
        embedder: embedder.id,
        embedFailures: embedNotes.failures,
        lastEmbedFailure: embedNotes.last,
        shards: shards.index.shards,
        indexBytes: shards.index.bytes,
        policies: policies.size,
        learning: { waiting, waitingBytes, running, dropped },
        checks: { ...ledger.all },
      };
    },

    audits: () =>
      [...policies.latest()].map(({ tenantId, maxError, policy }) => ({
        tenantId,
        maxError,
        channels: { CN: policy.audited("CN"), CS: policy.audited("CS") },
      })),

    async [Symbol.asyncDispose]() {
      await learner[Symbol.asyncDispose]();
      await policies[Symbol.asyncDispose]();
      await watching[Symbol.asyncDispose]();
    },
  };
}

const usualRules = { maxError: semanticPolicyDefaults.maxError, guardsOff: defaultGuardsOff };

function partsOf({ indexLimits = semanticIndexLimits, ...deps }: SemanticTierDeps) {
  const { clock, random, embedder, store } = deps;
  const limits = { ...semanticTierLimits, ...deps.limits };
  const faults = new Faults(deps.onError);
  const embedderId = embedder.id;
  const loadLimits = { ...limits, loadMs: limits.storeMs };
  const base = { ...deps, faults, limits: loadLimits };
  const shards = new HeldShards({
    store,
    embedderId,
    clock,
    faults,
    limits: loadLimits,
    indexLimits,
  });
  const policies = new Policies({ store, embedderId, random, clock, faults, limits: loadLimits });
  const ledger = new CheckLedger(clock, limits.budgetRestMs);
  const embedNotes = new EmbedNotes();
  const deciding = new Deciding(shards.index);
  const parts = { ...base, shards, policies, ledger, embedNotes, deciding };
  const checker = new Checker(parts);
  return {
    ...parts,
    finder: new Finder(parts),
    learner: new Learner({ ...parts, checker }),
  };
}

function channelsOf(policy: SemanticPolicy): Readonly<Record<Channel, ChannelStatus>> {
  const labels = labelsOf(policy);
  const statusOf = (channel: Channel): ChannelStatus => ({
    canServe: policy.canServe(channel),
    threshold: policy.threshold(channel),
    labels: labels[channel],
    audited: policy.audited(channel),
  });
  return { CN: statusOf("CN"), CS: statusOf("CS") };
}
