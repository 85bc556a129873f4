import fc from "fast-check";
import { expect, test } from "vitest";

import { fromObject } from "../../../../../src/lib/json-text.ts";
import { DeliveredText } from "../../../../../src/pipeline/cost/delivered-text.ts";
import type { Exchange } from "../../../../../src/pipeline/exchange.ts";
import { RecentExchanges } from "../../../../../src/pipeline/judge/sampling/recent-exchanges.ts";
import { endedExchange } from "../../../../support/exchanges.ts";

const limits = { bytesMax: 10_000, keptMs: 1_000 };

/** A chat that was answered with this text. */
function answered(id: string, text: string, changes: Partial<Exchange> = {}): Exchange {
  const request = fromObject({
    model: "fast",
    messages: [{ role: "user", content: `What is ${id}?` }],
  });
  const answer = { choices: [{ message: { role: "assistant", content: text } }] };
  return endedExchange({
    id,
    request,
    requestBytes: Buffer.from(request.text),
    answerBytes: Buffer.from(JSON.stringify(answer)),
    ...changes,
  });
}

test("what was answered lately is there once, and for its own tenant only", () => {
  const recent = new RecentExchanges(() => 0, limits);
  recent.add(answered("a", "Grüezi, 東京"), "chat");
  expect(recent.take("globex", "a")).toBeUndefined();
  expect(recent.take("acme", "a")).toEqual({
    requestId: "a",
    tenantId: "acme",
    request: { key: "k1", model: "fast", served_model: "gpt-4o-mini", provider: "openai" },
    trace: null,
    asked: { system: "", conversation: "", question: "What is a?" },
    said: { text: "Grüezi, 東京", characters: 10 },
  });
  expect(recent.take("acme", "a")).toBeUndefined();
});

test("of a stream its text is there, and that it was longer", () => {
  const recent = new RecentExchanges(() => 0, { ...limits, bytesMax: 1_000_000 });
  const spoken = new DeliveredText("chat");
  const delta = (content: string) => {
    const data = JSON.stringify({ choices: [{ delta: { content } }] });
    return { data, raw: Buffer.from(data), name: "" };
  };
  spoken.add([delta('She said "no".\n'), delta("ü".repeat(70_000))]);
  const { answerBytes: _none, ...stream } = answered("a", "", { spoken, isStream: true });
  recent.add(stream, "chat");
  const said = recent.take("acme", "a")?.said;
  expect(said?.text).toMatch(/^She said "no"\.\nü+\n\[…\]\nü+\n\[…\]$/);
  expect(said?.characters).toBe(70_015);
});

test("the oldest goes where the room is not enough, and nothing larger than the room comes in", () => {
  const recent = new RecentExchanges(() => 0, limits);
  for (const id of ["a", "b", "c", "d", "e"]) recent.add(answered(id, "x".repeat(2_500)), "chat");
  expect(recent.take("acme", "a")).toBeUndefined();
  expect(recent.take("acme", "e")?.requestId).toBe("e");
  recent.add(answered("f", "x".repeat(20_000)), "chat");
  expect(recent.take("acme", "f")).toBeUndefined();
  expect(recent.take("acme", "d")?.requestId).toBe("d");
});

test("however much comes and is taken, each is as it came or is gone, and the newest is there", () => {
  const step = fc.record({
    length: fc.integer({ min: 0, max: 4_000 }),
    takes: fc.nat({ max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const recent = new RecentExchanges(() => 0, limits);
      const given = new Map<string, string>();
      for (const [at, { length, takes }] of steps.entries()) {
        const text = `${at} ${"é".repeat(length)}`;
        recent.add(answered(String(at), text), "chat");
        given.set(String(at), text);
        const id = String(Math.max(0, at - takes));
        const taken = recent.take("acme", id);
        if (takes === 0) expect(taken).toBeDefined();
        if (taken !== undefined) expect(taken.said.text).toBe(given.get(id));
        given.delete(id);
      }
      for (const [id, text] of given) {
        expect([text, undefined]).toContain(recent.take("acme", id)?.said.text);
      }
    }),
  );
});

test("what is older than its time goes when something new comes", () => {
  let nowMs = 0;
  const recent = new RecentExchanges(() => nowMs, limits);
  recent.add(answered("a", "yes", { startedEpochMs: 0 }), "chat");
  nowMs = 2_000;
  recent.add(answered("b", "no", { startedEpochMs: 2_000 }), "chat");
  nowMs = 0;
  expect(recent.take("acme", "a")).toBeUndefined();
  expect(recent.take("acme", "b")?.requestId).toBe("b");
});

test("what is older than its time is not given out, though nothing new came", () => {
  let nowMs = 0;
  const recent = new RecentExchanges(() => nowMs, limits);
  recent.add(answered("a", "yes", { startedEpochMs: 0 }), "chat");
  nowMs = 2_000;
  expect(recent.take("acme", "a")).toBeUndefined();
});
