import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { hashToken } from "../../../src/tenants/api-key.ts";
import { createIdentifier } from "../../../src/tenants/identify.ts";
import type { Identifier } from "../../../src/tenants/identify.ts";
import { lookUpsMax } from "../../../src/tenants/key-look-ups.ts";
import type { FoundKey, KeyFinder, KeyRecord, KeyUse } from "../../../src/tenants/tenant-store.ts";
import type { Caller, Tenant } from "../../../src/tenants/tenant.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { aKey, aTenant } from "../../support/tenant-builders.ts";

const hourMs = 3_600_000;
const second = 1_000;

/** A store in memory that counts what it is asked, and that can be down, or slow until it is told to answer. */
class FakeStore implements KeyFinder {
  readonly keys = new Map<string, FoundKey>();
  readonly uses: KeyUse[][] = [];
  asked = 0;
  state: "up" | "down" | "slow" = "up";
  #waiting: (() => void)[] = [];

  add(tenant: Partial<Tenant> = {}, key: Partial<KeyRecord> = {}): string {
    const made = aKey(key);
    this.keys.set(made.hash, { key: made.key, tenant: aTenant(tenant) });
    return made.token;
  }

  remove(token: string): void {
    this.keys.delete(hashToken(token));
  }

  /** Changes each key and tenant, as someone with access to the same store does. */
  change(key: Partial<KeyRecord>, tenant: Partial<Tenant> = {}): void {
    for (const [hash, found] of this.keys) {
      this.keys.set(hash, {
        key: { ...found.key, ...key },
        tenant: { ...found.tenant, ...tenant },
      });
    }
  }

  async findKey(hash: string): Promise<FoundKey | undefined> {
    this.asked += 1;
    // What is read is what was there when the question came.
    const found = this.keys.get(hash);
    if (this.state === "down") throw new Error("ECONNREFUSED");
    if (this.state === "slow") await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return found;
  }

  answerAll(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  touchLastUsedDay(uses: readonly KeyUse[]): Promise<void> {
    if (this.state === "down") return Promise.reject(new Error("ECONNREFUSED"));
    this.uses.push([...uses]);
    return Promise.resolve();
  }
}

function setUp({ staleMs = hourMs } = {}) {
  const store = new FakeStore();
  const clock = manualClock();
  const errors: unknown[] = [];
  const identifier = createIdentifier({
    store,
    clock,
    staleMs,
    onError: (error) => errors.push(error),
  });
  return { store, clock, identifier, identify: identifier.identify, errors };
}

/** The caller, which must be there without waiting. */
function atOnce(answer: Caller | Promise<Caller>): Caller {
  if (answer instanceof Promise) throw new Error("It was a promise.");
  return answer;
}

/** Why it was refused, whether thrown or rejected. */
async function refusal(identifier: Identifier, token: string): Promise<unknown> {
  try {
    return await identifier.identify(token);
  } catch (error) {
    return error;
  }
}

const unknown = { kind: "invalid_api_key", status: 401 };
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a key's caller has its tenant, its role and both policies", async () => {
  const { store, identify } = setUp();
  const policy = { models: ["gpt-*"] };
  const token = store.add({ policy }, { id: "key-1", role: "viewer", policy: { models: ["a"] } });
  expect(await identify(token)).toEqual({
    tenantId: "acme",
    keyId: "key-1",
    role: "viewer",
    policies: [policy, { models: ["a"] }],
  });
});

test("a key that was seen lately is answered at once, without the store", async () => {
  const { store, identify, clock } = setUp();
  const token = store.add();
  const caller = await identify(token);
  clock.advance(19 * second);
  expect(atOnce(identify(token))).toBe(caller);
  expect(store.asked).toBe(1);
});

test("many requests with a new key ask the store once", async () => {
  const { store, identify } = setUp();
  const token = store.add();
  const callers = await Promise.all(Array.from({ length: 100 }, async () => identify(token)));
  expect(new Set(callers.map(({ keyId }) => keyId)).size).toBe(1);
  expect(store.asked).toBe(1);
});

