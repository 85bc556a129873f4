import { expect, test } from "vitest";

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
const deps = (caps: DayCaps) => ({
  caps,
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
    { body, caps: tokensCap, mustBePriced: false, ask: () => Promise.reject(new Error("gone")) },
    deps(noted.caps),
  );
  await expect(failing).rejects.toThrow("gone");
  expect(noted.settled[0]?.used).toEqual(noted.settled[0]?.reserved);
});

test("nothing is asked where a cap has no room", async () => {
  const noted = notedCaps(0);
  const ask = () => Promise.reject(new Error("asked"));
  await expect(
    askCapped({ body, caps: tokensCap, mustBePriced: false, ask }, deps(noted.caps)),
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
    askCapped({ body, caps, mustBePriced: true, ask }, deps(noted.caps)),
  ).rejects.toMatchObject({
    kind: "model_not_allowed",
    body: { code: "unpriced_model" },
  });
  expect(noted.asked).toEqual([]);
});
