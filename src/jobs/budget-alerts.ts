import type { Clock } from "../lib/clock.ts";
import { Lru } from "../lib/lru.ts";
import type { BudgetSpent } from "../pipeline/cost/usage-ledger.ts";
import type { TenantStore } from "../tenants/tenant-store.ts";
import type { Policy } from "../tenants/tenant.ts";
import type { Alert, AlertClaims } from "./alert-claims.ts";
import type { WebhookSender } from "./post-webhook.ts";
import { currentPeriod, reachedThresholds } from "./reached-thresholds.ts";

/** Tells people what budgets have come to: a webhook, once for each threshold of each budget and period. */
export interface BudgetAlerts extends AsyncDisposable {
  /** What was spent, as the stores report it while they are fed. Only takes note; never throws. */
  note(spent: readonly BudgetSpent[]): void;
}

export interface BudgetAlertsDeps {
  readonly claims: AlertClaims;
  readonly policies: Pick<TenantStore, "getTenant" | "getKey">;
  /** Disposed by whoever opened it, after this. */
  readonly sender: WebhookSender;
  readonly clock: Clock;
  /** For tenants without an address of their own; undefined: they get none. */
  readonly defaultUrl: string | undefined;
  /** Told of a webhook that could not be delivered and of stores that do not answer, never of an address. */
  readonly onError: (error: unknown) => void;
  /** Shutdown waits so long for what is being sent. */
  readonly flushMs?: number;
}

/** At the bound the oldest report is dropped: the next request of its owner brings a newer one. */
const notedMax = 20_000;
/** Policies are asked for again after this: a changed budget takes so long to show in alerts. */
const policyMs = 30_000;
const policiesMax = 10_000;
/** Claims that are known to be made are not asked for again: one for each threshold that was reached. */
const knownClaimsMax = 50_000;
/** At the bound claimed alerts are left to the next round of those whose term is over. */
const sendingMax = 32;
/** Whoever claims an alert has so long to send it. More than all tries of one webhook take. */
const termMs = 5 * 60_000;
/** A webhook that has not worked for so long is given up. */
const triedForMs = 86_400_000;
/** So often it is looked for claims whose sender died. */
const roundMs = 60_000;
const takenOverMax = 16;
const forgottenMax = 500;
/** After a store did not answer. */
const tryAgainMs = 5_000;
const defaultFlushMs = 5_000;

export function openBudgetAlerts(deps: BudgetAlertsDeps): BudgetAlerts {
  return new Alerts(deps);
}

interface KnownPolicies {
  readonly tenant: Policy | undefined;
  readonly key: Policy | undefined;
  readonly askedMs: number;
}

class Alerts implements BudgetAlerts {
  readonly #deps: BudgetAlertsDeps;
  /** The latest report of each tenant or key and period. */
  readonly #noted = new Map<string, BudgetSpent>();
  readonly #policies = new Lru<string, KnownPolicies>(policiesMax);
  readonly #knownClaims = new Lru<string, true>(knownClaimsMax);
  readonly #sending = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #rounds: NodeJS.Timeout;
  #working: Promise<void> | undefined;
  #rounding: Promise<void> | undefined;
  #again: NodeJS.Timeout | undefined;
  #isFailing = false;
  #isDisposed = false;

  constructor(deps: BudgetAlertsDeps) {
    this.#deps = deps;
    const round = () => {
      this.#rounding = this.#round();
    };
    this.#rounds = setInterval(round, roundMs).unref();
    // What the last process claimed may wait for a sender.
    round();
  }

  note(spent: readonly BudgetSpent[]): void {
    if (this.#isDisposed) return;
    for (const one of spent) this.#keep(one);
    this.#work();
  }

  /** Sends what is due, within a bound. What is claimed and not sent by then is sent by whoever starts next. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    clearInterval(this.#rounds);
    clearTimeout(this.#again);
    const { promise: bound, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), this.#deps.flushMs ?? defaultFlushMs);
    await Promise.race([this.#flush(), bound]);
    clearTimeout(timer);
    this.#stop.abort();
    await Promise.allSettled(this.#sending);
  }

  async #flush(): Promise<void> {
    this.#again = undefined;
    this.#work();
    await Promise.all([this.#working, this.#rounding]);
    await Promise.allSettled(this.#sending);
  }

  /** Sums only grow: of two reports the larger is the later one. */
  #keep(one: BudgetSpent): void {
    const name = `${one.tenantId}\n${one.keyId ?? ""}\n${one.periodId}`;
    const known = this.#noted.get(name);
    if (known !== undefined && known.spentNanoUsd > one.spentNanoUsd) return;
    this.#noted.set(name, one);
    if (this.#noted.size <= notedMax) return;
    for (const oldest of this.#noted.keys()) {
      this.#noted.delete(oldest);
      return;
    }
  }

  #work(): void {
    if (this.#again !== undefined) return;
    this.#working ??= this.#takeAll().finally(() => {
      this.#working = undefined;
      // What came after the last look.
      if (this.#noted.size > 0 && !this.#isDisposed) this.#work();
    });
  }

