import { expect, test } from "vitest";

import { operatorPrice } from "../../../src/providers/prices/operator-price.ts";
import type { Quote } from "../../../src/providers/prices/quote.ts";
import { staleMs } from "../../../src/providers/routing/latency.ts";
import { aliasOf, routeLab, upstreamError } from "../../support/route-lab.ts";
import type { RouteLab } from "../../support/route-lab.ts";

const hi = { messages: [{ role: "user", content: "Hi" }] };
const long = "word ".repeat(1_000);
const longTurn = (name: string) => ({ messages: [{ role: "user", content: `${name} ${long}` }] });
const laterTurn = (first: string) => ({
  messages: [
    { role: "user", content: first },
    { role: "assistant", content: "Hello." },
    { role: "user", content: "And?" },
  ],
});
const firstTurn = (first: string) => ({ messages: [{ role: "user", content: first }] });

async function placesOf(lab: RouteLab, names: readonly string[]): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  for (const name of names) places.set(name, await lab.ask(longTurn(name)));
  return places;
}

const conversations = Array.from({ length: 600 }, (_, index) => `conversation ${index}`);

test("the same short prompt, again and again, is shared out by weight", async () => {
  const lab = routeLab({
    providers: ["a", "b", "c"],
    aliases: [aliasOf("weighted", { a: { weight: 6 }, b: { weight: 3 }, c: { weight: 1 } })],
  });
  for (let round = 0; round < 5_000; round++) await lab.ask(hi);
  expect((lab.counts["a"] ?? 0) / 5_000).toBeCloseTo(0.6, 1);
  expect((lab.counts["b"] ?? 0) / 5_000).toBeCloseTo(0.3, 1);
  expect((lab.counts["c"] ?? 0) / 5_000).toBeCloseTo(0.1, 1);
});

test("a reserve with weight 0 is asked only when the others fail", async () => {
  const lab = routeLab({
    providers: ["a", "b"],
    aliases: [aliasOf("weighted", { a: { weight: 0 }, b: {} })],
  });
  for (let round = 0; round < 50; round++) expect(await lab.ask(hi)).toBe("b");
  lab.behave("b", upstreamError());
  expect(await lab.ask(hi)).toBe("a");
});

test("later turns follow a short first turn to where it was answered", async () => {
  const lab = routeLab({
    providers: ["a", "b", "c"],
    aliases: [aliasOf("weighted", { a: {}, b: {}, c: {} })],
  });
  for (const name of conversations.slice(0, 100)) {
    const first = await lab.ask(firstTurn(name));
    for (let turn = 0; turn < 3; turn++) expect(await lab.ask(laterTurn(name))).toBe(first);
  }
  expect(Object.values(lab.counts).every((count) => count > 60)).toBe(true);
});

test("a first turn that fell back has its conversation where it was answered", async () => {
  const lab = routeLab({
    providers: ["a", "b"],
    aliases: [aliasOf("weighted", { a: { weight: 1_000 }, b: { weight: 0.001 } })],
  });
  lab.behave("a", upstreamError());
  expect(await lab.ask(firstTurn("x"))).toBe("b");
  lab.behave("a", 0);
  expect(await lab.ask(laterTurn("x"))).toBe("b");
});

test("where conversations are outlasts a reload", async () => {
  const alias = aliasOf("weighted", { a: {}, b: {}, c: {} });
  const lab = routeLab({ providers: ["a", "b", "c"], aliases: [alias] });
  const names = conversations.slice(0, 50);
  const firsts: string[] = [];
  for (const name of names) firsts.push(await lab.ask(firstTurn(name)));
  const after = lab.rebuilt([alias]);
  for (const [index, name] of names.entries()) {
    expect(await after.ask(laterTurn(name))).toBe(firsts[index]);
  }
});

test("replicas that know nothing of each other place a long conversation alike", async () => {
  const alias = aliasOf("weighted", { a: { weight: 2 }, b: {}, c: {} });
  const [one, two] = [1, 2].map((seed) =>
    routeLab({ providers: ["a", "b", "c"], aliases: [alias], seed }),
  );
  if (one === undefined || two === undefined) throw new Error("two were made");
  expect(await placesOf(one, conversations)).toEqual(await placesOf(two, conversations));
});

test("when a target is down its conversations move, no others do, and they return with it", async () => {
  const lab = routeLab({
    providers: ["a", "b", "c"],
    aliases: [aliasOf("weighted", { a: { weight: 2 }, b: {}, c: {} })],
  });
  const before = await placesOf(lab, conversations);
  lab.behave("b", upstreamError());
  const during = await placesOf(lab, conversations);
  for (const [name, place] of before) {
    if (place === "b") expect(during.get(name)).not.toBe("b");
    else expect(during.get(name)).toBe(place);
  }
  expect(lab.routes.statusOf("b")[0]?.breaker).toBe("open");
  lab.behave("b", 0);
  lab.clock.advance(10_000);
  expect(await placesOf(lab, conversations)).toEqual(before);
});

