import OpenAI from "openai";
import { expect, test } from "vitest";

import { startGateway } from "../support/gateway.ts";
import { impatient, messages, shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import { chunksOf, contentOf, readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const answer = whole(completion("ok"));

/** What the provider got for a chat request with these fields, and which of them it was said to have missed. */
async function got(
  plane: OneUpstream,
  fields: object,
): Promise<{ sent: Record<string, unknown>; dropped: string[] }> {
  const response = await plane.chat(fields);
  expect(response.status).toBe(200);
  await response.arrayBuffer();
  const dropped = response.headers.get("x-sentinel-dropped-params")?.split(",") ?? [];
  return { sent: plane.upstream.seen.at(-1)?.json ?? {}, dropped };
}

test("Mistral gets the fields that it knows, by its own names, and the others are named", async () => {
  await using plane = await startOneUpstream({ type: "mistral", script: answer });
  const kept = {
    temperature: 0,
    top_p: 1,
    stop: ["a"],
    presence_penalty: 0,
    frequency_penalty: 0,
    n: 1,
    parallel_tool_calls: false,
    response_format: { type: "json_object" },
    tools: [{ type: "function", function: { name: "f", strict: true, parameters: {} } }],
    tool_choice: "auto",
    safe_prompt: true,
    reasoning_effort: "high",
    prediction: { type: "content", content: "" },
    metadata: { a: "b" },
  };
  const unknown = { user: "me", logit_bias: {}, store: false, top_k: 3 };
  const { sent, dropped } = await got(plane, {
    ...kept,
    ...unknown,
    seed: 7,
    max_completion_tokens: 9,
    stream_options: null,
    service_tier: null,
  });
  expect(sent).toEqual({ model: "m", messages, ...kept, random_seed: 7, max_tokens: 9 });
  // What is null was not given.
  expect(dropped.sort()).toEqual(Object.keys(unknown).sort());
});

test("however many and odd the fields are that were dropped, the header that names them stays small", async () => {
  await using plane = await startOneUpstream({ type: "mistral", script: answer });
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`f${index}`, 1]));
  const { dropped } = await got(plane, { "\ud800, é\n": 1, ["x".repeat(10_000)]: 1, ...many });
  expect(dropped.slice(0, 3)).toEqual(["%EF%BF%BD%2C%20%C3%A9%0A", "x".repeat(64), "f0"]);
  expect(dropped.at(-1)).toBe("...");
  expect(dropped.length).toBeLessThan(100);
});

test("numbers that stay keep their digits when others are dropped", async () => {
  await using plane = await startOneUpstream({ type: "mistral", script: answer });
  const body = `{"model":"m","temperature":0.10,"user":"x","messages":[{"role":"user","content":"Hi"}],"seed":12345678901234567890}`;
  await plane.gateway.post("/v1/chat/completions", body);
  expect(plane.upstream.seen[0]?.body.toString("utf8")).toBe(
    body.replace('"user":"x",', "").replace("seed", "random_seed"),
  );
});

test.each([
  [{ max_tokens: 5, max_completion_tokens: 9 }, 9],
  [{ max_completion_tokens: 9, max_tokens: 5 }, 9],
  [{ max_tokens: 5, max_completion_tokens: null }, 5],
  [{ max_completion_tokens: null, max_tokens: 5 }, 5],
  [{ max_tokens: 5 }, 5],
  [{ max_completion_tokens: null }, null],
])(
  "of two limits the one in the newer field counts, unless it is null: %j",
  async (fields, limit) => {
    for (const type of ["mistral", "ollama"]) {
      await using plane = await startOneUpstream({ type, script: answer });
      const { sent, dropped } = await got(plane, fields);
      expect(sent).toEqual({ model: "m", messages, max_tokens: limit });
      expect(dropped).toEqual([]);
    }
  },
);

