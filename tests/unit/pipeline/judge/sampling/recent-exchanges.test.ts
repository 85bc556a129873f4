import { expect, test } from "vitest";

import { RecentExchanges } from "../../../../../src/pipeline/judge/sampling/recent-exchanges.ts";
import { endedExchange } from "../../../../support/exchanges.ts";

const limits = { bytesMax: 100_000, keptMs: 1_000 };
const answered = (id: string, startedEpochMs = 0) =>
  endedExchange({ id, startedEpochMs, answerBytes: Buffer.alloc(20_000) });

test("what was answered lately is there once, and for its own tenant only", () => {
  const recent = new RecentExchanges(() => 0, limits);
  recent.add(answered("a"));
  expect(recent.take("globex", "a")).toBeUndefined();
  expect(recent.take("acme", "a")?.id).toBe("a");
  expect(recent.take("acme", "a")).toBeUndefined();
  expect(recent.bytes).toBe(0);
});

test("the oldest goes where the room is not enough, and nothing larger than the room comes in", () => {
  const recent = new RecentExchanges(() => 0, limits);
  for (const id of ["a", "b", "c", "d", "e"]) recent.add(answered(id));
  expect(recent.bytes).toBeLessThanOrEqual(limits.bytesMax);
  expect(recent.take("acme", "a")).toBeUndefined();
  expect(recent.take("acme", "e")?.id).toBe("e");
  recent.add(endedExchange({ id: "f", answerBytes: Buffer.alloc(200_000) }));
  expect(recent.take("acme", "f")).toBeUndefined();
});

test("what is older than its time goes when something new comes", () => {
  let nowMs = 0;
  const recent = new RecentExchanges(() => nowMs, limits);
  recent.add(answered("a", 0));
  nowMs = 2_000;
  recent.add(answered("b", 2_000));
  expect(recent.take("acme", "a")).toBeUndefined();
});

test("what is older than its time is not given out, though nothing new came", () => {
  let nowMs = 0;
  const recent = new RecentExchanges(() => nowMs, limits);
  recent.add(answered("a", 0));
  nowMs = 2_000;
  expect(recent.take("acme", "a")).toBeUndefined();
  expect(recent.bytes).toBe(0);
});
