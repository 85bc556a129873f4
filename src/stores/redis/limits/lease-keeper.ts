import { leaseMs } from "../../../pipeline/limits/limit-store.ts";
import type { Lease } from "../../../pipeline/limits/limit-store.ts";
import type { RedisConnection } from "../open.ts";
import { readScript } from "../script.ts";
import type { ScriptArgument } from "../script.ts";
import type { Plan } from "./plan.ts";

const lua = (name: string): URL => new URL(name, import.meta.url);
const renewScript = readScript(lua("renew.lua"), [lua("gcra.lua")]);
const releaseScript = readScript(lua("release.lua"));

const renewEveryMs = leaseMs / 3;
const leasesPerCall = 200;
/** Places that could not be given back are tried again when Redis answers; beyond the bound they expire. */
const unreleasedMax = 10_000;

interface KeptLease {
  readonly id: string;
  readonly plan: Plan;
}

/** Prolongs the leases of the requests that this process runs, and gives their places back when they end. */
export class LeaseKeeper implements AsyncDisposable {
  readonly #redis: RedisConnection;
  /** Bounded by the requests that the door lets in. */
  readonly #leases = new Map<string, KeptLease>();
  readonly #unreleased = new Map<string, KeptLease>();
  readonly #releasing = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
    this.#timer = setInterval(() => void this.renew(), renewEveryMs);
    this.#timer.unref();
  }

  add({ id }: Lease, plan: Plan): void {
    if (plan.hardBudgets.length > 0 || hasPlaces(plan)) this.#leases.set(id, { id, plan });
  }

  /** What it holds of a budget stays held until the sink settles it. */
  end({ id }: Lease, plan: Plan): void {
    this.#leases.delete(id);
    if (hasPlaces(plan)) this.#release({ id, plan });
  }

  onBack(): void {
    const waiting = [...this.#unreleased.values()];
    this.#unreleased.clear();
    for (const kept of waiting) this.#release(kept);
    void this.renew();
  }

  /** All leases, with one call for each tenant, or a few. */
  async renew(): Promise<void> {
    const byTenant = Map.groupBy(this.#leases.values(), ({ plan }) => plan.tenantId);
    for (const leases of byTenant.values()) {
      for (let at = 0; at < leases.length; at += leasesPerCall) {
        // One tenant after the other: nothing is in a hurry here, and the requests' calls are.
        await this.#renewBatch(leases.slice(at, at + leasesPerCall));
      }
    }
  }

  async #renewBatch(leases: readonly KeptLease[]): Promise<void> {
    const [first] = leases;
    if (first === undefined) return;
    const { keys } = first.plan;
    const names = [keys.holds, keys.running("")];
    const args: ScriptArgument[] = [leaseMs];
    for (const { id, plan } of leases) {
      let at = 0;
      if (plan.key?.concurrentRequests !== undefined) {
        const name = keys.running(plan.keyId);
        at = names.indexOf(name, 2) + 1;
        if (at === 0) at = names.push(name);
      }
      args.push(id, plan.tenant?.concurrentRequests === undefined ? 0 : 1, at);
    }
    try {
      await this.#redis.run(renewScript, names, args);
    } catch {
      // There are two more turns before they expire.
    }
  }

  #release(kept: KeptLease): void {
    const { id, plan } = kept;
    const keys = [plan.keys.running(""), plan.keys.running(plan.keyId)];
    const released = this.#redis.run(releaseScript, keys, [id]).then(
      () => undefined,
      () => {
        if (this.#unreleased.size < unreleasedMax) this.#unreleased.set(id, kept);
      },
    );
    this.#releasing.add(released);
    void released.finally(() => this.#releasing.delete(released));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#releasing);
  }
}

const hasPlaces = ({ tenant, key }: Plan): boolean =>
  (tenant?.concurrentRequests ?? key?.concurrentRequests) !== undefined;