test("Mistral is not asked for usage in a stream, sends it all the same, and it is shown as asked", async () => {
  const last = chatChunk({ content: "b" }, "stop", {
    usage: { prompt_tokens: 3, completion_tokens: 1 },
  });
  const script = stream([chatChunk({ content: "a" }), last, done]);
  await using plane = await startOneUpstream({ type: "mistral", script });
  const ask = async (fields: object): Promise<number> => {
    const client = readStream(await plane.chat({ stream: true, ...fields }));
    await client.toEnd();
    expect(client.response.headers.has("x-sentinel-dropped-params")).toBe(false);
    expect(plane.upstream.seen.at(-1)?.json).toEqual({ model: "m", messages, stream: true });
    expect(contentOf(chunksOf(client.data))).toBe("ab");
    return chunksOf(client.data).filter((chunk) => chunk.usage != null).length;
  };
  expect(await ask({})).toBe(0);
  expect(await ask({ stream_options: { include_usage: true } })).toBe(1);
});

test("Mistral's tool ids have nine letters, the same for a call and its result", async () => {
  await using plane = await startOneUpstream({ type: "mistral", script: answer });
  const fn = { name: "f", arguments: "{}" };
  const { sent } = await got(plane, {
    messages: [
      { role: "user", content: "Hi" },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "call_01JABCDEFGHJKMNPQRSTVWXYZ0", type: "function", function: fn },
          { id: "call_01JABCDEFGHJKMNPQRSTVWXYZ1", type: "function", function: fn },
          { id: "D681PevKs", type: "function", function: fn },
        ],
      },
      { role: "tool", tool_call_id: "call_01JABCDEFGHJKMNPQRSTVWXYZ1", content: "1" },
      { role: "tool", tool_call_id: "D681PevKs", content: "2" },
      { role: "tool", tool_call_id: "call_01JABCDEFGHJKMNPQRSTVWXYZ0", content: "0" },
    ],
  });
  const written = sent["messages"] as {
    tool_calls?: { id: string; function: object }[];
    tool_call_id?: string;
  }[];
  const calls = written[1]?.tool_calls ?? [];
  const ids = calls.map(({ id }) => id);
  expect(ids.every((id) => /^[A-Za-z0-9]{9}$/.test(id))).toBe(true);
  expect(new Set(ids).size).toBe(3);
  expect(ids[2]).toBe("D681PevKs");
  expect(written.slice(2).map((message) => message.tool_call_id)).toEqual([ids[1], ids[2], ids[0]]);
  expect(calls[0]?.function).toEqual(fn);
});

test.each(["mistral", "ollama", "vllm"])(
  "%s gets a developer's message as a system message",
  async (type) => {
    await using plane = await startOneUpstream({ type, script: answer });
    const { sent } = await got(plane, {
      messages: [{ role: "developer", content: "Be brief." }, ...messages],
    });
    expect(sent["messages"]).toEqual([{ role: "system", content: "Be brief." }, ...messages]);
  },
);

test("Mistral's messages have no field that it would refuse", async () => {
  await using plane = await startOneUpstream({ type: "mistral", script: answer });
  const parts = [{ type: "text", text: "Hi" }];
  const { sent } = await got(plane, {
    messages: [
      { role: "user", content: parts, name: "me" },
      {
        role: "assistant",
        content: "a",
        refusal: null,
        audio: null,
        annotations: [],
        prefix: true,
      },
      { role: "tool", tool_call_id: "aaaaaaaaa", name: "f", content: "", extra: 1 },
    ],
  });
  expect(sent["messages"]).toEqual([
    { role: "user", content: parts },
    { role: "assistant", content: "a", prefix: true },
    { role: "tool", tool_call_id: "aaaaaaaaa", name: "f", content: "" },
  ]);
});

const thinking = [
  {
    type: "thinking",
    thinking: [
      { type: "text", text: "Hmm" },
      { type: "text", text: ", yes." },
    ],
  },
  { type: "text", text: "The answer " },
  { type: "text", text: "is 42." },
];

test("Mistral's content in lists comes as text, its thoughts apart, and `model_length` as `length`", async () => {
  const choices = [
    { index: 0, message: { role: "assistant", content: thinking }, finish_reason: "model_length" },
  ];
  const script = whole(completion("", { choices, unknown: 1 }));
  await using plane = await startOneUpstream({ type: "mistral", script });
  expect(await (await plane.chat()).json()).toMatchObject({
    unknown: 1,
    choices: [
      {
        message: {
          role: "assistant",
          content: "The answer is 42.",
          reasoning_content: "Hmm, yes.",
        },
        finish_reason: "length",
      },
    ],
  });
});

