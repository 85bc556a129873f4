import { z } from "zod";

import { channelRecordSchema, ChannelRecord, type AuditedError } from "./channel-record.ts";
import {
  candidateOf,
  channelNames,
  featureNames,
  type Channel,
  type Features,
  type Neighbour,
} from "./channels.ts";
import {
  doubted,
  learn,
  logOddsOf,
  newHitScore,
  probabilityOf,
  type HitScore,
} from "./hit-score.ts";

export interface SemanticPolicyOptions {
  /** The share of wrong hits that the operator accepts. */
  readonly maxError: number;
  /** How sure that has to be. */
  readonly confidence: number;
  /** Nothing less similar is a candidate. */
  readonly nearMin: number;
  /** Vectors of two embedders are not comparable, nor is what was learnt from them. */
  readonly embedderId: string;
  /** In [0, 1): which would-be hits are audited. */
  readonly random: () => number;
}

export const semanticPolicyDefaults = { maxError: 0.02, confidence: 0.95, nearMin: 0.7 } as const;

/** What is so of this one request. */
export interface Circumstances {
  /** In `shadow` nothing is served, and all that would be is checked. */
  readonly mode: "shadow" | "serve";
  /** Whether the tenant still pays for learning; without, 5 % are checked. */
  readonly isBudgetLeft: boolean;
  /** Whether a guard forbids the answer of this entry. Asked of three entries at most, until one is not forbidden. */
  readonly forbids: (entryId: string) => boolean;
}

/** Plain data: what `observe` needs to know when the label comes, in this process or in another one. */
export interface Decision {
  /** The one that decided. */
  readonly channel: Channel;
  /** All that its label belongs to. */
  readonly channels: readonly Channel[];
  /** The log-odds of being right, as estimated. */
  readonly score: number;
  readonly answerId: string;
  readonly entryId: string;
  readonly features: Features;
  /** Answer with it. */
  readonly serve: boolean;
  /** Go upstream as usual, then have the two answers compared. Never with `serve`. */
  readonly check: boolean;
  /** It would have been a hit. */
  readonly isSafe: boolean;
  /** A guard forbids it. Where it is checked all the same, its label makes an alias and teaches the policy nothing. */
  readonly isForbidden: boolean;
}

/** Would-be hits and near misses of which so many are checked for ever. */
const auditShare = 0.05;

/** Near misses less likely than this to be right are hardly worth a check: only 5 % of them are. */
const worthCheckingMin = 0.4;

/** One normal form is like another: all of them are one step. */
const sameFormScore = 0;
const scoreIn = (channel: Channel, score: number): number =>
  channel === "CN" ? sameFormScore : score;

const snapshotSchema = z.strictObject({
  version: z.literal(1),
  embedderId: z.string(),
  score: z.strictObject({
    weights: z.array(z.number()).length(featureNames.length),
    covariance: z.array(z.number()).length(featureNames.length ** 2),
  }),
  channels: z.strictObject({ CN: channelRecordSchema, CS: channelRecordSchema }),
  stops: z.int().min(0),
});
export type SemanticPolicySnapshot = Readonly<z.infer<typeof snapshotSchema>>;

/**
 * Learns, for one tenant, when the answer of a neighbour may be served. `decide` runs on the request path and does no
 * more than some sums over ten neighbours; `observe` runs beside it.
 */
export class SemanticPolicy {
  readonly #options: SemanticPolicyOptions;
  readonly #channels: Readonly<Record<Channel, ChannelRecord>>;
  #score: HitScore;
  #stops: number;

