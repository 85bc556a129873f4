import { expect, test, vi } from "vitest";

import { CapRoom } from "../../../src/jobs/cap-room.ts";
import { askCapped, dayName } from "../../../src/jobs/capped-ask.ts";
import type { CapAmount, DayCaps } from "../../../src/jobs/day-caps.ts";

/** Caps that write down what they are asked. */
function notedCaps(refusing?: number) {
  const settled: { reserved: CapAmount; used: CapAmount }[] = [];
  const asked: CapAmount[] = [];
  const caps: DayCaps = {
    reserve: (_day, _caps, amount) => {
      asked.push(amount);
      return Promise.resolve(refusing);
    },
    settle: (_day, _ids, reserved, used) => {
      settled.push({ reserved, used });
      return Promise.resolve(undefined);
    },
    spent: () => Promise.resolve([]),
  };
  return { caps, settled, asked };
}

const body = { model: "judge", max_tokens: 100, messages: [{ role: "user", content: "Grüezi" }] };
const tokensCap = [{ id: "acme", limit: { nanoUsd: undefined, tokens: 10_000 } }];
const { signal } = new AbortController();
const deps = (caps: DayCaps, room = new CapRoom()) => ({
  caps,
  room,
  targetsOf: () => Promise.resolve([{ providerName: "mock", model: "judge" }]),
  quoteOf: () => undefined,
  onOverrun: () => undefined,
  nowMs: () => Date.UTC(2026, 10, 21, 23, 59, 59),
  onError: (error: unknown) => {
    throw error;
  },
});

test("a day is UTC's", () => {
  expect(dayName(Date.UTC(2026, 10, 21, 23, 59, 59, 999))).toBe("2026-11-21");
});

test("as many tokens are reserved as the request has bytes and may be answered with, and what was used is settled", async () => {
  const noted = notedCaps();
  const answer = await askCapped(
    {
      body,
      caps: tokensCap,
      mustBePriced: false,
      signal,
      ask: (used) => {
        used({ nanoUsd: 0, tokens: 12 });
        return Promise.resolve({ ok: true });
      },
    },
    deps(noted.caps),
  );
  expect(answer).toEqual({ ok: true });
  const bytes = Buffer.byteLength(JSON.stringify(body));
  expect(noted.asked[0]?.tokens).toBeGreaterThanOrEqual(bytes + 100);
  expect(noted.settled[0]?.used).toEqual({ nanoUsd: 0, tokens: 12 });
});

test("a call that failed is settled with what it came to, and with all that was reserved where nobody knows", async () => {
  const noted = notedCaps();
  const failing = askCapped(
    {
      body,
      caps: tokensCap,
      mustBePriced: false,
      signal,
      ask: () => Promise.reject(new Error("gone")),
    },
    deps(noted.caps),
  );
  await expect(failing).rejects.toThrow("gone");
  expect(noted.settled[0]?.used).toEqual(noted.settled[0]?.reserved);
});

test("nothing is asked where a cap has no room", async () => {
  const noted = notedCaps(0);
  const ask = () => Promise.reject(new Error("asked"));
  await expect(
    askCapped({ body, caps: tokensCap, mustBePriced: false, signal, ask }, deps(noted.caps)),
  ).rejects.toMatchObject({
    kind: "budget_exceeded",
  });
  expect(noted.settled).toEqual([]);
});

test("a cap in dollars refuses a model whose price nobody knows, before anything is asked or reserved", async () => {
  const noted = notedCaps();
  const caps = [{ id: "acme", limit: { nanoUsd: 1_000, tokens: undefined } }];
  const ask = () => Promise.reject(new Error("asked"));
  await expect(
    askCapped({ body, caps, mustBePriced: true, signal, ask }, deps(noted.caps)),
  ).rejects.toMatchObject({
    kind: "model_not_allowed",
    body: { code: "unpriced_model" },
  });
  expect(noted.asked).toEqual([]);
});

/** A cap under which there is room for one call at a time, and a call that ends when it is told. */
function oneAtATime() {
  let isTaken = false;
  let refusals = 0;
  const caps: DayCaps = {
    reserve: () => {
      if (isTaken) refusals++;
      const refusing = isTaken ? 0 : undefined;
      isTaken = true;
      return Promise.resolve(refusing);
    },
    settle: () => {
      isTaken = false;
      return Promise.resolve(undefined);
    },
    spent: () => Promise.resolve([]),
  };
  const ended = Promise.withResolvers<string>();
  const call = (own: AbortSignal, ask: () => Promise<string>) => ({
    body,
    caps: tokensCap,
    mustBePriced: false,
    signal: own,
    ask,
  });
  return { caps, ended, call, refusals: () => refusals };
}

test("a call that finds no room waits while others of this process hold some, and is made then", async () => {
  const { caps, ended, call, refusals } = oneAtATime();
  const room = new CapRoom();
  const first = askCapped(
    call(signal, () => ended.promise),
    deps(caps, room),
  );
  const second = askCapped(
    call(signal, () => Promise.resolve("second")),
    deps(caps, room),
  );
  await vi.waitUntil(() => refusals() === 1);
  ended.resolve("first");
  expect(await first).toBe("first");
  expect(await second).toBe("second");
});

test("nobody waits for room longer than its signal lets it", async () => {
  const { caps, ended, call, refusals } = oneAtATime();
  const room = new CapRoom();
  const first = askCapped(
    call(signal, () => ended.promise),
    deps(caps, room),
  );
  const impatient = new AbortController();
  const second = askCapped(
    call(impatient.signal, () => Promise.resolve("second")),
    deps(caps, room),
  );
  const refused = expect(second).rejects.toMatchObject({ kind: "budget_exceeded" });
  await vi.waitUntil(() => refusals() === 1);
  impatient.abort();
  await refused;
  ended.resolve("first");
  expect(await first).toBe("first");
});

test("room that was given back while a cap refused is not missed", async () => {
  const room = new CapRoom();
  const held = await room.take(["acme"], () => Promise.resolve(undefined), signal);
  expect(held).toBe(true);
  let asked = 0;
  const caps: DayCaps = {
    ...notedCaps().caps,
    reserve: () => {
      if (++asked === 1) room.free(["acme"]);
      return Promise.resolve(asked === 1 ? 0 : undefined);
    },
  };
  const ask = () => Promise.resolve("asked");
  const call = { body, caps: tokensCap, mustBePriced: false, signal, ask };
  expect(await askCapped(call, deps(caps, room))).toBe("asked");
});

test("a store that fails once fails one call", async () => {
  const room = new CapRoom();
  const failing = room.take(["acme"], () => Promise.reject(new Error("gone")), signal);
  const next = room.take(["acme"], () => Promise.resolve(undefined), signal);
  await expect(failing).rejects.toThrow("gone");
  expect(await next).toBe(true);
});
