import OpenAI from "openai";
import { expect, test } from "vitest";

import { startGateway } from "../support/gateway.ts";
import { startMock } from "../support/llm-mock.ts";
import { impatient, shareOneUpstream, yamlOf } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

const startOneUpstream = shareOneUpstream();

const vectors = [
  [0.1, -0.2, 1 / 3, 0, -1.5, 1e-7, 12345.678],
  [1, 2, 3, 4, 5, 6, 7],
];
const inFloat32 = vectors.map((vector) => [...new Float32Array(vector)]);
const base64 = (vector: readonly number[]): string =>
  Buffer.from(new Float32Array(vector).buffer).toString("base64");

const listOf = (embeddings: readonly unknown[]): object => ({
  object: "list",
  data: embeddings.map((embedding, index) => ({ object: "embedding", index, embedding, x: 1 })),
  model: "m",
  usage: { prompt_tokens: 4, total_tokens: 4 },
});

/** Does what the field says, as OpenAI does. */
const obedient: Script = (response, request, socket) => {
  const asksForBase64 = request.json?.["encoding_format"] === "base64";
  return whole(listOf(asksForBase64 ? vectors.map(base64) : vectors))(response, request, socket);
};
/** Sends lists of numbers whatever it is asked for, as many servers do. */
const deaf: Script = whole(listOf(vectors));

const clientOf = ({ gateway }: OneUpstream): OpenAI =>
  new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key });

const embeddingsOf = ({ data }: OpenAI.CreateEmbeddingResponse): number[][] =>
  data.map(({ embedding }) => [...embedding]);

test.each([
  ["obeys", "openai", obedient],
  ["ignores", "openai-compatible", deaf],
  ["ignores", "openai", deaf],
  ["ignores", "ollama", deaf],
])(
  "the SDK's default, base64, gives the same numbers as floats from a provider that %s it (%s)",
  async (_name, type, script) => {
    await using plane = await startOneUpstream({ type, script });
    const client = clientOf(plane);
    const request = { model: "m", input: ["a", "b"] };
    const byDefault = await client.embeddings.create(request);
    expect(plane.upstream.seen[0]?.json?.["encoding_format"]).toBe("base64");
    const asFloats = await client.embeddings.create({ ...request, encoding_format: "float" });
    expect(embeddingsOf(asFloats)).toEqual(vectors);
    expect(embeddingsOf(byDefault)).toEqual(inFloat32);
    expect(byDefault.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
  },
);

test("floats that become base64 keep everything around them", async () => {
  await using plane = await startOneUpstream({ script: deaf });
  const body = { model: "m", input: "a", encoding_format: "base64" };
  const response = await plane.gateway.post("/v1/embeddings", body);
  expect(await response.json()).toEqual(listOf(vectors.map(base64)));
});

test.each([{}, { encoding_format: "float" }, { encoding_format: null }])(
  "a request with %j is answered with what the provider sent",
  async (fields) => {
    await using plane = await startOneUpstream({ script: deaf });
    const response = await plane.gateway.post("/v1/embeddings", {
      model: "m",
      input: "a",
      ...fields,
    });
    expect(await response.json()).toEqual(listOf(vectors));
    expect(plane.upstream.seen[0]?.json).toEqual({ model: "m", input: "a", ...fields });
  },
);

test("`stream` means nothing here, and the answer is whole", async () => {
  await using plane = await startOneUpstream({ script: deaf });
  const response = await plane.gateway.post("/v1/embeddings", {
    model: "m",
    input: "a",
    stream: true,
  });
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json()).toEqual(listOf(vectors));
});

test("a third-party mock that ignores the encoding gives the SDK the same numbers either way", async () => {
  const [embedding = []] = vectors;
  await using running = await startMock((mock) => mock.onEmbedding("a", { embedding }));
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({
      providers: {
        mock: { type: "openai", base_url: running.baseUrl, api_keys: ["sk-mock"], models: ["m"] },
      },
    }),
  });
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key });
  const byDefault = await client.embeddings.create({ model: "m", input: "a" });
  const asFloats = await client.embeddings.create({
    model: "m",
    input: "a",
    encoding_format: "float",
  });
  expect(embeddingsOf(asFloats)).toEqual([embedding]);
  expect(embeddingsOf(byDefault)).toEqual([inFloat32[0]]);
});

test("tokens of an embedding are logged", async () => {
  await using plane = await startOneUpstream({ script: deaf });
  await plane.gateway.post("/v1/embeddings", { model: "m", input: "a" });
  expect(plane.gateway.lines.at(-1)).toMatchObject({ input_tokens: 4, output_tokens: 0 });
});
