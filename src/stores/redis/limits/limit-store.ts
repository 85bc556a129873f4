import type { Clock } from "../../../lib/clock.ts";
import type { PartHealth } from "../../../lib/part-health.ts";
import { leaseMs } from "../../../pipeline/limits/limit-store.ts";
import type {
  Admission,
  AdmitRequest,
  Amounts,
  Lease,
  LimitStore,
} from "../../../pipeline/limits/limit-store.ts";
import { Failure } from "../../../errors.ts";
import type { RedisConnection } from "../open.ts";
import { answerMsMax, RequestGate } from "../request-gate.ts";
import { readScript } from "../script.ts";
import { quotaIn, readAdmitReply, refusalIn } from "./admit-reply.ts";
import type { AdmitReply } from "./admit-reply.ts";
import { budgetKeysAt } from "./keys.ts";
import type { LeaseNote } from "./keys.ts";
import { LastKnown } from "./last-known.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { LocalShare } from "./local-share.ts";
import { budgetArguments, datedPlan, planOf } from "./plan.ts";
import type { DatedPlan, Plan } from "./plan.ts";
import { Replicas } from "./replicas.ts";

const lua = (name: string): URL => new URL(name, import.meta.url);
const admitScript = readScript(lua("admit.lua"), [lua("gcra.lua"), lua("holds.lua")]);
const extendScript = readScript(lua("extend.lua"), [lua("gcra.lua")]);
const undoScript = readScript(lua("undo.lua"), [lua("holds.lua")]);

export interface RedisLimitStoreDeps {
  /** Opened for `requests`; its owner closes it. */
  readonly redis: RedisConnection;
  readonly clock: Clock;
  /** Degraded while this process counts alone. */
  readonly health?: PartHealth;
  /** So long a request waits for Redis. */
  readonly answerMs?: number;
}

/**
 * Limits and budgets counted in Redis, for all replicas together. One script admits. Places among concurrent requests
 * are given back at once; tokens and money are settled by the sink, from the journal (`settle-lease.lua`).
 *
 * A Redis that does not answer within 50 ms is not waited for: this process admits its share alone
 * (`local-share.ts`), and after three such failures does not ask until Redis answers a probe again.
 */
export function redisLimitStore(deps: RedisLimitStoreDeps): LimitStore {
  return new RedisLimits(deps);
}

/** An admission that Redis runs later than this after it was sent reserves nothing: nobody waits for it. */
const staleAfterMs = 2_000;

const uncounted = (problem: string): string => `Redis does not count limits: ${problem}`;

class RedisLimits implements LimitStore {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #gate: RequestGate;
  readonly #known = new LastKnown();
  readonly #replicas: Replicas;
  readonly #leases: LeaseKeeper;
  /** What Redis' clock is ahead of our ticking one, for each server. Bounded by the servers of a cluster. */
  readonly #offsetsMs = new Map<string, number>();
  /** For each server that is gone. */
  readonly #shares = new Map<string, LocalShare>();
  /** Which share admitted a lease, as long as its request runs. */
  readonly #localLeases = new WeakMap<
    Lease,
    { readonly share: LocalShare; readonly lease: Lease }
  >();

