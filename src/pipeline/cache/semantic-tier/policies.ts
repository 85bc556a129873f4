import type { Clock } from "../../../lib/clock.ts";
import { defaultGuardsOff, type GuardName } from "../../../tenants/cache-policy.ts";
import {
  readSemanticPolicy,
  SemanticPolicy,
  semanticPolicyDefaults,
  type SemanticPolicyOptions,
} from "../semantic-policy.ts";
import type { SemanticStore } from "../semantic-store.ts";
import { labelsOf } from "./labels.ts";
import type { Faults } from "./faults.ts";
import { Loads, type LoadLimits } from "./loads.ts";
import { within } from "./within.ts";

/** Whose policy: two limits of one tenant learn from the same labels up to where they part, and apart from there. */
export interface PolicyOwner {
  readonly tenantId: string;
  readonly maxError: number;
  /** What passed more guards says nothing of the errors of what passes fewer: they share no labels. */
  readonly guardsOff: ReadonlySet<GuardName>;
}

const learnerIds = new WeakMap<ReadonlySet<GuardName>, string>();

/** Under which name a policy is kept: the embedder's, and the guards where they are not the usual ones. */
export function learnerIdOf(embedderId: string, guardsOff: ReadonlySet<GuardName>): string {
  const suffix = learnerIds.get(guardsOff) ?? suffixOf(guardsOff);
  learnerIds.set(guardsOff, suffix);
  return `${embedderId}${suffix}`;
}

function suffixOf(guardsOff: ReadonlySet<GuardName>): string {
  const names = namesIn(guardsOff);
  return names === namesIn(defaultGuardsOff) ? "" : ` without ${names}`;
}

const namesIn = (guards: ReadonlySet<GuardName>): string => [...guards].sort().join(",");

interface Held extends PolicyOwner {
  policy: SemanticPolicy;
  /** It has learnt something that is not kept yet. */
  isDirty: boolean;
}

export interface PoliciesOptions {
  readonly store: Pick<SemanticStore, "loadPolicy" | "savePolicy">;
  readonly embedderId: string;
  readonly random: () => number;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly limits: LoadLimits & {
    readonly storeMs: number;
    readonly policiesMax: number;
    readonly saveAfterMs: number;
  };
}

/**
 * The tenants' policies in memory. One is loaded when it is first wanted, and kept again some seconds after it has learnt
 * something, when it makes room for others, and at the end.
 *
 * The store holds one for each tenant, embedder and set of guards. Replicas learn apart: whichever is further along stays kept, and
 * the last writer where they are level; one that was stopped counts as further than any that was not, and the others
 * take it over, so that a stop reaches all of them.
 */
