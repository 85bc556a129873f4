import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { expect, test } from "vitest";

import { Failure } from "../../../../src/errors.ts";
import { estimateTokens } from "../../../../src/providers/messages/estimate-tokens.ts";

const never = new AbortController().signal;
const chat = (content: unknown, more: object = {}): Record<string, unknown> => ({
  messages: [{ role: "user", content }],
  ...more,
});

test("counts text, what frames it, tools and the arguments of calls", async () => {
  const plain = await estimateTokens(chat("How is the weather in Köln?"), never);
  expect(plain).toBe(countTokens("How is the weather in Köln?") + 7);
  const tools = [{ type: "function", function: { name: "f", description: "weather ".repeat(50) } }];
  expect(await estimateTokens(chat("Hi", { tools }), never)).toBeGreaterThan(55);
  const tool_calls = [{ function: { name: "f", arguments: "word ".repeat(100) } }];
  const called = { messages: [{ role: "assistant", content: null, tool_calls }] };
  expect(await estimateTokens(called, never)).toBeGreaterThan(100);
});

test("images and documents count by their rules, not by their bytes", async () => {
  const image = {
    type: "image_url",
    image_url: { url: `data:image/png;base64,${"A".repeat(9_000)}` },
  };
  expect(await estimateTokens(chat([image, image]), never)).toBe(3_207);
  const file = { type: "file", file: { file_data: "A".repeat(250_000) } };
  expect(await estimateTokens(chat([file]), never)).toBe(9_007);
});

test("markers of a model's own format are text", async () => {
  expect(await estimateTokens(chat("<|endoftext|>"), never)).toBeGreaterThan(8);
});

test("a text of many megabytes is estimated from a sample, close to its count", async () => {
  const prose = "It was the best of times, it was the worst of times, in 1859 as now. ";
  const text = prose.repeat(100_000);
  const exact = countTokens(prose.repeat(100)) * 1_000;
  const estimated = await estimateTokens(chat(text), never);
  expect(Math.abs(estimated - exact) / exact).toBeLessThan(0.02);
});

test("words without end hold up nobody else: the event loop turns all the while", async () => {
  let turns = 0;
  let isCounting = true;
  const turn = (): void => {
    turns++;
    if (isCounting) setImmediate(turn);
  };
  setImmediate(turn);
  expect(await estimateTokens(chat("a".repeat(1_000_000)), never)).toBeGreaterThan(100_000);
  isCounting = false;
  expect(turns).toBeGreaterThan(20);
});

test("megabytes without a space are cut as fast as prose", async () => {
  const startedMs = performance.now();
  await estimateTokens(chat("a".repeat(8_000_000)), never);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test("a client that leaves ends the count", async () => {
  const left = new Failure("client_closed_request", "The client left.");
  await expect(estimateTokens(chat("word ".repeat(100_000)), AbortSignal.abort(left))).rejects.toBe(
    left,
  );
});
