import type { CacheEntry } from "../audit/entry.ts";
import type { Account } from "../cost/account.ts";
import type { Exchange } from "../exchange.ts";
import type { StoredAnswer } from "./cache-store.ts";
import type { BypassReason } from "./eligibility.ts";

/** What the cache had to do with a request. */
export type CacheNote = BypassNote | HitNote | MissNote;

interface MissNote {
  readonly outcome: "miss";
  /** Of the nearest candidate that was not good enough; undefined where none was looked at. */
  readonly similarity?: number | undefined;
  /** Nothing was found because the cache does not work. */
  readonly isBroken?: true;
}

interface BypassNote {
  readonly outcome: "bypass";
  readonly reason: BypassReason;
}

export interface HitNote {
  readonly outcome: "exact" | "semantic";
  /** Of the two prompts; undefined where they are the same. */
  readonly similarity?: number;
  /** The request whose answer it is. */
  readonly from: string;
  /** Who made the answer then. */
  readonly provider: string;
  readonly servedModel: string;
  /** What it cost to make it, which this request did not cost; undefined while it is being made. */
  readonly saved: Savings | undefined;
}

export interface Savings {
  readonly nanoUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export function noteOfStored(
  answer: StoredAnswer,
  tier: { readonly outcome: HitNote["outcome"]; readonly similarity?: number },
): HitNote {
  const { requestId, provider, servedModel, nanoUsd, usage } = answer;
  const { inputTokens = 0, outputTokens = 0 } = usage ?? {};
  return {
    ...tier,
    from: requestId,
    provider,
    servedModel,
    saved: { nanoUsd, inputTokens, outputTokens },
  };
}

/** Of one who follows another's call to a provider; what that saved is known once it is over. */
export function noteOfFollowed(leader: Exchange): HitNote {
  const attempt = leader.attempts.at(-1);
  return {
    outcome: "exact",
    from: leader.id,
    provider: attempt?.provider ?? "",
    servedModel: attempt?.model ?? "",
    saved: leader.account && savedBy(leader.account),
  };
}

function savedBy({ attempts }: Account): Savings {
  const served = attempts.at(-1);
  return {
    nanoUsd: served?.cost.nanoUsd ?? 0,
    inputTokens: served?.usage?.inputTokens ?? 0,
    outputTokens: served?.usage?.outputTokens ?? 0,
  };
}

export const isHit = (note: CacheNote | undefined): note is HitNote =>
  note?.outcome === "exact" || note?.outcome === "semantic";

/** As the audit record has it. */
export function cacheEntry(note: CacheNote | undefined): CacheEntry {
  if (isHit(note)) {
    return {
      outcome: note.outcome,
      reason: null,
      similarity: note.similarity === undefined ? null : Math.round(note.similarity * 1e4) / 1e4,
      from: note.from,
      saved_nano_usd: note.saved?.nanoUsd ?? 0,
      saved_input_tokens: note.saved?.inputTokens ?? 0,
      saved_output_tokens: note.saved?.outputTokens ?? 0,
    };
  }
  const outcome = note?.outcome ?? "bypass";
  return { outcome, reason: reasonOf(note), ...nothingSaved };
}

/** A request that was refused before the cache was asked has no note, and no reason. */
const reasonOf = (note: CacheNote | undefined): string | null =>
  note?.outcome === "bypass" ? note.reason : null;

const nothingSaved = {
  similarity: null,
  from: null,
  saved_nano_usd: 0,
  saved_input_tokens: 0,
  saved_output_tokens: 0,
} as const;
