import OpenAI from "openai";
import { expect, test } from "vitest";

import { shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { whole } from "../support/scripted-upstream.ts";
import type { Script, SeenRequest } from "../support/scripted-upstream.ts";

const startOneUpstream = shareOneUpstream();

const model = "gemini-embedding-001";

interface EmbedRequest {
  readonly model: string;
  readonly content: { readonly parts: readonly { readonly text: string }[] };
}

const requestsIn = ({ json }: SeenRequest): EmbedRequest[] =>
  (json?.["requests"] ?? [json]) as EmbedRequest[];

/** The embedding of a text is made of its length, so that each can be told. */
const vectorOf = (text: string): number[] => [text.length, 1 / 3, -0.5];

/** As Google documents them. (https://ai.google.dev/api/embeddings, read 2026-11-21) */
const embeds: Script = (response, request, socket) => {
  const embeddings = requestsIn(request).map(({ content }) => ({
    values: vectorOf(content.parts[0]?.text ?? ""),
  }));
  const isBatch = request.path.endsWith(":batchEmbedContents");
  return whole(isBatch ? { embeddings } : { embedding: embeddings[0] })(response, request, socket);
};

const startGoogle = (script: Script = embeds): Promise<OneUpstream> =>
  startOneUpstream({ type: "google", script, provider: { models: [model] } });

const clientOf = ({ gateway }: OneUpstream): OpenAI =>
  new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });

test.each([
  ["one text", "ab", "embedContent"],
  ["a list", ["ab", "abc"], "batchEmbedContents"],
])(
  "base64, the SDK's default, and floats give the same embeddings of %s",
  async (_what, input, method) => {
    await using plane = await startGoogle();
    const client = clientOf(plane);
    const vectors = [input].flat().map(vectorOf);
    const byDefault = await client.embeddings.create({ model, input });
    expect(byDefault.data.map(({ embedding }) => [...embedding])).toEqual(
      vectors.map((vector) => [...new Float32Array(vector)]),
    );
    const floats = await client.embeddings.create({ model, input, encoding_format: "float" });
    expect(floats.data.map(({ embedding }) => embedding)).toEqual(vectors);
    expect(floats.data.map(({ index }) => index)).toEqual(vectors.map((_, index) => index));
    expect(floats).toMatchObject({
      object: "list",
      model,
      usage: { prompt_tokens: 0, total_tokens: 0 },
    });
    expect(plane.upstream.seen[0]?.path).toBe(`/v1/models/${model}:${method}`);
  },
);

test("base64 is what is sent when it is asked for", async () => {
  await using plane = await startGoogle();
  const reply = await plane.gateway.post("/v1/embeddings", {
    model,
    input: "ab",
    encoding_format: "base64",
  });
  const base64 = Buffer.from(new Float32Array(vectorOf("ab")).buffer).toString("base64");
  expect(await reply.json()).toMatchObject({ data: [{ embedding: base64 }] });
});

test("a long list is asked for in pieces of a hundred and comes back in order", async () => {
  await using plane = await startGoogle();
  const input = Array.from({ length: 250 }, (_, index) => "x".repeat(index + 1));
  const { data } = await clientOf(plane).embeddings.create({
    model,
    input,
    encoding_format: "float",
  });
  expect(data.map(({ embedding }) => embedding[0])).toEqual(input.map(({ length }) => length));
  expect(data.map(({ index }) => index)).toEqual(input.map((_, index) => index));
  expect(plane.upstream.seen.map((request) => requestsIn(request).length)).toEqual([100, 100, 50]);
});

test("dimensions and what the embedding is for go along; what Google reports is the usage", async () => {
  const script: Script = whole({
    embedding: { values: [1] },
    usageMetadata: { promptTokenCount: 4 },
  });
  await using plane = await startGoogle(script);
  const body = { model, input: "a", dimensions: 8, task_type: "RETRIEVAL_QUERY", user: "u" };
  const reply = await plane.gateway.post("/v1/embeddings", body);
  expect(await reply.json()).toMatchObject({ usage: { prompt_tokens: 4, total_tokens: 4 } });
  expect(reply.headers.get("x-sentinel-dropped-params")).toBe("user");
  expect(plane.upstream.seen[0]?.json).toEqual({
    model: `models/${model}`,
    content: { parts: [{ text: "a" }] },
    outputDimensionality: 8,
    taskType: "RETRIEVAL_QUERY",
  });
});

test.each<[string, unknown]>([
  ["tokens", [1, 2, 3]],
  ["lists of tokens", [[1, 2]]],
  ["more than a request may have", Array.from({ length: 2_049 }, () => "x")],
])("%s are the caller's mistake", async (_what, input) => {
  await using plane = await startGoogle();
  const reply = await plane.gateway.post("/v1/embeddings", { model, input });
  expect(reply.status).toBe(400);
  expect(await reply.json()).toMatchObject({ error: { param: "input" } });
  expect(plane.upstream.seen).toHaveLength(0);
});

test("fewer embeddings than texts are the upstream's failure", async () => {
  await using plane = await startGoogle(whole({ embeddings: [{ values: [1] }] }));
  const reply = await plane.gateway.post("/v1/embeddings", { model, input: ["a", "b"] });
  expect(reply.status).toBe(502);
});