test("the same in a stream", async () => {
  const script = stream([
    chatChunk({ role: "assistant", content: "" }),
    ...thinking.map((part) => chatChunk({ content: [part] })),
    chatChunk({ content: " Bye." }),
    chatChunk({ content: "" }, "model_length"),
    done,
  ]);
  await using plane = await startOneUpstream({ type: "mistral", script });
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("whole");
  const chunks = chunksOf(client.data);
  expect(contentOf(chunks)).toBe("The answer is 42. Bye.");
  const deltas = chunks.map((chunk) => chunk.choices[0]?.delta);
  expect(deltas.every((delta) => typeof (delta?.content ?? "") === "string")).toBe(true);
  expect(deltas.map((delta) => delta?.reasoning_content ?? "").join("")).toBe("Hmm, yes.");
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("length");
});

test("Mistral's embeddings take `output_dimension`", async () => {
  await using plane = await startOneUpstream({
    type: "mistral",
    script: whole({ object: "list", data: [] }),
  });
  const body = { model: "m", input: ["a"], dimensions: 256, encoding_format: "float", user: "me" };
  const response = await plane.gateway.post("/v1/embeddings", body);
  expect(response.headers.get("x-sentinel-dropped-params")).toBe("user");
  expect(plane.upstream.seen[0]?.json).toEqual({
    model: "m",
    input: ["a"],
    output_dimension: 256,
    encoding_format: "float",
  });
});

test.each([
  ["mistral", "/v1/completions", { prompt: "a" }],
  ["mistral", "/v1/responses", { input: "a" }],
  ["ollama", "/v1/moderations", { input: "a" }],
])("%s does not have %s, and says so", async (type, path, fields) => {
  await using plane = await startOneUpstream({ type, script: answer });
  const response = await plane.gateway.post(path, { model: "m", ...fields });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { code: "unsupported_endpoint", param: "model" },
  });
  expect(plane.upstream.seen).toHaveLength(0);
});

/** What Ollama's compatible API streams for a call: all of it in one piece, the arguments an object. */
const ollamaCall = stream([
  chatChunk({
    role: "assistant",
    content: "",
    tool_calls: [{ id: "call_x", index: 0, function: { name: "f", arguments: { city: "Köln" } } }],
  }),
  chatChunk({ role: "assistant", content: "" }, "stop"),
  usageChunk({ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }),
  done,
]);

test("OLLAMA_BASE_URL needs no /v1, and its models are found with or without `:latest`", async () => {
  await using ollama = await startScriptedUpstream(answer);
  ollama.listModels(["llama3.2:latest", "qwen3:8b"]);
  const origin = ollama.baseUrl.slice(0, -"/v1".length);
  await using gateway = await startGateway({
    env: {
      ...impatient,
      OLLAMA_BASE_URL: `${origin}/`,
    },
  });
  for (const model of ["llama3.2", "llama3.2:latest", "qwen3:8b", "ollama/anything"]) {
    const response = await gateway.post("/v1/chat/completions", { model, messages });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-sentinel-provider")).toBe("ollama");
  }
  expect(new Set(ollama.seen.map(({ path }) => path))).toEqual(new Set(["/v1/chat/completions"]));
  expect(ollama.seen.map(({ json }) => json?.["model"])).toEqual([
    "llama3.2",
    "llama3.2:latest",
    "qwen3:8b",
    "anything",
  ]);
  expect(ollama.seen[0]?.headers.authorization).toBeUndefined();
});

test("OpenAI's own SDK runs a tool of Ollama's model in a stream", async () => {
  await using plane = await startOneUpstream({ type: "ollama", script: ollamaCall });
  const client = new OpenAI({ baseURL: `${plane.gateway.url}/v1`, apiKey: plane.gateway.key });
  const { choices } = await client.chat.completions
    .stream({ model: "m", messages: [...messages], max_completion_tokens: 50 })
    .finalChatCompletion();
  expect(choices[0]?.finish_reason).toBe("tool_calls");
  expect(choices[0]?.message.tool_calls).toMatchObject([
    { id: "call_x", type: "function", function: { name: "f", arguments: '{"city":"Köln"}' } },
  ]);
  expect(plane.upstream.seen[0]?.json).toMatchObject({ max_tokens: 50 });
  expect(plane.upstream.seen[0]?.json).not.toHaveProperty("max_completion_tokens");
});
