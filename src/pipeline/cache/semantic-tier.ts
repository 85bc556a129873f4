import type { JsonText } from "../../lib/json-text.ts";
import type { SemanticRules } from "../../tenants/cache-policy.ts";
import type { Purge, StoredAnswer } from "./cache-store.ts";
import type { AuditedError } from "./channel-record.ts";
import type { Channel } from "./channels.ts";
import type { EmbedFailureKind } from "./embedder.ts";
import type { KeyParts } from "./key.ts";
import type { NoQuestionReason } from "./semantic-question.ts";
import type { CheckFigures } from "./semantic-tier/check-ledger.ts";

/** A request that the exact tier had no answer for. */
export interface SemanticAsked {
  /** Its ULID. */
  readonly id: string;
  readonly rules: SemanticRules;
  readonly key: KeyParts;
  readonly request: JsonText;
}

export interface SemanticHit {
  readonly answer: StoredAnswer;
  /** Cosine of the two prompts' vectors; 1 where only their normal forms were compared. */
  readonly similarity: number;
}

/** One request on its way through the tier. */
export interface SemanticAsking {
  /**
   * At once, where nothing can be served: then nothing is embedded before the answer. Never rejects, and takes no longer
   * than the tier's own limit.
   */
  find(signal: AbortSignal): undefined | Promise<SemanticHit | undefined>;
  /** Of the nearest candidate that was looked at before the answer; undefined where none was. */
  readonly similarity: number | undefined;
  /** The provider's own answer, which may be stored: learnt from and kept in the background. Never throws. */
  learn(answer: StoredAnswer): void;
}

export interface SemanticTier extends AsyncDisposable {
  /** Or why the tier has nothing to do with it. Budget 20 µs. */
  begin(asked: SemanticAsked): SemanticAsking | NoQuestionReason;
}

/** What those who look after the tier do with it. */
export interface ManagedSemanticTier extends SemanticTier {
  /** To be told of every purge once the store has done it, so that this process forgets at once. */
  purged(what: Purge): void;
  /** Of the policy for these rules; without them, of the tenant's that was used last. Rejects where the store fails. */
  status(
    tenantId: string,
    rules?: Pick<SemanticRules, "maxError" | "guardsOff">,
  ): Promise<SemanticStatus>;
  figures(): SemanticFigures;
  /** Of the tenants whose policies are in memory; for the metrics. */
  audits(): readonly TenantAudits[];
}

/** How often would-be hits of one tenant were found to be wrong. */
export interface TenantAudits {
  readonly tenantId: string;
  /** The share of wrong hits that it accepts. */
  readonly maxError: number;
  readonly channels: Readonly<Record<Channel, AuditedError>>;
}

/** What the tier knows of one tenant, for operators. */
export interface SemanticStatus {
  readonly embedder: string;
  /** Why the last text that could not be embedded could not be. */
  readonly lastEmbedFailure: EmbedFailureKind | undefined;
  readonly maxError: number;
  readonly channels: Readonly<Record<Channel, ChannelStatus>>;
  /** How often audits have stopped a channel. */
  readonly stops: number;
  /** Of this tenant in this process, since it began. */
  readonly checks: CheckFigures;
}

export interface ChannelStatus {
  readonly canServe: boolean;
  /** The log-odds from which up is served. */
  readonly threshold: number | undefined;
  readonly labels: number;
  /** The error of would-be hits among the latest audits. */
  readonly audited: AuditedError;
}

/** Of this process, all tenants together. */
export interface SemanticFigures {
  readonly embedder: string;
  readonly embedFailures: number;
  readonly lastEmbedFailure: EmbedFailureKind | undefined;
  readonly shards: number;
  readonly indexBytes: number;
  readonly policies: number;
  readonly learning: {
    readonly waiting: number;
    readonly waitingBytes: number;
    readonly running: number;
    readonly dropped: number;
  };
  readonly checks: CheckFigures;
}