  async #takeAll(): Promise<void> {
    for (const [name, spent] of this.#noted) {
      this.#noted.delete(name);
      try {
        await this.#take(spent);
        this.#isFailing = false;
      } catch (error) {
        this.#keep(spent);
        this.#later(error);
        return;
      }
    }
  }

  #later(error: unknown): void {
    this.#tell(error);
    if (this.#isDisposed) return;
    this.#again = setTimeout(() => {
      this.#again = undefined;
      this.#work();
    }, tryAgainMs).unref();
  }

  /** Once for each time that the stores stop answering, however long that lasts. */
  #tell(error: unknown): void {
    if (!this.#isFailing) this.#deps.onError(error);
    this.#isFailing = true;
  }

  async #take(spent: BudgetSpent): Promise<void> {
    const nowMs = this.#deps.clock.epochMs();
    const period = currentPeriod(spent.periodId, nowMs);
    if (period === undefined) return;
    const { tenant, key } = await this.#policiesOf(spent);
    const policy = spent.keyId === undefined ? tenant : key;
    const url = tenant?.budget_webhook_url ?? this.#deps.defaultUrl;
    if (policy === undefined || url === undefined) return;
    const due = reachedThresholds(spent, period, policy).filter(
      ({ id }) => this.#knownClaims.get(id) === undefined,
    );
    if (due.length === 0) return;
    const term = { nowMs, untilMs: nowMs + termMs };
    const areOurs = await this.#deps.claims.claim(due, term);
    for (const [index, alert] of due.entries()) {
      this.#knownClaims.set(alert.id, true);
      if (areOurs[index] === true) this.#send(alert, url);
    }
  }

  async #policiesOf({ tenantId, keyId }: BudgetSpent): Promise<KnownPolicies> {
    const { policies, clock } = this.#deps;
    const name = `${tenantId}\n${keyId ?? ""}`;
    const known = this.#policies.get(name);
    const nowMs = clock.tickMs();
    if (known !== undefined && nowMs - known.askedMs < policyMs) return known;
    const [tenant, key] = await Promise.all([
      policies.getTenant(tenantId),
      keyId === undefined ? undefined : policies.getKey(keyId),
    ]);
    const found = {
      tenant: tenant?.policy,
      key: key?.tenantId === tenantId ? key.policy : undefined,
      askedMs: nowMs,
    };
    this.#policies.set(name, found);
    return found;
  }

  /** Beyond the bound it waits for the round that takes over claims whose term is over. */
  #send(alert: Alert, url: string): void {
    if (this.#sending.size >= sendingMax) return;
    const sending = this.#deliver(alert, url).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  /** Never rejects. */
  async #deliver(alert: Alert, url: string): Promise<void> {
    const delivery = await this.#deps.sender.post(url, alert.body, this.#stop.signal);
    if (delivery.kind !== "delivered" && !this.#stop.signal.aborted) {
      const outlook = delivery.kind === "failed" ? "It is tried again." : "It is not tried again.";
      this.#deps.onError(
        new Error(
          `The budget webhook of tenant ${alert.tenantId} failed: ${delivery.reason}. ${outlook}`,
        ),
      );
    }
    if (delivery.kind === "failed") return;
    try {
      await this.#deps.claims.finish(alert.id);
    } catch (error) {
      // It is sent once more when its term is over: at least once is the promise.
      this.#deps.onError(error);
    }
  }

  /** Never rejects. */
  async #round(): Promise<void> {
    const nowMs = this.#deps.clock.epochMs();
    try {
      await this.#deps.claims.forgetExpired(nowMs, forgottenMax);
      const free = Math.min(takenOverMax, sendingMax - this.#sending.size);
      if (free <= 0) return;
      const term = { nowMs, untilMs: nowMs + termMs, madeSinceMs: nowMs - triedForMs };
      for (const alert of await this.#deps.claims.takeOver(term, free)) {
        const { tenant } = await this.#policiesOf({ ...ofTenant, tenantId: alert.tenantId });
        const url = tenant?.budget_webhook_url ?? this.#deps.defaultUrl;
        if (tenant === undefined) await this.#deps.claims.finish(alert.id);
        else if (url !== undefined) this.#send(alert, url);
      }
      this.#isFailing = false;
    } catch (error) {
      this.#tell(error);
    }
  }
}

const ofTenant = { keyId: undefined, periodId: "", spentNanoUsd: 0n } as const;