export class Policies implements AsyncDisposable {
  readonly #options: PoliciesOptions;
  readonly #loads: Loads;
  /** The one that was asked for longest ago first. */
  readonly #held = new Map<string, Held>();
  /** Of those that had to go, by tenant, while they are kept. */
  readonly #leaving = new Map<string, Promise<boolean>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PoliciesOptions) {
    this.#options = options;
    this.#loads = new Loads(options.limits, options.clock);
  }

  get size(): number {
    return this.#held.size;
  }

  /** Undefined where it is not loaded yet. */
  held(owner: PolicyOwner): SemanticPolicy | undefined {
    const key = keyOf(owner);
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    this.#held.delete(key);
    this.#held.set(key, held);
    return held.policy;
  }

  /** The one of this tenant that was asked for last, whatever its limit. */
  latestOf(tenantId: string): (PolicyOwner & { readonly policy: SemanticPolicy }) | undefined {
    return [...this.#held.values()].findLast((held) => held.tenantId === tenantId);
  }

  /** Of each tenant that has one in memory, that which was asked for last. */
  latest(): Iterable<PolicyOwner & { readonly policy: SemanticPolicy }> {
    return new Map([...this.#held.values()].map((held) => [held.tenantId, held])).values();
  }

  /** Has it loaded, if there is room for that. */
  want(owner: PolicyOwner): void {
    this.#loads.want(keyOf(owner), () => this.#load(owner));
  }

  /** Rejects where the store does not say what was kept: learning from nothing would spoil that. */
  async load(owner: PolicyOwner): Promise<SemanticPolicy> {
    if (!this.#held.has(keyOf(owner)))
      await this.#loads.join(keyOf(owner), () => this.#load(owner));
    const policy = this.held(owner);
    if (policy === undefined) throw new Error("The policy had to make room before it was used.");
    return policy;
  }

  /** The policy has learnt something. */
  learnt(owner: PolicyOwner): void {
    const held = this.#held.get(keyOf(owner));
    if (held === undefined) return;
    held.isDirty = true;
    this.#saveSoon();
  }

  /** Keeps what is not kept yet. Never rejects. */
  async save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const held of [...this.#held.values()]) {
      if (!held.isDirty || (await this.#keep(held))) continue;
      // The store is down: the others wait for the next time.
      this.#saveSoon();
      return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.save();
    await Promise.all(this.#leaving.values());
    clearTimeout(this.#timer);
  }

  #saveSoon(): void {
    this.#timer ??= setTimeout(() => void this.save(), this.#options.limits.saveAfterMs).unref();
  }

  async #load(owner: PolicyOwner): Promise<void> {
    const { store, faults } = this.#options;
    const { tenantId } = owner;
    try {
      await this.#leaving.get(tenantId);
      const options = this.#optionsFor(owner);
      const { embedderId } = options;
      const sibling = this.#siblingOf(owner)?.policy.toJSON();
      const kept = sibling ?? (await store.loadPolicy({ tenantId, embedderId }));
      faults.worked("policy");
      const policy = readSemanticPolicy(options, kept) ?? new SemanticPolicy(options);
      // One that was given up for being slow, and came after another one, must not take what that has learnt.
      if (this.#held.has(keyOf(owner))) return;
      this.#held.set(keyOf(owner), { ...owner, policy, isDirty: false });
      this.#makeRoom();
    } catch (error) {
      faults.failed("policy", error);
      throw error;
    }
  }

  /** With the same labels so far, and another limit. */
  #siblingOf({ tenantId, guardsOff }: PolicyOwner): Held | undefined {
    const id = learnerIdOf("", guardsOff);
    return [...this.#held.values()].findLast(
      (held) => held.tenantId === tenantId && learnerIdOf("", held.guardsOff) === id,
    );
  }

  #makeRoom(): void {
    for (const [key, held] of this.#held) {
      if (this.#held.size <= this.#options.limits.policiesMax) return;
      this.#held.delete(key);
      if (held.isDirty) this.#leave(held);
    }
  }

  #leave(held: Held): void {
    const { tenantId } = held;
    const before = this.#leaving.get(tenantId) ?? Promise.resolve(true);
    const kept = before
      .then(() => this.#keep(held))
      .finally(() => {
        if (this.#leaving.get(tenantId) === kept) this.#leaving.delete(tenantId);
      });
    this.#leaving.set(tenantId, kept);
  }

  /** Whether it is kept, or something that is further along. Never rejects. */
  async #keep(held: Held): Promise<boolean> {
    const { store, faults, limits } = this.#options;
    const options = this.#optionsFor(held);
    const place = { tenantId: held.tenantId, embedderId: options.embedderId };
    held.isDirty = false;
    try {
      const json = await within(limits.storeMs, () => store.loadPolicy(place));
      const kept = readSemanticPolicy(options, json);
      if (kept !== undefined && kept.stops > held.policy.stops) held.policy = kept;
      else if (kept === undefined || !isFurther(kept, held.policy))
        await within(limits.storeMs, () => store.savePolicy(place, held.policy.toJSON()));
      faults.worked("policy");
      return true;
    } catch (error) {
      held.isDirty = true;
      faults.failed("policy", error);
      return false;
    }
  }

  #optionsFor({ maxError, guardsOff }: PolicyOwner): SemanticPolicyOptions {
    const { random } = this.#options;
    const embedderId = learnerIdOf(this.#options.embedderId, guardsOff);
    return { ...semanticPolicyDefaults, maxError, embedderId, random };
  }
}

function isFurther(left: SemanticPolicy, right: SemanticPolicy): boolean {
  if (left.stops !== right.stops) return left.stops > right.stops;
  return labelsOf(left).all > labelsOf(right).all;
}

/** A tenant's id holds no line break. */
const keyOf = ({ tenantId, maxError, guardsOff }: PolicyOwner): string =>
  learnerIdOf(`${tenantId}\n${maxError}`, guardsOff);