test("a key in use is asked for again before its time is over, and nobody waits for it", async () => {
  const { store, identify, clock } = setUp();
  const token = store.add();
  await identify(token);
  for (let passed = 0; passed < 300; passed += 5) {
    clock.advance(5 * second);
    atOnce(identify(token));
    await settled();
  }
  expect(store.asked).toBe(1 + 300 / 20);
});

test("a key that was not used for a while is checked before it is served", async () => {
  const { store, identify, identifier, clock } = setUp();
  const token = store.add();
  await identify(token);
  store.change({ status: "revoked" });
  clock.advance(10 * 60 * second);
  expect(await refusal(identifier, token)).toMatchObject(unknown);
});

test("a revocation elsewhere takes effect within the time to live, also for a key in steady use", async () => {
  const { store, identify, identifier, clock } = setUp();
  const token = store.add();
  await identify(token);
  store.change({ status: "revoked" });
  for (let passed = 0; passed < 21; passed += 1) {
    clock.advance(second);
    await refusal(identifier, token);
    await settled();
  }
  expect(await refusal(identifier, token)).toMatchObject(unknown);
});

test.each([
  ["its hash", (hash: string) => hash],
  ["its id", () => "key-1"],
])("a key revoked here is refused from then on: by %s", async (_by, pick) => {
  const { store, identify, identifier } = setUp();
  const token = store.add({}, { id: "key-1" });
  await identify(token);
  store.change({ status: "revoked" });
  identifier.invalidateKey(pick([...store.keys.keys()][0] ?? ""));
  expect(await refusal(identifier, token)).toMatchObject(unknown);
});

test("suspending a tenant here refuses all of its keys from then on, and no other's", async () => {
  const { store, identify, identifier } = setUp();
  const tokens = [store.add(), store.add()];
  const other = store.add({ id: "other" });
  for (const token of [...tokens, other]) await identify(token);
  store.change({}, { status: "suspended" });
  identifier.invalidateTenant("acme");
  for (const token of tokens) expect(await refusal(identifier, token)).toMatchObject(unknown);
  expect(atOnce(identify(other)).tenantId).toBe("other");
});

test("the answer to a look-up that began before a revocation is not kept", async () => {
  const { store, identify, identifier } = setUp();
  const token = store.add({}, { id: "key-1" });
  store.state = "slow";
  const before = identify(token);
  store.change({ status: "revoked" });
  identifier.invalidateKey("key-1");
  store.answerAll();
  expect(await before).toMatchObject({ keyId: "key-1" });

  store.state = "up";
  expect(await refusal(identifier, token)).toMatchObject(unknown);
});

test("whoever comes after a revocation does not join a look-up that began before it", async () => {
  const { store, identify, identifier } = setUp();
  const token = store.add({}, { id: "key-1" });
  store.state = "slow";
  const before = identify(token);
  store.change({ status: "revoked" });
  identifier.invalidateKey("key-1");
  const after = refusal(identifier, token);
  store.answerAll();
  expect(await before).toMatchObject({ keyId: "key-1" });
  expect(await after).toMatchObject(unknown);
});

test("a key that the store does not know is refused for a second without asking again", async () => {
  const { store, identifier, clock } = setUp();
  const { token, key, hash } = aKey();
  expect(await refusal(identifier, token)).toMatchObject(unknown);
  clock.advance(999);
  expect(await refusal(identifier, token)).toMatchObject(unknown);
  expect(store.asked).toBe(1);

  store.keys.set(hash, { key, tenant: aTenant() });
  clock.advance(1);
  expect(await refusal(identifier, token)).toMatchObject({ keyId: key.id });
});

test("each refusal says what to do, and none repeats the key", async () => {
  const { store, identifier } = setUp();
  const cases: [string, RegExp][] = [
    [aKey().token, /not known here/],
    [store.add({}, { status: "revoked" }), /was revoked/],
    [store.add({}, { expiresAtMs: 1 }), /has expired/],
    [store.add({}, { expiresAtMs: 1, rotatedTo: "newer" }), /replaced by a newer one/],
    [store.add({ status: "suspended" }), /is suspended/],
    ["two words", /no spaces/],
    ["", /no spaces/],
    ["line\nbreak", /no spaces/],
    ["x".repeat(257), /at most 256/],
  ];
  for (const [token, says] of cases) {
    const failure = (await refusal(identifier, token)) as Error;
    expect(failure).toMatchObject({ ...unknown, message: expect.stringMatching(says) as string });
    if (token !== "") expect(failure.message).not.toContain(token);
  }
  expect(store.asked).toBe(5);
});

