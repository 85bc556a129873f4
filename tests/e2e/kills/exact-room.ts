import { setTimeout as pause } from "node:timers/promises";

import { usdText } from "../../../src/lib/usd.ts";
import type { Accounts } from "./accounts.ts";
import { send } from "./clients.ts";
import type { Seen } from "./clients.ts";
import type { GatewayRun } from "./fleet.ts";
import type { Call } from "./priced-calls.ts";
import { askAdmin, makeProofKey } from "./proof-tenants.ts";
import type { AdminAddress, ProofKey } from "./proof-tenants.ts";

export interface RoomProof {
  readonly problems: readonly string[];
  /** The calls that were made for it: they are accounted like all others. */
  readonly seen: readonly Seen[];
}

export interface RoomOptions {
  readonly at: AdminAddress;
  readonly run: GatewayRun;
  readonly accounts: () => Promise<Accounts>;
  /** A shared store knows that a dead process holds nothing when its leases are over. */
  readonly waitMs: number;
  /** Told when nothing is held any more. */
  readonly onFree: () => void;
}

const tenant = "hard";

/**
 * Shows that nothing is held: a hard budget with exactly the room that is left admits a request, and with one
 * nano-dollar less it does not; all that with a single place for requests that run.
 */
export async function proveExactRoom(options: RoomOptions): Promise<RoomProof> {
  const { at, waitMs } = options;
  // With a budget of its own, so that what is reserved stands in its records.
  const key = await makeProofKey(at, tenant, "probe", { budgets: [totalOf("1000")] });
  const prober = new Prober(options, key);
  const { seen } = prober;
  const reserved = await prober.reserved();
  if (reserved === 0n) return { problems: ["nothing is reserved for a probe"], seen };

  const problems: string[] = [];
  await prober.leave({ tenant: reserved, key: reserved });
  if (await prober.isAdmittedWithin(waitMs)) options.onFree();
  else problems.push(`something is still held after ${waitMs} ms: ${prober.lastCode}`);
  await prober.leave({ tenant: reserved - 1n, key: reserved });
  if (!(await prober.isTooMuch())) problems.push("a tenant's budget admits one too many");
  await prober.leave({ tenant: reserved, key: reserved - 1n });
  if (!(await prober.isTooMuch())) problems.push("a key's budget admits one too many");
  await prober.leave({ tenant: reserved, key: reserved });
  if (!(await prober.isAdmittedWithin(patienceMs))) {
    problems.push(`the exact room does not admit a request: ${prober.lastCode}`);
  }
  return { problems, seen };
}

/** A shared store has what a request came to, and gives its place back, in a moment. */
const patienceMs = 10_000;

class Prober {
  readonly seen: Seen[] = [];
  readonly #options: RoomOptions;
  readonly #key: ProofKey;

  constructor(options: RoomOptions, key: ProofKey) {
    this.#options = options;
    this.#key = key;
  }

  get lastCode(): string {
    return this.seen.at(-1)?.code ?? "no error";
  }

  /** For each probe from now on: the first teaches what the prompt comes to. */
  async reserved(): Promise<bigint> {
    await this.#probe();
    const { requestId } = await this.#probe();
    const { records } = await this.#accounts();
    const record = records.get(tenant)?.find(({ id }) => id === requestId);
    return BigInt(record?.limits?.reserved_nano_usd ?? 0);
  }

  /** Sets budgets in which there is so much room. */
  async leave(room: { readonly tenant: bigint; readonly key: bigint }): Promise<void> {
    const { at } = this.#options;
    const { usage } = await this.#accounts();
    const limits = { concurrent_requests: 1 };
    const budgetsOf = (name: string, more: bigint) => [
      totalOf(usdText((usage.get(name)?.costNanoUsd ?? 0n) + more)),
    ];
    const { id } = this.#key;
    await askAdmin(at, `PATCH /tenants/${tenant}`, {
      policy: { limits, budgets: budgetsOf(tenant, room.tenant) },
    });
    await askAdmin(at, `PATCH /keys/${id}`, {
      policy: { limits, budgets: budgetsOf(id, room.key) },
    });
  }

  async isAdmittedWithin(waitMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + waitMs;
    for (;;) {
      if ((await this.#probe()).status === 200) return true;
      if (performance.now() > deadlineMs) return false;
      await pause(250);
    }
  }

  async isTooMuch(): Promise<boolean> {
    return (await this.#probe()).code === "budget_exceeded";
  }

  /** With all probes: of what one process served, another hears in a moment. */
  async #accounts(): Promise<Accounts> {
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      const accounts = await this.#options.accounts();
      const ids = new Set(accounts.records.get(tenant)?.map(({ id }) => id));
      const areAllThere = this.seen.every(({ requestId = "" }) => ids.has(requestId));
      if (areAllThere || performance.now() > deadlineMs) return accounts;
      await pause(50);
    }
  }

  async #probe(): Promise<Seen> {
    const label = `probe-${this.seen.length}`;
    const one = await send(probeCall(label), this.#key, this.#options.run);
    this.seen.push(one);
    return one;
  }
}

const totalOf = (limitUsd: string) =>
  ({ period: "total", kind: "hard", limit_usd: limitUsd, alert_at_percent: [] }) as const;

/** Always the same length. */
const probeCall = (label: string): Call => ({
  label: label.padEnd(12, "-"),
  kind: "whole",
  model: "probe",
  isStream: false,
  inputTokens: 100,
  cachedTokens: 0,
  outputTokens: 2_000,
  pieces: 0,
  paceMs: 1,
  leavesAfterMs: undefined,
});
