import { expect, test, vi } from "vitest";

import { ownersKeptMs, RememberedResponses } from "../../../src/pipeline/remembered-responses.ts";
import type {
  OwnerRecord,
  ResponseOwner,
  ResponseOwnerStore,
  WantedOwner,
} from "../../../src/pipeline/response-owners.ts";
import { manualClock } from "../../support/manual-clock.ts";

/** A store in memory that can be told to fail. */
class ShelfOfOwners implements ResponseOwnerStore {
  readonly records: OwnerRecord[] = [];
  isDown = false;
  asked = 0;

  putOwners(records: readonly OwnerRecord[]): Promise<void> {
    if (this.isDown) return Promise.reject(new Error("down"));
    this.records.push(...records);
    return Promise.resolve();
  }

  findOwner(wanted: WantedOwner) {
    this.asked += 1;
    if (this.isDown) return Promise.reject(new Error("down"));
    const found = this.records.filter(
      ({ responseHash, expiresAtMs }) =>
        responseHash === wanted.responseHash && expiresAtMs > wanted.nowMs,
    );
    return Promise.resolve(
      found.find(({ tenantId }) => tenantId === wanted.tenantId) ?? found.at(-1),
    );
  }

  forgetExpired(): Promise<number> {
    return Promise.resolve(0);
  }
}

function open(store = new ShelfOfOwners(), clock = manualClock()) {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  return { store, clock, errors, responses: new RememberedResponses({ store, clock, onError }) };
}

const patience = { timeout: 5_000, interval: 5 };

const owner = (fields: Partial<ResponseOwner> = {}): ResponseOwner => ({
  tenantId: "acme",
  providerName: "openai",
  model: "m",
  keyId: "0123abcd",
  ...fields,
});

test("the next turn finds its response at once, without a promise and without the store", async () => {
  const { responses, store } = open();
  responses.remember("resp_1", owner());
  expect(responses.find("resp_1", "acme")).toMatchObject({ kind: "own", owner: owner() });
  expect(store.asked).toBe(0);
  expect(await responses.find("resp_1", "other")).toEqual({ kind: "other" });
});

test("an id that nobody made here is unknown", async () => {
  expect(await open().responses.find("resp_1", "acme")).toEqual({ kind: "unknown" });
});

test("another process finds what was written, and knows it from then on", async () => {
  const { responses: first, store, clock } = open();
  first.remember("resp_1", owner());
  await first[Symbol.asyncDispose]();
  expect(JSON.stringify(store.records)).not.toContain("resp_1");

  const { responses: second } = open(store, clock);
  expect(await second.find("resp_1", "acme")).toMatchObject({ kind: "own", owner: owner() });
  expect(second.find("resp_1", "acme")).toMatchObject({ kind: "own" });
  expect(store.asked).toBe(1);
});

test("an owner that only the store knows is one beside another that is in memory", async () => {
  const { responses: first, store, clock } = open();
  first.remember("resp_1", owner());
  await first[Symbol.asyncDispose]();
  const { responses: second } = open(store, clock);
  second.remember("resp_1", owner({ tenantId: "zeta" }));
  expect(await second.find("resp_1", "acme")).toMatchObject({ kind: "own", owner: owner() });
});

test("what is remembered is written down without anybody waiting for it", async () => {
  const { responses, store } = open();
  for (let index = 0; index < 1_200; index++) responses.remember(`resp_${index}`, owner());
  expect(store.records.length).toBe(0);
  await vi.waitUntil(() => store.records.length === 1_200, patience);
});

test("an id that several tenants were given is each one's own", () => {
  const { responses } = open();
  responses.remember("resp_1", owner());
  responses.remember("resp_1", owner({ tenantId: "zeta", providerName: "azure" }));
  expect(responses.find("resp_1", "acme")).toMatchObject({ owner: { providerName: "openai" } });
  expect(responses.find("resp_1", "zeta")).toMatchObject({ owner: { providerName: "azure" } });
});

test("a response is forgotten after thirty days", async () => {
  const { responses, clock } = open();
  responses.remember("resp_1", owner());
  clock.advance(ownersKeptMs - 1);
  expect(await responses.find("resp_1", "other")).toEqual({ kind: "other" });
  clock.advance(1);
  expect(await responses.find("resp_1", "other")).toEqual({ kind: "unknown" });
});

test("while the store is down what is known is answered, and the rest is unavailable", async () => {
  const { responses, store, clock } = open();
  store.isDown = true;
  responses.remember("resp_1", owner());
  expect(responses.find("resp_1", "acme")).toMatchObject({ kind: "own" });
  expect(await responses.find("resp_1", "zeta")).toEqual({ kind: "other" });
  const unavailable = { kind: "store_unavailable", status: 503 };
  await expect(responses.find("resp_2", "acme")).rejects.toMatchObject(unavailable);
  // It is left alone for a moment, and asked again after it.
  await expect(responses.find("resp_2", "acme")).rejects.toMatchObject(unavailable);
  expect(store.asked).toBe(1);
  store.isDown = false;
  clock.advance(1_000);
  expect(await responses.find("resp_2", "acme")).toEqual({ kind: "unknown" });
});

test("what the store did not take is written when it works again, and nobody meets it before", async () => {
  const { responses, store, errors } = open();
  store.isDown = true;
  // More than memory holds, so that the first is known only to what waits.
  for (let index = 0; index < 10_001; index++) responses.remember(`resp_${index}`, owner());
  await vi.waitUntil(() => errors.length > 0, patience);
  store.isDown = false;
  expect(await responses.find("resp_0", "other")).toEqual({ kind: "other" });
  await vi.waitUntil(() => store.records.length === 10_001, patience);
  expect(errors.length).toBe(1);
});
