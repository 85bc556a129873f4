import { expect, test } from "vitest";

import { createAccountant } from "../../../src/pipeline/accountant.ts";
import type { Exchange } from "../../../src/pipeline/exchange.ts";
import type { Amounts, Lease, LimitStore } from "../../../src/pipeline/limits/limit-store.ts";
import { Reservations } from "../../../src/pipeline/limits/reservation.ts";
import { memoryLimitStore } from "../../../src/stores/memory/limit-store.ts";
import { endedExchange } from "../../support/exchanges.ts";
import { manualClock } from "../../support/manual-clock.ts";

const reserved = { tokens: 100, nanoUsd: 5_000 };

/** One that runs. */
function exchangeOf(lease: Lease): Exchange {
  const attempts = [{ provider: "p", model: "m", startedTickMs: 0 }];
  const { end: _end, firstEventTickMs: _first, ...running } = endedExchange({ attempts, lease });
  return running;
}

test("what was reserved is settled once, as used, where a fault of ours keeps a request from being accounted", () => {
  const store = memoryLimitStore({ clock: manualClock(), spent: [] });
  const admission = store.admit({
    id: "01",
    tenantId: "acme",
    keyId: "k1",
    startedEpochMs: 0,
    rules: [],
    reserve: reserved,
  });
  if (admission.kind !== "admitted") throw new Error("it was not admitted");
  const settled: Amounts[] = [];
  const limits: LimitStore = {
    admit: (request) => store.admit(request),
    extend: (lease, more) => store.extend(lease, more),
    settle: (lease, used) => {
      settled.push(used);
      store.settle(lease, used);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const errors: unknown[] = [];
  const accountant = createAccountant({
    limits,
    reservations: new Reservations(),
    quoteOf: () => {
      throw new Error("a price that cannot be read");
    },
    journal: {
      start: () => undefined,
      record: () => undefined,
      payload: () => undefined,
      jobs: () => undefined,
      mustRefuse: false,
    },
    promptHash: () => "",
    degradedParts: () => [],
    payloadBytesMax: 0,
    onError: (error) => {
      errors.push(error);
    },
  });
  accountant.record(exchangeOf(admission.lease));
  expect(errors).toEqual([new Error("a price that cannot be read")]);
  expect(settled).toEqual([reserved]);
  expect(store.leaseCount).toBe(0);
});
