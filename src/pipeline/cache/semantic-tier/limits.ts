/** How long each part of the semantic tier may take, and how much of it there may be. */
export interface SemanticTierLimits {
  /** All that a request may wait for the tier. */
  readonly findMs: number;
  /** Of that, for the vector of its prompt. */
  readonly embedMs: number;
  /** In the background nobody waits for a vector. */
  readonly backgroundEmbedMs: number;
  /** For the store, in the background. */
  readonly storeMs: number;
  readonly checkMs: number;
  /** Answers that wait to be learnt from, in all and of one tenant. At a bound the next one is not, and counted. */
  readonly learnsWaitingMax: number;
  readonly tenantLearnsWaitingMax: number;
  readonly learnsWaitingBytesMax: number;
  readonly learnsAtOnceMax: number;
  /** Shards or policies that requests have loaded at a time; at the bound a request just misses. */
  readonly loadsAtOnceMax: number;
  /** What could not be loaded is not tried again sooner. */
  readonly loadRestMs: number;
  /** Tenants' policies in memory, some 50 KB each; at the bound the one goes that was asked for longest ago. */
  readonly policiesMax: number;
  /** From the first label that is not kept until it is. */
  readonly saveAfterMs: number;
  /** So long no check is tried once a tenant's learning budget is spent. */
  readonly budgetRestMs: number;
}

export const semanticTierLimits: SemanticTierLimits = {
  findMs: 150,
  embedMs: 100,
  backgroundEmbedMs: 30_000,
  storeMs: 10_000,
  checkMs: 30_000,
  learnsWaitingMax: 1_000,
  tenantLearnsWaitingMax: 250,
  learnsWaitingBytesMax: 64 * 1024 * 1024,
  learnsAtOnceMax: 8,
  loadsAtOnceMax: 4,
  loadRestMs: 10_000,
  policiesMax: 500,
  saveAfterMs: 10_000,
  budgetRestMs: 60_000,
};
