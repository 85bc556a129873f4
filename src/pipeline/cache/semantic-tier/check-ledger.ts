import type { Clock } from "../../../lib/clock.ts";
import { Lru } from "../../../lib/lru.ts";
import type { AnswerCheckRefusal } from "../answer-check.ts";
import type { SemanticRules } from "../../../tenants/cache-policy.ts";

/** Since this process began. */
export interface CheckFigures {
  /** Pairs that got a verdict. */
  readonly made: number;
  /** Of those, found to be the same. */
  readonly agreed: number;
  readonly spentNanoUsd: number;
  readonly refusedByBudget: number;
  readonly unavailable: number;
  /** Asked and paid for, and no verdict. */
  readonly unclear: number;
  /** Equal texts, while the tenant's other checks got no verdict. */
  readonly withheld: number;
}

/** Tenants whose checks are counted apart; at the bound the one goes that was checked longest ago. */
const tenantsMax = 1_000;

type Writable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

interface TenantChecks {
  readonly figures: Writable<CheckFigures>;
  /** No check is tried before. */
  restsUntilTickMs: number;
}

/** What checks there were, what they cost, and which tenants have nothing left to pay them with. */
export class CheckLedger {
  readonly #clock: Clock;
  readonly #restMs: number;
  readonly #tenants = new Lru<string, TenantChecks>(tenantsMax);
  readonly #all = noChecks();

  constructor(clock: Clock, restMs: number) {
    this.#clock = clock;
    this.#restMs = restMs;
  }

  get all(): CheckFigures {
    return this.#all;
  }

  of(tenantId: string): CheckFigures {
    return this.#tenants.get(tenantId)?.figures ?? noChecks();
  }

  isBudgetLeft({ tenantId, rules }: { tenantId: string; rules: SemanticRules }): boolean {
    if (rules.learningBudgetNanoUsd <= 0) return false;
    const known = this.#tenants.get(tenantId);
    return known === undefined || this.#clock.tickMs() >= known.restsUntilTickMs;
  }

  noteVerdict(tenantId: string, { isSame, nanoUsd }: { isSame: boolean; nanoUsd: number }): void {
    this.#change(tenantId, (figures) => {
      figures.made++;
      figures.spentNanoUsd += nanoUsd;
      if (isSame) figures.agreed++;
    });
  }

  noteRefusal(tenantId: string, { refused, nanoUsd = 0 }: AnswerCheckRefusal): void {
    this.#change(tenantId, (figures) => {
      figures.spentNanoUsd += nanoUsd;
      if (refused === "budget") figures.refusedByBudget++;
      else figures[refused]++;
    });
    if (refused !== "budget") return;
    this.#tenant(tenantId).restsUntilTickMs = this.#clock.tickMs() + this.#restMs;
  }

  /** A check that was not even tried. */
  noteNoBudget(tenantId: string): void {
    this.#change(tenantId, (figures) => figures.refusedByBudget++);
  }

  #change(tenantId: string, change: (figures: Writable<CheckFigures>) => void): void {
    change(this.#tenant(tenantId).figures);
    change(this.#all);
  }

  #tenant(tenantId: string): TenantChecks {
    const known = this.#tenants.get(tenantId);
    if (known !== undefined) return known;
    const made: TenantChecks = { figures: noChecks(), restsUntilTickMs: 0 };
    this.#tenants.set(tenantId, made);
    return made;
  }
}

const noChecks = (): Writable<CheckFigures> => ({
  made: 0,
  agreed: 0,
  spentNanoUsd: 0,
  refusedByBudget: 0,
  unavailable: 0,
  unclear: 0,
  withheld: 0,
});
