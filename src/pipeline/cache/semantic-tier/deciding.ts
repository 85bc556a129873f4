import { Lru } from "../../../lib/lru.ts";
import { guardNames } from "../../../tenants/cache-policy.ts";
import type { GuardName, SemanticRules } from "../../../tenants/cache-policy.ts";
import type { Neighbour } from "../channels.ts";
import { guardAgainst } from "../guards.ts";
import { prepare, type Prepared } from "../guards/prepare.ts";
import type { SemanticIndex, ShardPlace } from "../semantic-index.ts";
import type { Decision, SemanticPolicy } from "../semantic-policy.ts";
import type { Question } from "./question.ts";

/** Cached questions as the guards read them: 16 KB for 200 characters, 100 KB at most. At the bound the one goes that was used longest ago. */
const preparedMax = 1_000;

export interface Circumstance {
  readonly policy: SemanticPolicy;
  readonly place: ShardPlace;
  readonly isBudgetLeft: boolean;
}

/** Has a tenant's policy decide about a question, and asks the guards when it wants to know. */
export class Deciding {
  readonly #index: SemanticIndex;
  readonly #prepared = new Lru<string, Prepared>(preparedMax);

  constructor(index: SemanticIndex) {
    this.#index = index;
  }

  /** Undefined where nothing is near. What was decided stays with the question. */
  decide(
    question: Question,
    neighbours: readonly Neighbour[],
    { policy, place, isBudgetLeft }: Circumstance,
  ): Decision | undefined {
    return (question.decision = policy.decide(neighbours, {
      mode: question.rules.mode === "on" ? "serve" : "shadow",
      isBudgetLeft,
      forbids: (entryId) => this.#forbids(question, place, entryId),
    }));
  }

  /** No text that was purged stays here. */
  forget(): void {
    this.#prepared.clear();
  }

  #forbids(question: Question, place: ShardPlace, entryId: string): boolean {
    const entry = this.#index.entry(place, entryId);
    if (entry === undefined) return true;
    const options = guardsOf(question.rules);
    if (entry.text === question.text || options.guards?.size === 0) return false;
    const key = `${place.tenantId}\n${entryId}`;
    let cached = this.#prepared.get(key);
    // An entry that was asked again may have other words under its id.
    if (cached?.text !== entry.text) {
      cached = prepare(entry.text);
      this.#prepared.set(key, cached);
    }
    return guardAgainst(question.prepared, cached, options) !== undefined;
  }
}

const known = new WeakMap<SemanticRules, { readonly guards?: ReadonlySet<GuardName> }>();

/** Rules live as long as the policies they come from. */
function guardsOf(rules: SemanticRules): { readonly guards?: ReadonlySet<GuardName> } {
  const { guardsOff } = rules;
  if (guardsOff.size === 0) return all;
  const made = known.get(rules) ?? {
    guards: new Set(guardNames.filter((name) => !guardsOff.has(name))),
  };
  known.set(rules, made);
  return made;
}

const all = {};
