import { guardAgainst } from "../../src/pipeline/cache/guards.ts";
import type { GuardName } from "../../src/tenants/cache-policy.ts";
import { prepare, type Prepared } from "../../src/pipeline/cache/guards/prepare.ts";
import { semanticIndexLimits } from "../../src/pipeline/cache/semantic-index.ts";
import {
  SemanticPolicy,
  semanticPolicyDefaults,
  type Decision,
} from "../../src/pipeline/cache/semantic-policy.ts";
import type { SemanticEntry, Tally } from "../../src/pipeline/cache/semantic-store.ts";
import { ShardIndex } from "../../src/pipeline/cache/shard-index.ts";
import type { Query } from "./stream.ts";

/** What a stream came to. */
export interface Outcome {
  readonly requests: number;
  readonly hits: number;
  readonly wrongHits: number;
  readonly checks: number;
}

/** How often the judge says of two answers that they are the same when they are not, and the other way round. */
export interface JudgeErrors {
  readonly wronglyYes: number;
  readonly wronglyNo: number;
}

export const flawlessJudge: JudgeErrors = { wronglyYes: 0, wronglyNo: 0 };

export interface Options {
  readonly guards: ReadonlySet<GuardName>;
  readonly judge: JudgeErrors;
  readonly random: () => number;
}

/** Peers' rule: the nearest one's answer, if it is similar enough. */
export function replayStatic(queries: readonly Query[], similarityMin: number): Outcome {
  const cache = new Cache();
  let hits = 0;
  let wrongHits = 0;
  for (const query of queries) {
    const [nearest] = cache.nearest({ ...query, normalForm: undefined });
    if (nearest === undefined || nearest.similarity < similarityMin) {
      cache.add(query, undefined);
      continue;
    }
    hits++;
    if (cache.answer(nearest.answerId) !== query.answer) wrongHits++;
  }
  return { requests: queries.length, hits, wrongHits, checks: 0 };
}

/** The policy as the gateway runs it, from its first request on, with labels that come at once. */
export function replayPolicy(
  queries: readonly Query[],
  maxError: number,
  options: Options,
): Outcome {
  const { guards, judge, random } = options;
  const cache = new Cache();
  const policy = new SemanticPolicy({
    ...semanticPolicyDefaults,
    maxError,
    embedderId: "bench",
    random,
  });
  const outcome = { requests: queries.length, hits: 0, wrongHits: 0, checks: 0 };
  for (const query of queries) {
    const asked = prepare(query.text);
    const forbids = (entryId: string): boolean =>
      guardAgainst(asked, cache.prepared(entryId), { guards }) !== undefined;
    const circumstances = { mode: "serve", isBudgetLeft: true, forbids } as const;
    const decision = policy.decide(cache.nearest(query), circumstances);
    const isRight = decision !== undefined && cache.answer(decision.answerId) === query.answer;
    if (decision?.serve === true) {
      outcome.hits++;
      if (!isRight) outcome.wrongHits++;
    } else if (decision?.check === true) {
      outcome.checks++;
      const errs = random() < (isRight ? judge.wronglyNo : judge.wronglyYes);
      check(decision, errs ? !isRight : isRight, { cache, policy, query });
    } else cache.add(query, undefined);
  }
  return outcome;
}

function check(
  decision: Decision,
  isSaidRight: boolean,
  { cache, policy, query }: { cache: Cache; policy: SemanticPolicy; query: Query },
): void {
  policy.observe(decision, isSaidRight);
  cache.tally(decision.answerId, isSaidRight);
  cache.add(query, isSaidRight ? decision.answerId : undefined);
}

/** One shard, as large as the gateway's may be, and what the replay knows of its answers. */
class Cache {
  readonly #index = new ShardIndex(semanticIndexLimits.shardEntriesMax);
  readonly #prepared = new Map<string, Prepared>();
  readonly #answers = new Map<string, string>();
  readonly #tallies = new Map<string, Tally>();
  #entries = 0;

  nearest({ vector, normalForm }: Query): ReturnType<ShardIndex["nearest"]> {
    return this.#index.nearest({ vector, normalForm, nowEpochMs: 0 });
  }

  /** As an alias of an answer, or with its own. */
  add({ text, normalForm, vector, answer }: Query, aliasOf: string | undefined): void {
    const id = String(this.#entries++);
    if (aliasOf === undefined) this.#answers.set(id, answer);
    const entry: SemanticEntry = {
      ...{ id, answerId: aliasOf ?? id, tenantId: "bench", shard: "bench", text, normalForm },
      ...{ vector, embedderId: "bench", expiresAtEpochMs: Number.POSITIVE_INFINITY },
    };
    this.#index.add(entry);
  }

  prepared(entryId: string): Prepared {
    const known = this.#prepared.get(entryId) ?? prepare(this.#index.entry(entryId)?.text ?? "");
    this.#prepared.set(entryId, known);
    return known;
  }

  answer(answerId: string): string | undefined {
    return this.#answers.get(answerId);
  }

  tally(answerId: string, isRight: boolean): void {
    const { confirmations = 0, refutations = 0 } = this.#tallies.get(answerId) ?? {};
    const tally: Tally = {
      answerId,
      confirmations: confirmations + (isRight ? 1 : 0),
      refutations: refutations + (isRight ? 0 : 1),
    };
    this.#tallies.set(answerId, tally);
    this.#index.tally(tally);
  }
}
