import { expect, test, vi } from "vitest";

import { openCompatibleEmbedder } from "../../../src/embedders/openai-compatible/open.ts";
import type { CompatibleEmbedderOptions } from "../../../src/embedders/openai-compatible/open.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Embedder } from "../../../src/pipeline/cache/embedder.ts";
import { startScriptedUpstream, whole } from "../../support/scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "../../support/scripted-upstream.ts";

const open = (
  upstream: ScriptedUpstream,
  more: Partial<CompatibleEmbedderOptions> = {},
): Embedder =>
  openCompatibleEmbedder({
    name: "vectors",
    baseUrl: upstream.baseUrl,
    model: "text-embedding-3-small",
    apiKey: "sk-of-the-embedder",
    clock: systemClock,
    ...more,
  });

const list = (...embeddings: readonly (readonly unknown[])[]): object => ({
  object: "list",
  data: embeddings.map((embedding, index) => ({ object: "embedding", index, embedding })),
  model: "text-embedding-3-small",
  usage: { prompt_tokens: 1, total_tokens: 1 },
});

/** Each text's vector points at its length. */
const byLength: Script = (response, request, socket) => {
  const { input } = request.json ?? {};
  const texts = [input].flat() as string[];
  return whole(list(...texts.map((text) => [text.length, 0, 1])))(response, request, socket);
};

const lengthOf = (vector: Float32Array): number => Math.round((vector[0] ?? 0) / (vector[2] ?? 1));

test("a text goes out as OpenAI's request and comes back as a vector of length 1", async () => {
  await using upstream = await startScriptedUpstream(whole(list([3, 4])));
  await using embedder = open(upstream, { headers: { "x-team": "search" } });
  expect(embedder.dimensions).toBeUndefined();
  const [x = 0, y = 0] = await embedder.embed("hello");
  expect([x, y]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  expect(embedder.dimensions).toBe(2);
  const [request] = upstream.seen;
  expect(request).toMatchObject({
    path: "/v1/embeddings",
    json: { model: "text-embedding-3-small", input: "hello", encoding_format: "float" },
  });
  expect(request?.headers).toMatchObject({
    authorization: "Bearer sk-of-the-embedder",
    "x-team": "search",
  });
});

test("the dimensions are asked for where they are set, and a server without a key gets none", async () => {
  await using upstream = await startScriptedUpstream(whole(list([1, 0])));
  await using embedder = open(upstream, { dimensions: 2, apiKey: undefined });
  await embedder.embed("hello");
  expect(upstream.seen[0]?.json?.["dimensions"]).toBe(2);
  expect(upstream.seen[0]?.headers).not.toHaveProperty("authorization");
});

test("texts that come while requests are out go together, each with its own vector", async () => {
  await using upstream = await startScriptedUpstream(byLength);
  await using embedder = open(upstream, { limits: { runsMax: 1 } });
  const texts = Array.from({ length: 50 }, (_, index) => "x".repeat(index + 1));
  const vectors = await Promise.all(texts.map((text) => embedder.embed(text)));
  expect(vectors.map(lengthOf)).toEqual(texts.map(({ length }) => length));
  expect(upstream.seen).toHaveLength(2);
});

test("vectors in another order are told apart by their index", async () => {
  const mixed = { data: [2, 0, 1].map((index) => ({ index, embedding: [index + 1, 0, 1] })) };
  await using upstream = await startScriptedUpstream(whole(mixed));
  await using embedder = open(upstream);
  expect((await embedder.embedMany(["a", "b", "c"])).map(lengthOf)).toEqual([1, 2, 3]);
});

test("a text that the server refuses costs no other text its vector", async () => {
  const refusing: Script = (response, request, socket) =>
    JSON.stringify(request.json?.["input"]).includes("bad")
      ? whole({ error: { message: "bad" } }, {}, 400)(response, request, socket)
      : byLength(response, request, socket);
  await using upstream = await startScriptedUpstream(refusing);
  await using embedder = open(upstream, { limits: { runsMax: 1 } });
  const outcomes = await Promise.allSettled(
    ["1", "22", "bad", "4444"].map((t) => embedder.embed(t)),
  );
  const kinds = outcomes.map((o) =>
    o.status === "fulfilled" ? lengthOf(o.value) : (o.reason as unknown),
  );
  expect(kinds).toEqual([1, 2, expect.objectContaining({ kind: "refused" }), 4]);
});

test("a text past every model's window is not sent", async () => {
  await using upstream = await startScriptedUpstream(byLength);
  await using embedder = open(upstream);
  const long = embedder.embed("x".repeat(100_000));
  await expect(long).rejects.toMatchObject({ kind: "too_long" });
  expect(upstream.seen).toHaveLength(0);
});

test.each([
  ["no JSON", whole("<html>")],
  ["no list", whole({ object: "list" })],
  ["too few vectors", whole(list())],
  ["too many vectors", whole(list([1, 0], [1, 0]))],
  ["a vector of zeros", whole(list([0, 0]))],
  ["a vector of words", whole(list(["a"]))],
  ["an index far out", whole({ data: [{ index: 4_000_000_000, embedding: [1, 0] }] })],
  ["an error", whole({ error: { message: "sk-of-the-embedder" } }, {}, 500)],
  ["a wrong key", whole({ error: { message: "sk-of-the-embedder" } }, {}, 401)],
])(
  "an answer that is %s makes the embedder unavailable, and says so without a secret",
  async (_, script) => {
    await using upstream = await startScriptedUpstream(script);
    await using embedder = open(upstream);
    const failure: unknown = await embedder.embed("private words").catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "unavailable" });
    expect(embedder.health.detail).toContain("vectors");
    expect(embedder.health.detail).not.toMatch(/sk-of|private|127\.0\.0\.1/);
    upstream.answer(whole(list([1])));
    await embedder.embed("again");
    expect(embedder.health.isDegraded).toBe(false);
  },
);