  constructor({ redis, clock, health, answerMs = answerMsMax }: RedisLimitStoreDeps) {
    this.#redis = redis;
    this.#clock = clock;
    redis.preload([admitScript, extendScript]);
    this.#leases = new LeaseKeeper(redis);
    this.#gate = new RequestGate({
      redis,
      answerMs,
      onChange: (problem) => {
        if (problem === undefined) {
          health?.noteOk();
          void this.#replicas.beat();
          this.#leases.onBack();
        } else {
          health?.noteFailure(uncounted(problem));
        }
      },
    });
    this.#replicas = new Replicas(redis, {
      onWord: () => {
        if (this.#gate.problem === undefined) health?.noteOk();
      },
      onSilence: (error) => {
        const problem = error instanceof Error ? error.message : String(error);
        if (this.#gate.problem === undefined) health?.noteFailure(uncounted(problem));
      },
    });
  }

  /** Without Redis at once, and throws then what it otherwise rejects with. */
  admit(request: AdmitRequest): Admission | Promise<Admission> {
    const plan = planOf(request);
    if (!plan.isLimited) return unlimited(request);
    const node = this.#redis.nodeOf(plan.keys.rates);
    if (this.#gate.isOpen(node)) {
      return this.#admitAlone(request, node);
    }
    return this.#admitShared(request, plan, node);
  }

  async #admitShared(request: AdmitRequest, plan: Plan, node: string): Promise<Admission> {
    const dated = datedPlan(plan, request.startedEpochMs, this.#clock.epochMs());
    let reply: AdmitReply;
    try {
      reply = await this.#ask(request, plan, dated, node);
      // Redis' clock is not where we thought: another server is master, or somebody set it.
      if (reply.kind === "late") reply = await this.#ask(request, plan, dated, node);
      if (reply.kind === "late") return this.#admitAlone(request, node);
    } catch (error) {
      if (error instanceof Failure) throw error;
      return this.#admitAlone(request, node);
    }
    if (this.#shares.get(node)?.isForgotten === true) this.#shares.delete(node);
    this.#known.note(plan, dated, reply, this.#clock.tickMs());
    const quota = quotaIn(reply, plan);
    if (reply.kind === "admitted") {
      const lease = leaseOf(request, plan, reply);
      this.#leases.add(lease, plan);
      return { kind: "admitted", lease, quota };
    }
    const refusal = refusalIn(reply, plan, request);
    if (refusal === undefined) {
      throw new Failure("store_unavailable", "Sentinel's Redis refused without a reason.");
    }
    return { kind: "refused", refusal, quota };
  }

  async #ask(
    request: AdmitRequest,
    plan: Plan,
    dated: DatedPlan,
    node: string,
  ): Promise<AdmitReply> {
    const { id, keyId, reserve } = request;
    const answer = await this.#gate.call({
      node,
      probeKey: plan.keys.probe,
      send: () =>
        this.#redis.run(admitScript, dated.keys, [
          id,
          this.#staleAtMs(node),
          leaseMs,
          keyId,
          reserve.tokens,
          reserve.nanoUsd,
          dated.places,
          ...dated.limitArguments,
        ]),
      onLate: (late) => {
        if (readAdmitReply(late).kind === "admitted") this.#undo(id, plan, dated);
      },
    });
    const reply = readAdmitReply(answer);
    this.#noteOffset(node, reply.nowMs - this.#clock.tickMs());
    return reply;
  }

  /** By the server's clock; 0 while it is not known. */
  #staleAtMs(node: string): number {
    const offsetMs = this.#offsetsMs.get(node);
    return offsetMs === undefined ? 0 : Math.ceil(this.#clock.tickMs() + offsetMs + staleAfterMs);
  }

  /** An answer that was read late makes it too small: the largest of the last ones is nearest. */
  #noteOffset(node: string, offsetMs: number): void {
    const known = this.#offsetsMs.get(node) ?? offsetMs;
    this.#offsetsMs.set(node, Math.max(offsetMs, known - 1));
  }

  /** The request was served, or refused, by what this process knew alone. */
  #undo(id: string, plan: Plan, { periodIds }: DatedPlan): void {
    const [, ...keys] = plan.fixedKeys;
    this.#redis
      .run(undoScript, [...keys, ...periodIds.map(plan.keys.budget)], [id, ...periodIds])
      .catch(() => undefined); // Its lease expires.
  }

  #admitAlone(request: AdmitRequest, node: string): Admission {
    const share = this.#shareOf(node);
    const admission = share.admit(request);
    if (admission.kind === "refused") return admission;
    const lease: Lease = {
      ...admission.lease,
      rules: request.rules,
      reserved: request.reserve,
      journalled: JSON.stringify({ a: 0, k: request.keyId, t: 0, r: [0, 0] } satisfies LeaseNote),
      isLocal: true,
    };
    this.#localLeases.set(lease, { share, lease: admission.lease });
    return { ...admission, lease };
  }

  /** Begins when the server is gone; what was spent of it is remembered for a while after the server is back. */
  #shareOf(node: string): LocalShare {
    const known = this.#shares.get(node);
    if (known !== undefined) return known;
    const share = new LocalShare({
      clock: this.#clock,
      known: this.#known,
      replicas: () => this.#replicas.count,
    });
    this.#shares.set(node, share);
    return share;
  }

  extend(lease: Lease, more: Amounts): boolean | Promise<boolean> {
    const local = this.#localLeases.get(lease);
    if (local !== undefined) return local.share.extend(local.lease, more);
    const plan = planOf(lease);
    if (plan.hardBudgets.length === 0) return true;
    const node = this.#redis.nodeOf(plan.keys.rates);
    if (this.#gate.isOpen(node)) return this.#extendAlone(lease, more, node);
    return this.#extendShared(lease, more, plan, node);
  }

  async #extendShared(lease: Lease, more: Amounts, plan: Plan, node: string): Promise<boolean> {
    const { rates, holds, holdValues, probe } = plan.keys;
    const budgets = budgetKeysAt(lease.tenantId, lease.startedEpochMs);
    const args = [
      ...[lease.id, leaseMs, lease.keyId, more.tokens, more.nanoUsd],
      ...plan.tokensPerMinute,
      ...budgetArguments(plan),
    ];
    try {
      const answer = await this.#gate.call({
        node,
        probeKey: probe,
        send: () => this.#redis.run(extendScript, [rates, holds, holdValues, ...budgets], args),
        // What was reserved is given back with all that its request holds.
        onLate: () => undefined,
      });
      return answer === 1;
    } catch {
      return this.#extendAlone(lease, more, node);
    }
  }

  /** A request that Redis admitted goes on at the cost of this process' share. */
  #extendAlone(lease: Lease, more: Amounts, node: string): boolean {
    const rules = lease.rules.map(({ scope, budgets }) => ({
      scope,
      budgets,
      requestsPerMinute: undefined,
      tokensPerMinute: undefined,
      concurrentRequests: undefined,
    }));
    const share = this.#shareOf(node);
    const id = `${lease.id} ${this.#clock.tickMs()}`;
    try {
      const admission = share.admit({ ...lease, id, rules, reserve: more });
      if (admission.kind === "refused") return false;
      share.settle(admission.lease, more);
      return true;
    } catch {
      return false; // Nothing is known of its budget any more, so there is no more of it to be had.
    }
  }

  settle(lease: Lease, used: Amounts): void {
    const local = this.#localLeases.get(lease);
    if (local === undefined) {
      this.#leases.end(lease, planOf(lease));
      return;
    }
    this.#localLeases.delete(lease);
    local.share.settle(local.lease, used);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gate[Symbol.dispose]();
    await Promise.all([this.#leases[Symbol.asyncDispose](), this.#replicas[Symbol.asyncDispose]()]);
  }
}

function unlimited(request: AdmitRequest): Admission {
  const { id, tenantId, keyId, startedEpochMs, rules, reserve } = request;
  const lease = { id, tenantId, keyId, startedEpochMs, rules, reserved: reserve };
  return {
    kind: "admitted",
    lease: { ...lease, journalled: undefined, isLocal: false },
    quota: { requests: undefined, tokens: undefined },
  };
}

function leaseOf(request: AdmitRequest, plan: Plan, { nowMs }: AdmitReply): Lease {
  const { id, tenantId, keyId, startedEpochMs, rules, reserve } = request;
  const note: LeaseNote = { a: nowMs, k: keyId, t: reserve.tokens, r: plan.tokensPerMinute };
  const needsSettling = plan.hardBudgets.length > 0 || note.r[0] > 0 || note.r[1] > 0;
  return {
    id,
    tenantId,
    keyId,
    startedEpochMs,
    rules,
    reserved: reserve,
    journalled: needsSettling ? JSON.stringify(note) : undefined,
    isLocal: false,
  };
}