test("an open breaker puts a target at the back, so that it is not asked at all", async () => {
  const lab = routeLab({ providers: ["a", "b"], aliases: [aliasOf("priority", { a: {}, b: {} })] });
  lab.behave("a", upstreamError());
  for (let round = 0; round < 40; round++) expect(await lab.ask(hi)).toBe("b");
  expect(lab.counts["a"]).toBe(10);
  lab.behave("a", 0);
  lab.clock.advance(5_000);
  expect(await lab.ask(hi)).toBe("a");
});

test("if every breaker is open the client is told so", async () => {
  const lab = routeLab({ providers: ["a", "b"], aliases: [aliasOf("weighted", { a: {}, b: {} })] });
  lab.behave("a", upstreamError());
  lab.behave("b", upstreamError());
  for (let round = 0; round < 30; round++) {
    await expect(lab.ask(hi)).rejects.toMatchObject({ name: "Failure" });
  }
  await expect(lab.ask(hi)).rejects.toMatchObject({ kind: "no_healthy_upstream" });
});

test("least-latency asks each once, then the fastest", async () => {
  const lab = routeLab({
    providers: ["a", "b", "c"],
    aliases: [aliasOf("least-latency", { a: {}, b: {}, c: {} })],
  });
  lab.behave("a", 300);
  lab.behave("b", 40);
  lab.behave("c", 90);
  for (let round = 0; round < 60; round++) await lab.ask(hi);
  expect(lab.counts).toEqual({ a: 1, b: 58, c: 1 });
});

test("least-latency finds out when another has become faster", async () => {
  const lab = routeLab({
    providers: ["a", "b"],
    aliases: [aliasOf("least-latency", { a: {}, b: {} })],
  });
  lab.behave("a", 300);
  lab.behave("b", 100);
  for (let round = 0; round < 50; round++) await lab.ask(hi);
  lab.behave("a", 20);
  lab.clock.advance(staleMs);
  for (let round = 0; round < 100; round++) await lab.ask(hi);
  const before = lab.counts["a"] ?? 0;
  for (let round = 0; round < 50; round++) await lab.ask(hi);
  expect((lab.counts["a"] ?? 0) - before).toBeGreaterThan(45);
});

test("least-latency does not take a target that fails at once for a fast one", async () => {
  const lab = routeLab({
    providers: ["a", "b"],
    aliases: [aliasOf("least-latency", { a: {}, b: {} })],
  });
  lab.behave("a", upstreamError());
  lab.behave("b", 200);
  for (let round = 0; round < 40; round++) expect(await lab.ask(hi)).toBe("b");
  expect(lab.counts["a"]).toBeLessThanOrEqual(2);
});

test("under least-latency a conversation stays while its target is not much slower", async () => {
  const lab = routeLab({
    providers: ["a", "b"],
    aliases: [aliasOf("least-latency", { a: {}, b: {} })],
  });
  lab.behave("a", 100);
  lab.behave("b", 100);
  for (let round = 0; round < 4; round++) await lab.ask(hi);
  const home = await lab.ask(longTurn("x"));
  const other = home === "a" ? "b" : "a";
  lab.behave(home, 150);
  for (let round = 0; round < 30; round++) expect(await lab.ask(longTurn("x"))).toBe(home);
  lab.behave(home, 400);
  for (let round = 0; round < 15; round++) await lab.ask(longTurn("x"));
  expect(await lab.ask(longTurn("x"))).toBe(other);
});

const price = (inputPicoUsd: number, outputPicoUsd: number) => {
  const quote: Quote = {
    price: operatorPrice({ inputPicoUsd, outputPicoUsd }, "openai", "any"),
    source: "operator",
    version: "1",
    isExact: true,
  };
  return { quote: () => quote };
};

test("least-cost asks the target that is cheapest for this very request", async () => {
  const targets = { reader: price(100_000, 9_000_000), writer: price(900_000, 1_000_000) };
  const lab = routeLab({
    providers: ["reader", "writer"],
    aliases: [aliasOf("least-cost", targets)],
  });
  expect(await lab.ask({ ...longTurn("x"), max_tokens: 10 })).toBe("reader");
  expect(await lab.ask({ ...hi, max_tokens: 4_000 })).toBe("writer");
  expect(await lab.ask({ input: long }, { endpoint: "embeddings" })).toBe("reader");
});

test("least-cost asks last whose price nobody knows, and takes 0 for free", async () => {
  const targets = { unknown: {}, dear: price(1_000_000, 1_000_000), free: price(0, 0) };
  const lab = routeLab({
    providers: ["unknown", "dear", "free"],
    aliases: [aliasOf("least-cost", targets)],
  });
  expect(await lab.ask(hi)).toBe("free");
  lab.behave("free", upstreamError());
  expect(await lab.ask(hi)).toBe("dear");
  lab.behave("dear", upstreamError());
  expect(await lab.ask(hi)).toBe("unknown");
});
