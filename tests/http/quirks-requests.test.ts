import { expect, test } from "vitest";

import { messages, shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

const startOneUpstream = shareOneUpstream();

const answer = whole(completion("ok"));

/** What a provider of this type got for a chat request with these fields, and what was reported as left out. */
async function got(
  type: string,
  fields: object,
  provider: object = {},
): Promise<{ sent: Record<string, unknown>; dropped: string[] }> {
  await using plane = await startOneUpstream({ type, script: answer, provider });
  const response = await plane.chat(fields);
  expect(response.status).toBe(200);
  await response.arrayBuffer();
  const dropped = response.headers.get("x-sentinel-dropped-params")?.split(",") ?? [];
  return { sent: plane.upstream.seen[0]?.json ?? {}, dropped };
}

async function refusal(plane: OneUpstream, fields: object): Promise<unknown> {
  const response = await plane.chat(fields);
  expect(response.status).toBe(400);
  expect(plane.upstream.seen).toHaveLength(0);
  return response.json();
}

const tools = [
  {
    type: "function",
    function: { name: "f", parameters: {} },
    cache_control: { type: "ephemeral" },
  },
];
const call = {
  id: "call_1",
  type: "function",
  index: 0,
  function: { name: "f", arguments: "" },
  extra_content: { google: { thought_signature: "x" } },
};
const thinker = {
  role: "assistant",
  content: "a",
  name: "me",
  refusal: null,
  reasoning_content: "Hmm.",
  thinking_blocks: [{ type: "thinking", thinking: "Hmm.", signature: "s" }],
  extra_content: { google: {} },
  tool_calls: [call],
};
const result = { role: "tool", tool_call_id: "call_1", content: "1" };

test("Groq gets no field that it answers with 400", async () => {
  const { sent, dropped } = await got("groq", {
    logprobs: true,
    top_logprobs: 2,
    logit_bias: null,
    n: 1,
    user: "me",
    max_completion_tokens: 9,
    reasoning_format: "parsed",
    tools,
    messages: [
      { role: "developer", content: "Be brief.", name: "boss" },
      {
        role: "user",
        name: "me",
        content: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }],
      },
      thinker,
      result,
    ],
  });
  const { extra_content: _, index: _index, ...plainCall } = call;
  expect(sent).toEqual({
    model: "m",
    user: "me",
    max_completion_tokens: 9,
    reasoning_format: "parsed",
    tools: [{ type: "function", function: { name: "f", parameters: {} } }],
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Hi" }] },
      { role: "assistant", content: "a", tool_calls: [plainCall], reasoning: "Hmm." },
      result,
    ],
  });
  expect(dropped.sort()).toEqual(["logprobs", "top_logprobs"]);
});

test.each([
  ["mistral", []],
  ["groq", ["reasoning"]],
  ["ollama", ["reasoning"]],
  ["openrouter", ["reasoning"]],
  ["vllm", ["reasoning", "reasoning_content"]],
  ["deepseek", ["reasoning_content"]],
  ["xai", ["reasoning_content"]],
])(
  "a model's thoughts go back to %s as %j, and no other vendor's blocks do",
  async (type, names) => {
    for (const name of ["reasoning_content", "reasoning"]) {
      const { sent } = await got(type, {
        messages: [
          { role: "assistant", content: "a", [name]: "Hmm.", thinking_blocks: [] },
          ...messages,
        ],
      });
      const thoughts = Object.fromEntries(names.map((field) => [field, "Hmm."]));
      expect(sent["messages"]).toEqual([
        { role: "assistant", content: "a", ...thoughts },
        ...messages,
      ]);
    }
  },
);

test.each(["openai", "azure-openai", "openai-compatible"])(
  "%s gets messages and tools as they came",
  async (type) => {
    const fields = {
      messages: [thinker, result],
      tools,
      n: 2,
      logprobs: true,
      tool_choice: "required",
    };
    const { sent, dropped } = await got(type, fields);
    expect(sent).toEqual({ model: "m", ...fields });
    expect(dropped).toEqual([]);
  },
);

test.each(["groq", "deepseek", "ollama"])(
  "%s answers once, so that a request for two answers is refused",
  async (type) => {
    await using plane = await startOneUpstream({ type, script: answer });
    expect(await refusal(plane, { n: 2 })).toMatchObject({
      error: { code: "invalid_value", param: "n", type: "invalid_request_error" },
    });
  },
);

test.each([
  ["grok-4.3", true],
  ["grok-4-fast-reasoning", true],
  ["grok-3-mini", true],
  ["grok-code-fast-1", true],
  ["grok-4.20-non-reasoning", false],
  ["grok-3", false],
  ["grok-3-fast", false],
  ["grok-2-vision-1212", false],
])("of xAI's models %s refuses `stop` and penalties: %j", async (model, refuses) => {
  const fields = { stop: ["a"], presence_penalty: 1, frequency_penalty: 1 };
  const { sent, dropped } = await got("xai", { model, ...fields }, { models: [model] });
  expect(sent).toEqual({ model, messages, ...(refuses ? {} : fields) });
  expect(dropped.sort()).toEqual(refuses ? Object.keys(fields).sort() : []);
});