test("any printable text can be a key, as presets need not look like minted ones", async () => {
  const { store, identify } = setUp();
  const preset = "my-own-key:16!!!";
  store.keys.set(hashToken(preset), { key: aKey({ id: "preset" }).key, tenant: aTenant() });
  expect(await identify(preset)).toMatchObject({ keyId: "preset" });
});

test("a key that is seen all the time is refused from the millisecond at which it expires", async () => {
  const { store, identify, identifier, clock } = setUp();
  const token = store.add({}, { expiresAtMs: clock.epochMs() + 5 * second });
  await identify(token);
  clock.advance(5 * second - 1);
  atOnce(identify(token));
  clock.advance(1);
  expect(await refusal(identifier, token)).toMatchObject(unknown);
});

test("while the store is down, callers who are known are served up to the stale time, and not beyond", async () => {
  const { store, identify, identifier, clock } = setUp();
  const token = store.add();
  await identify(token);
  store.state = "down";
  for (const passed of [31 * second, hourMs / 2, hourMs / 2 - 2 * second]) {
    clock.advance(passed);
    expect(await identify(token)).toMatchObject({ tenantId: "acme" });
  }
  clock.advance(second);
  expect(await refusal(identifier, token)).toMatchObject({ kind: "store_unavailable" });
});

test("while the store is down, whoever is not known gets a 503 with a time to retry, never a 401", async () => {
  const { store, identifier } = setUp();
  store.state = "down";
  for (const token of [store.add(), aKey().token]) {
    const failure = await refusal(identifier, token);
    expect(failure).toMatchObject({ kind: "store_unavailable", status: 503, retryAfterMs: 1_000 });
  }
});

test("a store that is down is asked once a second, and nobody who is known waits for it", async () => {
  const { store, identify, identifier, clock } = setUp();
  const known = store.add();
  await identify(known);
  clock.advance(60 * second);
  store.state = "down";
  await identify(known);
  expect(store.asked).toBe(2);

  clock.advance(500);
  for (let request = 0; request < 100; request += 1) {
    atOnce(identify(known));
    await refusal(identifier, aKey().token);
  }
  expect(store.asked).toBe(2);

  clock.advance(500);
  await Promise.all(Array.from({ length: 100 }, () => refusal(identifier, aKey().token)));
  expect(store.asked).toBe(3);
});

test("when the store is back, everyone is looked up again", async () => {
  const { store, identify, identifier, clock } = setUp();
  const token = store.add();
  store.state = "down";
  await refusal(identifier, token);
  store.state = "up";
  clock.advance(second);
  expect(await identify(token)).toMatchObject({ tenantId: "acme" });
  expect(await identify(store.add())).toMatchObject({ tenantId: "acme" });
});

test("while the store is down, a revoked key that was told of is not served from memory", async () => {
  const { store, identify, identifier } = setUp();
  const token = store.add({}, { id: "key-1" });
  await identify(token);
  store.state = "down";
  identifier.invalidateKey("key-1");
  expect(await refusal(identifier, token)).toMatchObject({ kind: "store_unavailable" });
});

test("who is known is served although changes may have been missed, while the store is down", async () => {
  const { store, identify, identifier } = setUp();
  const token = store.add();
  const caller = await identify(token);
  store.state = "down";
  identifier.invalidateAll();
  expect(await identify(token)).toBe(caller);
});

test("a revocation that was missed is seen at the next use", async () => {
  const { store, identify, identifier, clock } = setUp();
  const token = store.add();
  await identify(token);
  store.remove(token);
  expect(atOnce(identify(token))).toBeDefined();
  clock.advance(1);
  identifier.invalidateAll();
  expect(await refusal(identifier, token)).toMatchObject(unknown);
});

