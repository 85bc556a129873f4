import fc from "fast-check";
import { expect, test } from "vitest";

import type { Lease } from "../../src/pipeline/limits/limit-store.ts";
import { ask, hard, money, ofKey, ofTenant, sumsOf } from "./limit-store-run.ts";
import type { LimitStoreRun, OpenLimitStore } from "./limit-store-run.ts";

const tenants = ["acme", "zeta"] as const;
const keys = ["key-1", "key-2"] as const;
const tenantLimit = 1_000;
const keyLimit = 600;
const rules = [
  ofTenant({ concurrentRequests: 6, budgets: [hard("month", tenantLimit), hard("total", 5_000)] }),
  ofKey({ budgets: [hard("day", keyLimit)] }),
];

const caller = { tenantId: fc.constantFrom(...tenants), keyId: fc.constantFrom(...keys) };
const amount = fc.integer({ min: 0, max: 300 });
const step = fc.oneof(
  fc.record({ kind: fc.constant("admit" as const), ...caller, amount }),
  fc.record({ kind: fc.constant("extend" as const), which: fc.nat(), amount }),
  // Sometimes one that is settled already.
  fc.record({ kind: fc.constant("settle" as const), which: fc.nat(), amount }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Whatever is asked in whatever order: the store says what a few lines of arithmetic say. */
export function limitStoreModel(openStore: OpenLimitStore): void {
  test("any order of admitting, extending and settling leaves nothing held and all that was used spent", async () => {
    const steps = fc.array(step, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        await using run = await openStore();
        const model = new Model();
        for (const next of list) await take(run, model, next);
        await compare(run, model);
        for (const request of model.requests) {
          await run.settle(request.lease, money(0));
          model.settle(request, 0);
        }
        await compare(run, model);
        expect(model.requests.every(({ isOpen }) => !isOpen)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
}

async function take(run: LimitStoreRun, model: Model, next: Step): Promise<void> {
  if (next.kind === "admit") {
    const { tenantId, keyId } = next;
    const isExpected = model.hasPlace(tenantId) && model.hasRoom(tenantId, keyId, next.amount);
    const answer = await ask(run, { tenantId, keyId, rules, reserve: money(next.amount) });
    expect(answer.kind).toBe(isExpected ? "admitted" : "refused");
    if (answer.kind === "admitted") model.admit(answer.lease, next.amount);
    return;
  }
  const request = model.requests[next.which % Math.max(1, model.requests.length)];
  if (request === undefined) return;
  if (next.kind === "settle") {
    await run.settle(request.lease, money(next.amount));
    model.settle(request, next.amount);
    return;
  }
  const { tenantId, keyId } = request.lease;
  const isExpected = request.isOpen && model.hasRoom(tenantId, keyId, next.amount);
  expect(await run.replicas[0].extend(request.lease, money(next.amount))).toBe(isExpected);
  if (isExpected) request.held += next.amount;
}

async function compare(run: LimitStoreRun, model: Model): Promise<void> {
  for (const tenantId of tenants) {
    expect(await sumsOf(run, "tenant", "month", { tenantId })).toEqual(model.sums(tenantId));
    expect(await sumsOf(run, "tenant", "total", { tenantId })).toEqual(model.sums(tenantId));
    for (const keyId of keys) {
      const found = await sumsOf(run, "key", "day", { tenantId, keyId });
      expect(found).toEqual(model.sums(tenantId, keyId));
    }
  }
}

interface ModelRequest {
  readonly lease: Lease;
  isOpen: boolean;
  held: number;
  spent: number;
}

class Model {
  readonly requests: ModelRequest[] = [];

  admit(lease: Lease, held: number): void {
    this.requests.push({ lease, isOpen: true, held, spent: 0 });
  }

  settle(request: ModelRequest, used: number): void {
    if (!request.isOpen) return;
    request.isOpen = false;
    request.held = 0;
    request.spent = used;
  }

  hasPlace(tenantId: string): boolean {
    return this.#of(tenantId).filter(({ isOpen }) => isOpen).length < 6;
  }

  hasRoom(tenantId: string, keyId: string, more: number): boolean {
    const tenant = this.sums(tenantId);
    const key = this.sums(tenantId, keyId);
    return (
      tenant.spent + tenant.held + more <= tenantLimit && key.spent + key.held + more <= keyLimit
    );
  }

  sums(tenantId: string, keyId?: string): { readonly spent: number; readonly held: number } {
    const requests = this.#of(tenantId, keyId);
    return {
      spent: requests.reduce((sum, { spent }) => sum + spent, 0),
      held: requests.reduce((sum, { held }) => sum + held, 0),
    };
  }

  #of(tenantId: string, keyId?: string): readonly ModelRequest[] {
    return this.requests.filter(
      ({ lease }) => lease.tenantId === tenantId && (keyId === undefined || lease.keyId === keyId),
    );
  }
}