test("Together takes no `logprobs` of OpenAI's kind, and `max_tokens` only", async () => {
  const { sent, dropped } = await got("together", {
    logprobs: true,
    max_completion_tokens: 5,
    n: 2,
  });
  expect(sent).toEqual({ model: "m", messages, max_tokens: 5, n: 2 });
  expect(dropped).toEqual(["logprobs"]);
});

test("OpenRouter's own models keep their namespace, and others their slashes", async () => {
  const models = ["auto", "openai/gpt-5.6-luna"];
  await using plane = await startOneUpstream({
    type: "openrouter",
    script: answer,
    provider: { models },
  });
  for (const model of ["test/auto", "openai/gpt-5.6-luna"]) await plane.chat({ model });
  expect(plane.upstream.seen.map(({ json }) => json?.["model"])).toEqual([
    "openrouter/auto",
    "openai/gpt-5.6-luna",
  ]);
});

test("OpenRouter hears which app asks", async () => {
  await using plane = await startOneUpstream({ type: "openrouter", script: answer });
  const named = {
    "http-referer": "https://app.example.com",
    "x-title": "App",
    "x-openrouter-title": "App",
  };
  await plane.chat({}, { ...named, "x-other": "1" });
  expect(plane.upstream.seen[0]?.headers).toMatchObject(named);
  expect(plane.upstream.seen[0]?.headers["x-other"]).toBeUndefined();
});

test("DeepSeek is told a JSON schema in words", async () => {
  const schema = { type: "object", properties: { a: { type: "number" } } };
  const { sent } = await got("deepseek", {
    response_format: {
      type: "json_schema",
      json_schema: { name: "s", description: "A sum.", schema },
    },
  });
  expect(sent["response_format"]).toEqual({ type: "json_object" });
  const [first, ...rest] = sent["messages"] as { role: string; content: string }[];
  expect(first?.role).toBe("system");
  expect(first?.content).toContain(JSON.stringify(schema));
  expect(first?.content).toMatch(/JSON.*A sum\./s);
  expect(rest).toEqual(messages);
});

test("DeepSeek's plain JSON mode is its own", async () => {
  const { sent } = await got("deepseek", { response_format: { type: "json_object" } });
  expect(sent).toEqual({ model: "m", messages, response_format: { type: "json_object" } });
});

const forgetful = [{ role: "assistant", content: null, tool_calls: [call] }, result];

test("where the client kept no thoughts of a tool call, DeepSeek goes on without thinking", async () => {
  const { sent, dropped } = await got("deepseek", {
    messages: forgetful,
    reasoning_effort: "high",
  });
  expect(sent).toEqual({ model: "m", messages: forgetful, thinking: { type: "disabled" } });
  expect(dropped).toEqual(["reasoning_effort"]);
});

test.each([
  ["it kept them", { messages: [thinker, result] }],
  ["no tool was called", { messages: [{ role: "assistant", content: "a" }, ...messages] }],
])("DeepSeek thinks on where %s", async (_, fields) => {
  const { sent } = await got("deepseek", { ...fields, reasoning_effort: "high" });
  expect(sent).not.toHaveProperty("thinking");
  expect(sent["reasoning_effort"]).toBe("high");
});

test("no effort at all is no thinking, by DeepSeek's own field", async () => {
  const { sent, dropped } = await got("deepseek", { reasoning_effort: "none" });
  expect(sent).toEqual({ model: "m", messages, thinking: { type: "disabled" } });
  expect(dropped).toEqual([]);
});

test("what the client itself says of DeepSeek's thinking goes first", async () => {
  const thinking = { type: "enabled" };
  const { sent } = await got("deepseek", { messages: forgetful, thinking });
  expect(sent["thinking"]).toEqual(thinking);
});

test("Ollama chooses tools for itself, so that it sees none where none may be called", async () => {
  expect(await got("ollama", { tools, tool_choice: "none" })).toEqual({
    sent: { model: "m", messages },
    dropped: [],
  });
  const required = await got("ollama", { tools, tool_choice: "required" });
  expect(required).toEqual({ sent: { model: "m", messages, tools }, dropped: ["tool_choice"] });
  expect(await got("ollama", { tools, tool_choice: "auto" })).toEqual({
    sent: { model: "m", messages, tools, tool_choice: "auto" },
    dropped: [],
  });
});

