import { expect, test } from "vitest";

import { replayWhole } from "../../../../src/pipeline/cache/replay.ts";
import { replayWeight } from "../../../../src/pipeline/cache/replay/remembered.ts";
import { MemoryExactCache } from "../../../../src/stores/memory/exact-cache.ts";
import { layeredExactStore } from "../../../../src/stores/memory/layered-exact-store.ts";
import { memoryExactStore } from "../../../../src/stores/memory/exact-cache.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { anAnswer, startEpochMs, wholeBody } from "../../../support/stored-answers.ts";

const clock = manualClock(startEpochMs);

test("what is used least recently is forgotten when there is no more room", () => {
  const cache = new MemoryExactCache({ bytesMax: 100_000, clock });
  for (let index = 0; index < 500; index += 1) {
    cache.put(`k${index}`, anAnswer({ body: wholeBody("x".repeat(1_000)) }));
    expect(cache.get("acme", "k0")).toBeDefined();
    expect(cache.bytes).toBeLessThanOrEqual(100_000);
  }
  expect(cache.get("acme", "k1")).toBeUndefined();
  expect(cache.get("acme", "k499")).toBeDefined();
  expect(cache.size).toBeGreaterThan(30);
});

test("what leaves, however it leaves, leaves nothing of its weight behind", () => {
  const passing = manualClock(startEpochMs);
  const cache = new MemoryExactCache({ bytesMax: 1_000_000, clock: passing });
  cache.put("replaced", anAnswer());
  cache.put("replaced", anAnswer({ body: wholeBody("longer than the one before it") }));
  cache.put("purged", anAnswer({ model: "o5" }));
  cache.put("over", anAnswer({ tenantId: "zeta", expiresAtEpochMs: startEpochMs + 1 }));
  expect(cache.purge({ tenantId: "acme", model: "o5" })).toBe(1);
  passing.advance(1);
  expect(cache.get("zeta", "over")).toBeUndefined();
  expect(cache.purge({ tenantId: "acme" })).toBe(1);
  expect([cache.size, cache.bytes]).toEqual([0, 0]);
});

test("an answer keeps only its own bytes, not the piece of memory that it came in", () => {
  const cache = new MemoryExactCache({ bytesMax: 1_000_000, clock });
  const large = Buffer.alloc(65_536, "y");
  const chunks = [large.subarray(10, 20), large.subarray(50, 60)];
  cache.put("k", anAnswer({ body: { kind: "events", chunks } }));
  const body = cache.get("acme", "k")?.body;
  if (body?.kind !== "events") throw new Error("it is a stream");
  for (const chunk of body.chunks) expect(chunk.buffer.byteLength).toBe(20);
});

test("while others' purges are not heard of, nothing is served from memory", async () => {
  let isFresh = true;
  const memory = new MemoryExactCache({ bytesMax: 1_000_000, clock });
  const store = memoryExactStore({ bytesMax: 1_000_000, clock });
  const both = layeredExactStore({ memory, store, isFresh: () => isFresh });
  await both.put("k", anAnswer());
  await store.purge({ tenantId: "acme" });
  expect(both.peek("acme", "k")).toBeDefined();
  isFresh = false;
  expect(both.peek("acme", "k")).toBeUndefined();
  expect(await both.get("acme", "k")).toBeUndefined();
});

test("an answer that is asked for again and again is read once, and weighs what that takes", () => {
  const cache = new MemoryExactCache({ bytesMax: 1_000_000, clock });
  const body = wholeBody(JSON.stringify({ id: "chatcmpl-1", usage: { prompt_tokens: 7 } }));
  cache.put("k", anAnswer({ body }));
  const light = cache.bytes;
  const replays = Array.from({ length: 4 }, () => {
    const answer = cache.get("acme", "k");
    return answer && replayWhole(answer);
  });
  expect(replays[1]).not.toBe(replays[0]);
  expect(replays[2]).toEqual(replays[0]);
  expect(replays[2]).toBe(replays[1]);
  expect(replays[3]).toBe(replays[1]);
  expect(cache.bytes).toBe(light + replayWeight(body));
  cache.purge({ tenantId: "acme" });
  expect(cache.bytes).toBe(0);
});

test("what is remembered of answers drives out others, and never weighs more than the bound", () => {
  const cache = new MemoryExactCache({ bytesMax: 200_000, clock });
  for (let index = 0; index < 60; index += 1) {
    cache.put(`k${index}`, anAnswer({ body: wholeBody("x".repeat(1_000)) }));
  }
  const before = cache.size;
  for (let turn = 0; turn < 3; turn += 1) {
    for (let index = 0; index < 60; index += 1) cache.get("acme", `k${index}`);
    expect(cache.bytes).toBeLessThanOrEqual(200_000);
  }
  expect(cache.size).toBeLessThan(before);
});

test("where there is no room for what is to be remembered, nothing is", () => {
  const cache = new MemoryExactCache({ bytesMax: 1_000_000, answerBytesMax: 3_000, clock });
  cache.put("k", anAnswer({ body: wholeBody('{"id":"chatcmpl-1"}') }));
  const light = cache.bytes;
  const replays = Array.from({ length: 3 }, () => {
    const answer = cache.get("acme", "k");
    return answer && replayWhole(answer);
  });
  expect(cache.bytes).toBe(light);
  expect(replays[2]).not.toBe(replays[1]);
});