test("a vector of another length is not mixed with the others", async () => {
  await using upstream = await startScriptedUpstream(whole(list([1, 0])));
  await using embedder = open(upstream);
  await embedder.embed("first");
  upstream.answer(whole(list([1, 0, 0])));
  await expect(embedder.embed("second")).rejects.toMatchObject({ kind: "unavailable" });
});

test("a server that does not answer costs the time limit, and its request is given up", async () => {
  await using upstream = await startScriptedUpstream(() => undefined);
  await using embedder = open(upstream, { limits: { answerMs: 50 } });
  await expect(embedder.embed("x")).rejects.toMatchObject({ kind: "timeout" });
  await vi.waitFor(() => expect(upstream.openCount).toBe(0));
  expect(embedder.health.isDegraded).toBe(true);
});

test("a server that is not there is said to be so at once", async () => {
  const upstream = await startScriptedUpstream();
  await using embedder = open(upstream);
  await upstream[Symbol.asyncDispose]();
  await expect(embedder.embed("x")).rejects.toMatchObject({ kind: "unavailable" });
});

test("whoever leaves ends a request that nobody else waits for", async () => {
  await using upstream = await startScriptedUpstream(() => undefined);
  await using embedder = open(upstream);
  const leaving = new AbortController();
  const left = expect(embedder.embed("x", leaving.signal)).rejects.toMatchObject({
    kind: "cancelled",
  });
  await vi.waitFor(() => expect(upstream.openCount).toBe(1));
  leaving.abort();
  await left;
  await vi.waitFor(() => expect(upstream.openCount).toBe(0));
  expect(embedder.health.isDegraded).toBe(false);
});

test("another address, model or length is another id; the key is none of it", async () => {
  await using upstream = await startScriptedUpstream();
  const variants = [{}, { model: "other" }, { dimensions: 256 }, { baseUrl: "http://a.test/v1" }];
  const ids = variants.map((more) => open(upstream, more).id);
  expect(new Set(ids).size).toBe(4);
  expect(open(upstream, { apiKey: "another" }).id).toBe(ids[0]);
});