test("while the store is down, an expired key is refused all the same", async () => {
  const { store, identify, identifier, clock } = setUp();
  const token = store.add({}, { expiresAtMs: clock.epochMs() + 60 * second });
  await identify(token);
  store.state = "down";
  clock.advance(61 * second);
  expect(await refusal(identifier, token)).toMatchObject(unknown);
});

test("look-ups of new keys are bounded, and those who are known do not notice", async () => {
  const { store, identify, identifier } = setUp();
  const known = store.add();
  await identify(known);
  store.state = "slow";
  const waiting = Array.from({ length: lookUpsMax }, () => refusal(identifier, aKey().token));
  expect(await refusal(identifier, aKey().token)).toMatchObject({ kind: "overloaded" });
  atOnce(identify(known));
  store.answerAll();
  for (const failure of await Promise.all(waiting)) expect(failure).toMatchObject(unknown);
});

describe("with a store that does not answer", () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => vi.useRealTimers());

  test("whoever is known waits 50 ms, and then for a while not at all", async () => {
    const { store, identify, clock } = setUp();
    const token = store.add();
    const other = store.add();
    await Promise.all([identify(token), identify(other)]);
    clock.advance(60 * second);
    store.state = "slow";

    const first = identify(token);
    await vi.advanceTimersByTimeAsync(49);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(await first).toMatchObject({ tenantId: "acme" });
    atOnce(identify(token));
    atOnce(identify(other));
  });

  test("what it says too late for the request still counts for the next", async () => {
    const { store, identify, identifier, clock } = setUp();
    const token = store.add();
    await identify(token);
    store.change({ status: "revoked" });
    clock.advance(60 * second);
    store.state = "slow";
    const first = identify(token);
    await vi.advanceTimersByTimeAsync(50);
    await first;
    store.answerAll();
    await vi.advanceTimersByTimeAsync(1);
    expect(await refusal(identifier, token)).toMatchObject(unknown);
  });

  test("whoever is not known gets a 503 after a second, the next one at once", async () => {
    const { store, identifier } = setUp();
    store.state = "slow";
    const first = refusal(identifier, store.add());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await first).toMatchObject({ kind: "store_unavailable" });
    expect(await refusal(identifier, aKey().token)).toMatchObject({ kind: "store_unavailable" });
    expect(store.asked).toBe(1);
  });

  test("the day of last use is written once per key and day, several keys at a time", async () => {
    const { store, identify, clock } = setUp();
    const tokens = [store.add({}, { id: "a" }), store.add({}, { id: "b" })];
    for (let request = 0; request < 10; request += 1) {
      for (const token of tokens) await identify(token);
    }
    await vi.advanceTimersByTimeAsync(60_000);
    const day = "2026-01-31";
    expect(store.uses).toEqual([
      [
        { keyId: "a", day },
        { keyId: "b", day },
      ],
    ]);

    clock.advance(12 * hourMs);
    await identify(tokens[0] ?? "");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(store.uses.slice(1)).toEqual([[{ keyId: "a", day: "2026-02-01" }]]);
  });

  test("a key whose use of today is written down already is not written again", async () => {
    const { store, identify } = setUp();
    await identify(store.add({}, { lastUsedDay: "2026-01-31" }));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(store.uses).toEqual([]);
  });

  test("a day that could not be written is reported and tried again", async () => {
    const { store, identify, errors } = setUp();
    await identify(store.add({}, { id: "a" }));
    store.state = "down";
    await vi.advanceTimersByTimeAsync(5_000);
    expect(errors).toHaveLength(1);
    store.state = "up";
    await vi.advanceTimersByTimeAsync(5_000);
    expect(store.uses).toEqual([[{ keyId: "a", day: "2026-01-31" }]]);
  });

  test("what waits to be written is written when the identifier is closed", async () => {
    const { store, identify, identifier } = setUp();
    await identify(store.add({}, { id: "a" }));
    await identifier[Symbol.asyncDispose]();
    expect(store.uses).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