  constructor(options: SemanticPolicyOptions, snapshot?: SemanticPolicySnapshot) {
    this.#options = options;
    const limit = { errorMax: options.maxError, confidence: options.confidence };
    this.#channels = {
      CN: new ChannelRecord(limit, snapshot?.channels.CN),
      CS: new ChannelRecord(limit, snapshot?.channels.CS),
    };
    this.#score = snapshot?.score ?? newHitScore();
    this.#stops = snapshot?.stops ?? 0;
  }

  /** Whether any hit is possible in this channel; while none is, nobody needs to wait for a vector. */
  canServe(channel: Channel): boolean {
    return this.#channels[channel].threshold !== undefined;
  }

  /** How often the audits have stopped a channel. */
  get stops(): number {
    return this.#stops;
  }

  threshold(channel: Channel): number | undefined {
    return this.#channels[channel].threshold;
  }

  audited(channel: Channel): AuditedError {
    return this.#channels[channel].audited;
  }

  /** Undefined: nothing near. The neighbours come nearest first. */
  decide(neighbours: readonly Neighbour[], circumstances: Circumstances): Decision | undefined {
    const candidate = candidateOf(neighbours);
    if (candidate === undefined || candidate.nearest < this.#options.nearMin) return undefined;
    const { channels, answerId, entryIds, features } = candidate;
    const allowed = entryIds.find((entryId) => !circumstances.forbids(entryId));
    const score = logOddsOf(this.#score, features);
    const channel = this.#decider(channels, score);
    const said = { channel, channels, score, answerId, entryId: allowed ?? entryIds[0], features };
    if (allowed === undefined) {
      // No part of the hits whose error is bounded, so it is not counted either. But where a check finds it to be the
      // same it becomes an alias, and with that words of its own which the guards let pass the next time.
      const check = this.#isChecked(score, { isSafe: false, ...circumstances });
      return { ...said, serve: false, check, isSafe: false, isForbidden: true };
    }
    for (const each of channels) this.#channels[each].count(scoreIn(each, score));
    const isSafe = this.#isSafe(channel, score);
    const serve = isSafe && circumstances.mode === "serve" && this.#options.random() >= auditShare;
    const check = !serve && this.#isChecked(score, { isSafe, ...circumstances });
    return { ...said, serve, check, isSafe, isForbidden: false };
  }

  /** The label of a decision that was checked. */
  observe(decision: Decision, isRight: boolean): void {
    const { channel, channels, score, features, isSafe, isForbidden } = decision;
    if (isForbidden) return;
    let hasStopped = false;
    for (const each of channels) {
      const isAudit = isSafe && each === channel;
      const record = this.#channels[each];
      if (!record.observe(scoreIn(each, score), { isRight, isAudit })) continue;
      this.#stops++;
      hasStopped = true;
    }
    if (!channels.includes("CS")) return;
    this.#score = learn(hasStopped ? doubted(this.#score) : this.#score, features, isRight);
  }

  toJSON(): SemanticPolicySnapshot {
    return {
      version: 1,
      embedderId: this.#options.embedderId,
      score: { weights: [...this.#score.weights], covariance: [...this.#score.covariance] },
      channels: { CN: this.#channels.CN.toSnapshot(), CS: this.#channels.CS.toSnapshot() },
      stops: this.#stops,
    };
  }

  /** The first that may serve; if none may, the last, which knows more than the normal form. */
  #decider(channels: readonly Channel[], score: number): Channel {
    return channels.find((each) => this.#isSafe(each, score)) ?? channels.at(-1) ?? "CS";
  }

  #isSafe(channel: Channel, score: number): boolean {
    return this.#channels[channel].isSafe(scoreIn(channel, score));
  }

  #isChecked(
    score: number,
    {
      isSafe,
      mode,
      isBudgetLeft,
    }: Pick<Circumstances, "mode" | "isBudgetLeft"> & { isSafe: boolean },
  ): boolean {
    // Not served although it is safe: the draw of the audit fell on it.
    if (isSafe && mode === "serve") return true;
    const isWorthIt = isSafe || probabilityOf(score) >= worthCheckingMin;
    return (isBudgetLeft && isWorthIt) || this.#options.random() < auditShare;
  }
}

/** From what `toJSON` gave; undefined where it is none, is of another version or of another embedder. */
export function readSemanticPolicy(
  options: SemanticPolicyOptions,
  json: unknown,
): SemanticPolicy | undefined {
  const snapshot = snapshotSchema.safeParse(json);
  if (!snapshot.success || snapshot.data.embedderId !== options.embedderId) return undefined;
  return new SemanticPolicy(options, snapshot.data);
}

/** Whether any hit is possible at all. */
export const canServeAny = (policy: SemanticPolicy): boolean =>
  channelNames.some((channel) => policy.canServe(channel));