test("Ollama fetches no image, and the error says what to send in its place", async () => {
  await using plane = await startOneUpstream({ type: "ollama", script: answer });
  const image = (url: string) => ({
    messages: [
      { role: "system", content: "Look." },
      { role: "user", content: [{ type: "image_url", image_url: { url } }] },
    ],
  });
  expect(await refusal(plane, image("https://example.com/a.png"))).toMatchObject({
    error: {
      code: "invalid_value",
      param: "messages[1].content[0].image_url",
      message: expect.stringContaining("data:image/png;base64") as string,
    },
  });
  const inlined = image("data:image/png;base64,aGk=");
  expect((await plane.chat(inlined)).status).toBe(200);
  expect(plane.upstream.seen[0]?.json).toEqual({ model: "m", ...inlined });
});

test.each(["ollama", "vllm", "mistral"])(
  "%s gets a call without arguments as JSON",
  async (type) => {
    const { sent } = await got(type, { messages: [...messages, ...forgetful] });
    const [, assistant] = sent["messages"] as { tool_calls?: { function: unknown }[] }[];
    expect(assistant?.tool_calls?.[0]?.function).toEqual({ name: "f", arguments: "{}" });
  },
);

test("vLLM gets the fields of its own untouched", async () => {
  const own = {
    structured_outputs: { json: {} },
    guided_json: {},
    top_k: 5,
    chat_template_kwargs: { enable_thinking: false },
    stream_options: null,
  };
  expect(await got("vllm", own)).toEqual({ sent: { model: "m", messages, ...own }, dropped: [] });
});

test("Mistral gets tool choice, documents and audio as it has them", async () => {
  const { sent } = await got("mistral", {
    tools,
    tool_choice: "required",
    messages: [
      {
        role: "user",
        content: [
          {
            type: "file",
            file: { filename: "a.pdf", file_data: "data:application/pdf;base64,aGk=" },
          },
          { type: "input_audio", input_audio: { data: "aGk=", format: "wav" } },
          { type: "image_url", image_url: { url: "https://example.com/a.png" } },
          { type: "image_url", image_url: "https://example.com/a.png" },
        ],
      },
    ],
  });
  expect(sent["tool_choice"]).toBe("any");
  expect(sent["tools"]).toEqual([{ type: "function", function: { name: "f", parameters: {} } }]);
  expect(sent["messages"]).toEqual([
    {
      role: "user",
      content: [
        {
          type: "document_url",
          document_url: "data:application/pdf;base64,aGk=",
          document_name: "a.pdf",
        },
        { type: "input_audio", input_audio: "aGk=" },
        { type: "image_url", image_url: { url: "https://example.com/a.png" } },
        { type: "image_url", image_url: "https://example.com/a.png" },
      ],
    },
  ]);
});

test("a fallback target may do what the first one's vendor cannot", async () => {
  await using plane = await startOneUpstream({ script: answer });
  const { baseUrl } = plane.upstream;
  const provider = (type: string) => ({ type, base_url: baseUrl, api_keys: ["k"] });
  const targets = ["once", "twice"].map((name) => ({ provider: name, model: "m" }));
  await plane.gateway.reload(
    JSON.stringify({
      providers: { once: provider("groq"), twice: provider("openai") },
      models: { pair: { targets } },
    }),
  );
  const response = await plane.chat({ model: "pair", n: 2 });
  expect(response.status).toBe(200);
  expect(response.headers.get("x-sentinel-provider")).toBe("twice");
});

test.each([
  [undefined, "/openai/v1/chat/completions"],
  ["2024-10-21", "/openai/deployments/m/chat/completions?api-version=2024-10-21"],
])("Azure's API of version %s is asked at %s", async (api_version, path) => {
  await using plane = await startOneUpstream({
    type: "azure-openai",
    script: answer,
    provider: api_version === undefined ? {} : { api_version },
  });
  expect((await plane.chat()).status).toBe(200);
  expect(plane.upstream.seen[0]?.path).toBe(`/v1${path}`);
  expect(plane.upstream.seen[0]?.headers["api-key"]).toBe("sk-upstream");
});

test("a base URL that names a deployment of Azure's serves whatever model is asked for", async () => {
  await using plane = await startOneUpstream({ script: answer });
  const origin = new URL(plane.upstream.baseUrl).origin;
  const base_url = `${origin}/openai/deployments/my-gpt`;
  const azure = {
    type: "azure-openai",
    base_url,
    api_version: "2025-01-01-preview",
    api_keys: ["k"],
  };
  await plane.gateway.reload(JSON.stringify({ providers: { azure: { ...azure, models: ["m"] } } }));
  expect((await plane.chat()).status).toBe(200);
  expect(plane.upstream.seen[0]?.path).toBe(
    "/openai/deployments/my-gpt/chat/completions?api-version=2025-01-01-preview",
  );
});

test.each([
  ["2024-06-01", undefined],
  ["2024-10-21", { include_usage: true }],
])("Azure's API of %s is asked for usage in a stream with %j", async (api_version, options) => {
  await using plane = await startOneUpstream({
    type: "azure-openai",
    script: answer,
    provider: { api_version },
  });
  await (await plane.chat({ stream: true })).arrayBuffer();
  expect(plane.upstream.seen[0]?.json?.["stream_options"]).toEqual(options);
});
